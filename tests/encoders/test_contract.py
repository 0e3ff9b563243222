"""What every entry of ENCODERS must do."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fake_envs import random_frames
from numpy.typing import NDArray

from slotenv import SlotEncoder
from slotenv.encoders import ENCODERS, SlotMapEncoder, to_unit_float
from slotenv.frames import plain
from slotenv.lazy_encoder import LazyEncoder


@pytest.fixture(params=sorted(ENCODERS))
def encoder(request: pytest.FixtureRequest) -> SlotEncoder:
    torch.manual_seed(0)
    architecture = ENCODERS[request.param]
    frames = squares(30) if architecture.fit_frames else np.empty((0, 84, 96, 3))
    size = None if architecture.fit_frames else 5
    made = architecture.from_frames(frames, preprocess=plain(84, 96), num_slots=3, slot_dim=size)
    return made.eval()


def squares(count: int) -> NDArray[np.uint8]:
    """Frames (N, 84, 96, 3) in which two squares move."""
    frames = np.zeros((count, 84, 96, 3), np.uint8)
    for i, frame in enumerate(frames):
        frame[10:18, 2 * i : 2 * i + 8] = (200, 40, 40)
        frame[2 * i : 2 * i + 6, 70:76] = (40, 40, 200)
    return frames


def test_shapes_and_kinds(encoder: SlotEncoder) -> None:
    frames = random_frames(4, 84, 96)
    slots = encoder.encode(frames)
    assert isinstance(slots, np.ndarray)
    assert slots.shape == (4, encoder.num_slots, encoder.slot_dim)
    assert encoder.num_slots <= 3
    assert slots.dtype == np.float32
    tensor = encoder.encode(torch.from_numpy(frames))
    assert isinstance(tensor, torch.Tensor)
    np.testing.assert_array_equal(tensor.numpy(), slots)
    assert not tensor.requires_grad


def test_no_frames_no_slots(encoder: SlotEncoder) -> None:
    assert encoder.encode(np.zeros((0, 84, 96, 3), np.uint8)).shape == (
        0,
        encoder.num_slots,
        encoder.slot_dim,
    )


def test_forward_equals_forward_prepared_equals_encode(encoder: SlotEncoder) -> None:
    frames = random_frames(3, 84, 96)
    frames[1] = 0  # some frames with equal windows
    expected = encoder(to_unit_float(torch.from_numpy(frames))).slots
    prepared = encoder.forward_prepared(encoder.prepare(frames)).slots
    torch.testing.assert_close(prepared, expected, atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(encoder.encode(frames), expected.detach(), atol=1e-5, rtol=1e-4)


def test_a_frame_alone_equals_the_frame_in_a_batch(encoder: SlotEncoder) -> None:
    frames = random_frames(4, 84, 96)
    together = encoder.encode(frames)
    for i in range(4):
        np.testing.assert_allclose(encoder.encode(frames[i : i + 1])[0], together[i], atol=1e-4)


def test_every_parameter_gets_a_gradient(encoder: SlotEncoder) -> None:
    frames = squares(5)[1:] if encoder.slot_fields else random_frames(4, 84, 96)
    encoder(to_unit_float(torch.from_numpy(frames))).slots.square().sum().backward()
    missing = [n for n, p in encoder.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_what_an_architecture_cannot_have_is_refused(name: str) -> None:
    architecture = ENCODERS[name]
    frames = np.zeros((0, 84, 96, 3), np.uint8)
    if architecture.fit_frames:
        with pytest.raises(ValueError, match="needs frames to find them in"):
            architecture.from_frames(frames, preprocess=plain(84, 96))
        with pytest.raises(ValueError, match=r"slots of .* are 6 numbers .*got slot_dim=5"):
            architecture.from_frames(random_frames(4, 84, 96), preprocess=plain(84, 96), slot_dim=5)
    else:
        with pytest.raises(ValueError, match="needs to be told num_slots"):
            architecture.from_frames(frames, preprocess=plain(84, 96))


def test_wrappers_take_its_folder(encoder: SlotEncoder, tmp_path: Path) -> None:
    encoder.save_pretrained(tmp_path)
    lazy = LazyEncoder(tmp_path, device="cpu", user="test")
    assert (lazy.num_slots, lazy.slot_dim) == (encoder.num_slots, encoder.slot_dim)
    frames = random_frames(2, 84, 96)
    np.testing.assert_allclose(lazy.encode(frames).slots, encoder.encode(frames), atol=1e-4)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.encode(frames), encoder.encode(frames))


def test_encode_leaves_the_mode_alone(encoder: SlotEncoder) -> None:
    encoder.train()
    encoder.encode(random_frames(1, 84, 96))
    assert encoder.training


def test_non_contiguous_frames_are_welcome(encoder: SlotEncoder) -> None:
    frames = random_frames(4, 84, 96)
    np.testing.assert_array_equal(
        encoder.encode(frames[::-1]), encoder.encode(np.ascontiguousarray(frames[::-1]))
    )


@pytest.mark.parametrize(
    ("frames", "error", "text"),
    [
        (np.zeros((2, 84, 96, 3), np.float32), TypeError, "must be uint8"),
        (np.zeros((84, 96, 3), np.uint8), ValueError, "Add a batch axis"),
        (np.zeros((2, 84, 84, 1), np.uint8), ValueError, "grey"),
        (np.zeros((2, 3, 84, 96), np.uint8), ValueError, "channels-first"),
        (np.zeros((2, 84, 96, 12), np.uint8), ValueError, "stacked"),
        ([[0]], TypeError, "must be uint8"),
    ],
)
def test_wrong_frames_are_named(
    encoder: SlotEncoder, frames: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        encoder.encode(frames)  # type: ignore[call-overload]


def test_an_argument_that_is_not_kept_is_named() -> None:
    class Wide(SlotMapEncoder):
        architecture = "wide"

        def __init__(self, *, width: int = 3, **more: Any) -> None:
            super().__init__(**more)

    try:
        wide = Wide(num_slots=2, slot_dim=4, preprocess=plain(84, 84), width=5)
        with pytest.raises(TypeError, match=r"takes width and does not keep it.*: set self\.width"):
            wide.architecture_kwargs()
        wide.width = 5
        assert wide.architecture_kwargs()["width"] == 5
    finally:
        del ENCODERS["wide"]


def test_rebuilds_from_its_kwargs(encoder: SlotEncoder) -> None:
    again = type(encoder)(**encoder.architecture_kwargs())
    assert again.architecture_kwargs() == encoder.architecture_kwargs()
    again.load_state_dict(encoder.state_dict(), strict=True)
