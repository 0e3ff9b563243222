"""Sizes of encoders: whole numbers of any kind, and never more than what fits the memory."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from fake_envs import random_frames

from slotenv.encoders import (
    ENCODERS,
    FittedEncoder,
    GlobalVectorEncoder,
    ObjectEncoder,
    ObjectMixtureEncoder,
    SlotMapEncoder,
)
from slotenv.encoders.trunk import large_linear
from slotenv.frames import plain

PRESET = plain(84, 84)
KWARGS: dict[str, dict[str, Any]] = {
    "global_vector": {"num_slots": 3, "slot_dim": 5},
    "object_mixture": {"num_slots": 3, "num_colours": 4, "slot_dim": 6},
    "objects": {
        "num_slots": 3,
        "num_colours": 4,
        "num_usual": 2,
        "num_looks": 5,
        "num_groups": 2,
        "slot_dim": 6,
    },
    "slot_attention": {"num_slots": 3, "slot_dim": 5, "iterations": 2},
    "slot_maps": {"num_slots": 3, "slot_dim": 5},
}
FITTED = ("object_mixture", "objects")
SIZES = [(name, size) for name, kwargs in KWARGS.items() for size in kwargs]


@pytest.mark.parametrize("kind", [np.int64, np.uint8, torch.tensor])
@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_numpy_s_whole_numbers_are_kept_as_ints(name: str, kind: Any) -> None:
    kwargs = {size: kind(value) for size, value in KWARGS[name].items()}
    encoder = ENCODERS[name](**kwargs, preprocess=PRESET)
    found = encoder.architecture_kwargs()
    assert {size: found[size] for size in kwargs} == KWARGS[name]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("value", [0, -1, 10**9, 10**30])
@pytest.mark.parametrize(("name", "size"), SIZES)
def test_sizes_out_of_bounds_are_no_allocation(name: str, size: str, value: int) -> None:
    with pytest.raises(ValueError, match=rf"{size}.*{value}"):
        ENCODERS[name](**{**KWARGS[name], size: value}, preprocess=PRESET)


@pytest.mark.parametrize("value", [1.0, 2.5, "3", True, np.bool_(True), float("nan"), [3]])
@pytest.mark.parametrize(
    ("name", "size"), [(n, s) for n, s in SIZES if s != "slot_dim" or n not in FITTED]
)
def test_what_is_no_whole_number_is_named(name: str, size: str, value: object) -> None:
    with pytest.raises(TypeError, match=rf"{size} must be a whole number, got"):
        ENCODERS[name](**{**KWARGS[name], size: value}, preprocess=PRESET)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_no_length_is_not_the_default_length(name: str) -> None:
    with pytest.raises(ValueError, match=r"slot_dim.*0"):
        ENCODERS[name].from_frames(
            random_frames(30, 84, 84), preprocess=PRESET, num_slots=2, slot_dim=0
        )


def test_the_largest_is_allowed_and_one_more_is_not() -> None:
    encoder = SlotMapEncoder(num_slots=2, slot_dim=1024, preprocess=PRESET)
    assert encoder.slot_dim == 1024
    with pytest.raises(ValueError, match=r"slot_dim must lie in 1\.\.1024, got 1025"):
        SlotMapEncoder(num_slots=2, slot_dim=1025, preprocess=PRESET)
    with torch.device("meta"):  # no memory is asked for
        assert large_linear(2**14, 2**14).weight.shape == (2**14, 2**14)
    with pytest.raises(ValueError, match="1 GiB: take fewer or shorter slots, or smaller frames"):
        large_linear(2**14, 2**14 + 1)


def test_layers_of_large_frames_and_many_slots_are_no_allocation() -> None:
    with pytest.raises(ValueError, match="is more than 1 GiB"):
        GlobalVectorEncoder(num_slots=1024, slot_dim=1024, preprocess=PRESET)
    with pytest.raises(ValueError, match="is more than 1 GiB"):
        SlotMapEncoder(num_slots=1, slot_dim=1024, preprocess=plain(4096, 4096))


@pytest.mark.parametrize("side", [56, 64, 76])
@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_small_frames_work_or_the_error_says_what_is_needed(name: str, side: int) -> None:
    smallest = {"global_vector": 44, "slot_attention": 20, "slot_maps": 76}
    frames = np.zeros((30, side, side, 3), np.uint8)
    for frame, place in zip(frames, range(30), strict=True):
        frame[place : place + 4, 20:24] = 200
    if side < smallest.get(name, 1):
        text = f"at least {smallest[name]} x {smallest[name]} pixels .*got {side} x {side}"
        with pytest.raises(ValueError, match=text):
            ENCODERS[name].from_frames(frames, preprocess=plain(side, side), num_slots=2)
        return
    encoder = ENCODERS[name].from_frames(frames, preprocess=plain(side, side), num_slots=2).eval()
    slots = encoder.encode(frames)
    assert np.isfinite(slots).all()
    assert (slots.std(0) > 0).any()  # they see the square


@pytest.mark.parametrize("kind", [ObjectEncoder, ObjectMixtureEncoder])
def test_the_limit_of_slots_of_objects_is_a_size_too(kind: type[FittedEncoder]) -> None:
    frames = random_frames(30, 84, 84)
    for limit, error in ((0, ValueError), (10**9, ValueError), (2.5, TypeError)):
        with pytest.raises(error, match="num_slots must"):
            kind.from_frames(frames, preprocess=PRESET, num_slots=limit)  # type: ignore[arg-type]
