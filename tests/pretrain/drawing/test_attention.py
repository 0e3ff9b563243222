from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pretrain.drawing.attention import Encode, Occlusion, attention_marks
from pretrain.drawing.marks import Mark

REGION = np.s_[20:28, 16:24]  # what the first slot reads
BLOCK = (8, 8)


def read_region(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Slot 0 reads one region, slot 1 nothing, slot 2 the whole frame."""
    everything = frames.mean((1, 2, 3))
    region = frames[:, *REGION].mean((1, 2, 3))
    return np.stack([region, np.full(len(frames), 7.0), everything], 1)[..., None].astype("f4")


@pytest.fixture
def noise() -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (9, 40, 36, 3), dtype=np.uint8)


def fit(frames: NDArray[np.uint8], encode: Encode = read_region) -> Occlusion:
    occlusion = Occlusion(encode, frames)
    occlusion.block = BLOCK
    return occlusion


def brute_force(occlusion: Occlusion, frame: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The definition, block by block, without leaving any out."""
    height, width = occlusion.block
    rows, cols = -(-frame.shape[0] // height), -(-frame.shape[1] // width)
    original = occlusion.encode(frame[None])[0]
    effects = np.zeros((len(original), rows, cols))
    for row in range(rows):
        for col in range(cols):
            hidden = frame.copy()
            top, left = row * height, col * width
            hidden[top : top + height, left : left + width] = occlusion.background[
                top : top + height, left : left + width
            ]
            moved = np.linalg.norm(occlusion.encode(hidden[None])[0] - original, axis=-1)
            for slot, spread in enumerate(occlusion.spread):
                effects[slot, row, col] = moved[slot] / spread if spread else 0.0
    return effects


def test_effects_match_their_definition(noise: NDArray[np.uint8]) -> None:
    occlusion = fit(noise)
    np.testing.assert_allclose(occlusion(noise[3]), brute_force(occlusion, noise[3]))


def test_a_slot_reacts_only_to_what_it_reads(noise: NDArray[np.uint8]) -> None:
    effects = fit(noise)(noise[0])
    assert effects.shape == (3, 5, 5)  # the last column of blocks is cut to 4 pixels
    touching = np.zeros((5, 5), bool)
    touching[2:4, 2] = True  # rows 20..27 lie in blocks 16..23 and 24..31, columns in 16..23
    assert ((effects[0] > 0) == touching).all()
    assert (effects[2] > 0).all()


def test_a_constant_slot_has_no_effects(noise: NDArray[np.uint8]) -> None:
    occlusion = fit(noise)
    assert occlusion.spread[1] == 0
    assert not occlusion(noise[0])[1].any()


def test_spread_is_the_root_mean_square_distance_from_the_mean() -> None:
    frames = np.zeros((3, 40, 36, 3), np.uint8)
    frames[0, *REGION] = 30  # region means 30, 0, 0: mean 10, deviations 20, -10, -10
    occlusion = fit(frames)
    np.testing.assert_allclose(occlusion.spread[0], np.sqrt(200))
    both_blocks = [15 / np.sqrt(200)] * 2  # each of the two blocks hides half of the region
    np.testing.assert_allclose(occlusion(frames[0])[0, 2:4, 2], both_blocks)


def test_the_background_is_never_hidden() -> None:
    calls = []

    def encode(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        calls.append(len(frames))
        return read_region(frames)

    frames = np.zeros((5, 40, 36, 3), np.uint8)
    frames[0, 0, 0] = 200
    occlusion = fit(frames, encode)
    calls.clear()
    assert not occlusion(frames[1]).any()
    assert calls == []
    effects = occlusion(frames[0])
    assert calls == [1, 1]  # the frame, and the one block that differs
    assert np.flatnonzero(effects[2]).tolist() == [0]


def test_blocks_are_those_of_an_atari_frame_in_proportion() -> None:
    for size, block in (((210, 160), (10, 8)), ((84, 84), (4, 4)), ((3, 3), (1, 1))):
        frames = np.zeros((3, *size, 3), np.uint8)
        assert Occlusion(lambda f: np.zeros((len(f), 1, 1), "f4"), frames).block == block


def test_blocks_grow_where_everything_moves() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (9, 210, 160, 3), dtype=np.uint8)
    occlusion = Occlusion(lambda f: np.zeros((len(f), 1, 1), "f4"), frames)
    assert occlusion.block == (20, 16)  # 420 blocks of 10 x 8 are too many, 110 are not


def test_a_slot_that_looks_at_one_block_is_marked_there() -> None:
    effects = np.zeros((3, 2, 4, 5))
    effects[0, 0, 1, 2] = effects[1, 0, 1, 3] = effects[2, 0, 3, 3] = 2.0
    starts = np.array([True, False, True])
    marks, strengths = attention_marks(effects, starts, (10, 8), (40, 40))
    ((first,), (second,), (third,)) = marks
    assert first == Mark("0", 16, 10, 24, 20, [(19.5, 14.5)], 0)
    assert second[1:5] == (24, 10, 32, 20)
    assert second.trail == [(19.5, 14.5), (27.5, 14.5)]
    assert third.trail == [(27.5, 34.5)]  # a new episode
    np.testing.assert_allclose(strengths, [[1, 0]] * 3)


def test_a_slot_that_looks_at_nothing_has_no_mark_and_no_strength() -> None:
    effects = np.zeros((4, 1, 2, 2))
    effects[1, 0, 0, 0], effects[3, 0, 0, 0] = 1.0, 0.01
    starts = np.array([True, False, False, False])
    marks, strengths = attention_marks(effects, starts, (10, 10), (20, 20))
    assert [len(of_frame) for of_frame in marks] == [0, 1, 0, 0]
    assert (strengths[[0, 2]] == 0).all()
    assert 0 < strengths[3, 0] < 0.05


def test_each_area_has_a_mark_and_the_strongest_the_number() -> None:
    effects = np.zeros((1, 1, 1, 10))
    effects[0, 0, 0, [0, 1, 5, 8]] = 0.6, 1.0, 0.7, 0.3
    ((strongest, *others),), _ = attention_marks(effects, np.array([True]), (1, 1), (1, 10))
    assert (strongest.name, strongest.left, strongest.right) == ("0", 0, 2)
    assert [(mark.name, mark.left, mark.right, mark.trail) for mark in others] == [("", 5, 6, ())]
    assert strongest.trail[0][0] < 1.7  # what matters little hardly moves the middle
    effects[0, 0, 0] = np.arange(10) % 2  # five areas
    (some,), _ = attention_marks(effects, np.array([True]), (1, 1), (1, 10))
    assert len(some) == 4
