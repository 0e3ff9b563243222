"""Weights that no training makes are refused before they make slots."""

from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from moving_blocks import scene

from slotenv import SlotEncoder, checkpoint
from slotenv.encoders import ENCODERS, ObjectMixtureEncoder
from slotenv.frames import plain

FRAMES = scene(60).frames.repeat(2, 1).repeat(2, 2)
PRESET = plain(96, 80)


def make(name: str) -> SlotEncoder:
    torch.manual_seed(0)
    return ENCODERS[name].from_frames(FRAMES, preprocess=PRESET, num_slots=3).eval()


@pytest.fixture(scope="module")
def objects() -> dict[str, torch.Tensor]:
    return make("object_mixture").state_dict()


def of_objects(state: dict[str, torch.Tensor], **changed: Any) -> ObjectMixtureEncoder:
    """An encoder with the first number of some tensors replaced."""
    state = {name: tensor.clone() for name, tensor in state.items()}
    for name, value in changed.items():
        state[name].view(-1)[0] = value
    num_slots, num_colours = state["colour"].shape
    encoder = ObjectMixtureEncoder(
        num_slots=num_slots,
        num_colours=num_colours,
        num_usual=len(state["usual_colours"]),
        preprocess=PRESET,
    )
    encoder.load_state_dict(state)
    return encoder


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30, -1e30])
@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_every_tensor_is_looked_at(name: str, value: float) -> None:
    encoder = make(name)
    encoder.check_weights()
    for tensor_name, tensor in encoder.state_dict().items():
        if not tensor.is_floating_point():
            continue
        before = tensor.view(-1)[0].clone()
        tensor.view(-1)[0] = value
        with pytest.raises(ValueError, match=rf"^{tensor_name} (holds|must lie)") as caught:
            encoder.check_weights()
        assert "\n" not in str(caught.value)
        tensor.view(-1)[0] = before
    encoder.check_weights()


@pytest.mark.parametrize(
    "changed",
    [
        {"size": 21.0},
        {"size": -21.0},
        {"spread": 50.0},
        {"home": 30.0},
        {"usual_mass": 0.0},
        {"usual_mass": -5.0},
        {"moves": 2.0},
        {"look_range": -0.1},
        {"usual_colours": 254},
        {"usual_colours": 255},  # a place without any usual colour
    ],
    ids=str,
)
def test_what_means_nothing_is_named(
    objects: dict[str, torch.Tensor], changed: dict[str, Any]
) -> None:
    of_objects(objects).check_weights()
    (name,) = changed
    with pytest.raises(ValueError, match=f"^{name} "):
        of_objects(objects, **changed).check_weights()


def test_the_edge_of_the_bounds_still_gives_numbers(objects: dict[str, torch.Tensor]) -> None:
    for sign in (-1.0, 1.0):
        encoder = of_objects(objects)
        with torch.no_grad():
            for name in ("size", "spread", "home"):
                getattr(encoder, name).fill_(sign * 20)
            for name in ("colour", "weight", "outlier"):
                getattr(encoder, name)[..., ::2] = sign * 1e4
            encoder.usual_mass.fill_(2e-6 if sign < 0 else 1e9)
        encoder.check_weights()
        assert np.isfinite(encoder.encode(FRAMES[:4])).all()


def test_the_last_colour_of_the_palette_is_one(objects: dict[str, torch.Tensor]) -> None:
    of_objects(objects, usual_colours=objects["colour"].shape[1] - 1).check_weights()
    with pytest.raises(ValueError, match=r"usual_colours holds \d+, the palette has \d+ colours"):
        of_objects(objects, usual_colours=objects["colour"].shape[1]).check_weights()


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_a_folder_with_such_weights_is_not_loaded(name: str, tmp_path: Any) -> None:
    encoder = make(name)
    encoder.save_pretrained(tmp_path)
    first = next(n for n, t in encoder.state_dict().items() if t.is_floating_point())
    encoder.state_dict()[first].view(-1)[0] = float("nan")
    weights = safetensors.torch.save(encoder.state_dict())
    _replace_weights(tmp_path, weights)
    with pytest.raises(ValueError, match=rf"model\.safetensors: {first} holds numbers that are"):
        SlotEncoder.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match=f"{first} holds numbers that are not finite"):
        encoder.save_pretrained(tmp_path / "other")


def _replace_weights(folder: Any, weights: bytes) -> None:
    """Put other weights into a folder, with the checksums that belong to them."""
    import hashlib

    from slotenv import records

    config = {
        **checkpoint.read_config(folder),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    (folder / checkpoint.WEIGHTS).write_bytes(weights)
    (folder / checkpoint.CONFIG).write_text(records.dumps(config))


def test_what_the_package_brings_is_within_all_bounds() -> None:
    from slotenv import ready

    for name in ready.names():
        SlotEncoder.from_pretrained(name).check_weights()
