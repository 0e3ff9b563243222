"""PyTorch's modes that a caller may be in: slots are the same, or the error says why not."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from moving_blocks import Block, scene

from slotenv import SlotEncoder
from slotenv.encoders import ENCODERS, ObjectMixtureEncoder, to_unit_float
from slotenv.frames import plain

PRESET = plain(96, 80)
FRAMES = scene(60, (Block((200, 40, 40), 5, 8, (7, 15)),)).frames.repeat(2, 1).repeat(2, 2)


def make(name: str) -> SlotEncoder:
    torch.manual_seed(0)
    return ENCODERS[name].from_frames(FRAMES, preprocess=PRESET, num_slots=3).eval()


@pytest.fixture(params=sorted(ENCODERS))
def encoder(request: pytest.FixtureRequest) -> SlotEncoder:
    return make(request.param)


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("count", [1, 6])
def test_autocast_changes_no_number(encoder: SlotEncoder, dtype: torch.dtype, count: int) -> None:
    expected = encoder.encode(FRAMES[:count])
    with torch.autocast("cpu", dtype=dtype):
        np.testing.assert_array_equal(encoder.encode(FRAMES[:count]), expected)
        tensor = encoder.encode(torch.from_numpy(FRAMES[:count]))
    np.testing.assert_array_equal(tensor.numpy(), expected)


def test_objects_are_told_apart_in_float32_in_training_too() -> None:
    encoder = make("object_mixture")
    assert isinstance(encoder, ObjectMixtureEncoder)
    boxes, images = encoder.boxes(FRAMES[:4]), to_unit_float(torch.from_numpy(FRAMES[:4]))
    expected = encoder(images).slots
    with torch.autocast("cpu", dtype=torch.bfloat16):
        np.testing.assert_array_equal(encoder.boxes(FRAMES[:4]), boxes)
        torch.testing.assert_close(encoder(images).slots, expected, rtol=0, atol=0)
        other = make("object_mixture")  # fitted in this mode
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name


def test_what_inference_mode_leaves_behind_serves_outside_of_it(encoder: SlotEncoder) -> None:
    encoder.requires_grad_(False)
    with torch.inference_mode():
        encoder.encode(FRAMES[:8])
    expected = encoder.encode(FRAMES[8:20])  # what is remembered grows
    with torch.inference_mode():
        np.testing.assert_array_equal(encoder.encode(FRAMES[8:20]), expected)
    encoder.requires_grad_(True)
    encoder(to_unit_float(torch.from_numpy(FRAMES[:4]))).slots.sum().backward()


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_encoders_made_or_loaded_in_inference_mode_can_be_trained(
    name: str, tmp_path: Path
) -> None:
    with torch.inference_mode():
        made = make(name)
        made.save_pretrained(tmp_path)
        loaded = SlotEncoder.from_pretrained(tmp_path)
    for encoder in (made, loaded):
        encoder(to_unit_float(torch.from_numpy(FRAMES[:4]))).slots.sum().backward()
        with torch.no_grad():
            for parameter in encoder.parameters():
                parameter.add_(0.01)
        np.testing.assert_array_equal(encoder.encode(FRAMES[:4]), encoder.encode(FRAMES[:4]))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_weights_and_slots_are_float32_whatever_the_default(name: str, tmp_path: Path) -> None:
    encoder = make(name)
    encoder.save_pretrained(tmp_path)
    loaded = SlotEncoder.from_pretrained(tmp_path)
    for count in (0, 1, 8):
        slots = loaded.encode(FRAMES[:count])
        assert slots.dtype == np.float32
        torch.set_default_dtype(torch.float32)
        np.testing.assert_array_equal(loaded.encode(FRAMES[:count]), slots)
        torch.set_default_dtype(torch.float64)
    assert loaded.encode(torch.from_numpy(FRAMES[:0])).dtype == torch.float32


def test_the_default_dtype_changes_no_fit(float64: None) -> None:
    there = make("object_mixture")
    assert isinstance(there, ObjectMixtureEncoder)
    there = there.refit(FRAMES[:40])
    boxes = there.boxes(FRAMES[:3])
    torch.set_default_dtype(torch.float32)
    here = make("object_mixture")
    assert isinstance(here, ObjectMixtureEncoder)
    here = here.refit(FRAMES[:40])
    for name, tensor in here.state_dict().items():
        assert torch.equal(tensor, there.state_dict()[name]), name
    np.testing.assert_array_equal(here.boxes(FRAMES[:3]), boxes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes_are_refused_where_they_would_matter(
    encoder: SlotEncoder, dtype: torch.dtype, tmp_path: Path
) -> None:
    expected = encoder.encode(FRAMES[:5])
    encoder.to(dtype)
    with pytest.raises(ValueError, match=rf"needs float32 weights, got {dtype}.*\.float\(\)"):
        encoder.encode(FRAMES[:5])
    with pytest.raises(ValueError, match=rf"is {dtype}, encoders compute in float32"):
        encoder.save_pretrained(tmp_path / "encoder")
    assert not (tmp_path / "encoder" / "config.json").exists()
    if isinstance(encoder, ObjectMixtureEncoder):
        with pytest.raises(ValueError, match=f"boxes needs float32 weights, got {dtype}"):
            encoder.boxes(FRAMES[:5])
    np.testing.assert_allclose(encoder.float().encode(FRAMES[:5]), expected, atol=0.2)


def test_the_default_encoder_is_compiled_around(encoder: SlotEncoder) -> None:
    if not isinstance(encoder, ObjectMixtureEncoder):
        pytest.skip("others are ordinary layers")
    encoder.requires_grad_(False)
    images = to_unit_float(torch.from_numpy(FRAMES[:4]))
    graphs = []

    def count(graph: torch.fx.GraphModule, _: object) -> object:
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(lambda x: 2 * encoder(x / 1).slots, backend=count)
    torch.testing.assert_close(compiled(images), 2 * encoder(images).slots)
    torch.testing.assert_close(compiled(images.flip(0)), 2 * encoder(images.flip(0)).slots)
    assert len(graphs) <= 2  # what stands before it and after it
    whole = torch.compile(encoder, backend=count)
    torch.testing.assert_close(whole(images).slots, encoder(images).slots)
    assert len(graphs) <= 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # trace is on its way out
def test_what_works_outside_of_pytorch_is_not_traced(encoder: SlotEncoder) -> None:
    images = to_unit_float(torch.from_numpy(FRAMES[:4]))
    with pytest.raises(ValueError, match="encode works outside of PyTorch and cannot be traced"):
        torch.jit.trace(
            lambda x: encoder.encode(x), torch.from_numpy(FRAMES[:4]), check_trace=False
        )
    if isinstance(encoder, ObjectMixtureEncoder):
        with pytest.raises(ValueError, match="ObjectMixtureEncoder works outside of PyTorch"):
            torch.jit.trace(lambda x: encoder(x).slots, images, check_trace=False)
        with pytest.raises(ValueError, match="cannot be traced or exported"):
            torch.export.export(encoder, (images,), strict=False)
