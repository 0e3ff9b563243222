"""The score by which one of several starts is chosen."""

import math

import numpy as np
import pytest
import torch
from moving_blocks import BALL, BIG, HEIGHT, UPPER, WIDTH, background, paint, scene
from numpy.typing import NDArray

from slotenv.encoders.object_mixture import ObjectMixtureEncoder
from slotenv.encoders.object_mixture.fit import time_contrast
from slotenv.frames import plain

PRESET = plain(HEIGHT, WIDTH)


def slow_score(slots_t: torch.Tensor, slots_tp1: torch.Tensor) -> float:
    """The same by loops over moments."""
    best = -math.inf
    for temperature in (0.01, 0.03, 0.1, 0.3, 1.0, 3.0):
        gained = 0.0
        for i, slots in enumerate(slots_t):
            energies = [-float(((slots - other) ** 2).sum()) / temperature for other in slots_tp1]
            highest = max(energies)
            total = highest + math.log(sum(math.exp(e - highest) for e in energies))
            gained += (energies[i] - total + math.log(len(slots_t))) / len(slots_t)
        best = max(best, gained)
    return best


def random_slots(seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(9, 3, 2, generator=torch.Generator().manual_seed(seed))


def test_score_is_what_loops_compute() -> None:
    now = random_slots(0)
    after = now + random_slots(1, 0.3)
    assert time_contrast(now, after) == pytest.approx(slow_score(now, after), abs=1e-5)


def test_bounds() -> None:
    now = random_slots(0, 5.0)
    assert time_contrast(now, now) == pytest.approx(math.log(9), abs=1e-4)
    constant = torch.ones(9, 3, 2)
    assert time_contrast(constant, constant) == pytest.approx(0, abs=1e-6)
    assert time_contrast(now[:1], now[:1]) == 0.0


def test_constants_and_repetitions_gain_nothing() -> None:
    """What solves a loss that tells slots apart one by one does not help here."""
    now = random_slots(0)
    after = now + random_slots(1)
    score = time_contrast(now, after)
    codes = torch.arange(3.0)[None, :, None].expand(9, 3, 2)
    assert time_contrast(now + codes, after + codes) == pytest.approx(score, abs=1e-5)
    twice = time_contrast(torch.cat([now, now], 1), torch.cat([after, after], 1))
    assert twice <= score + 0.1  # the temperatures are a grid
    other = random_slots(7)
    both = torch.cat([now, other], 1), torch.cat([after, other + random_slots(8)], 1)
    assert time_contrast(*both) > score + 0.2


def moving(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Pairs of frames in which a ball moves on by a pixel."""
    rng = np.random.default_rng(seed)
    now, after = background(count), background(count)
    for i in range(count):
        row, column = rng.integers(5, 35, 2)
        step = rng.integers(-1, 2, 2)
        paint(now[i], BALL.colour, row, column, 2, 2)
        paint(after[i], BALL.colour, row + step[0], column + step[1], 2, 2)
    return now, after


def test_of_several_starts_the_one_that_tells_best_what_comes_next_is_kept() -> None:
    frames, after = moving(120, 0)
    one = ObjectMixtureEncoder.from_frames(frames, preprocess=PRESET)
    best = ObjectMixtureEncoder.from_frames(frames, preprocess=PRESET, next_frames=after[:60])
    new, new_after = moving(80, 1)

    def score(encoder: ObjectMixtureEncoder) -> float:
        slots = (torch.from_numpy(encoder.encode(part)) for part in (new, new_after))
        return time_contrast(*slots) - 0.01 * encoder.num_slots

    assert score(best) >= score(one) - 0.05
    again = ObjectMixtureEncoder.from_frames(frames, preprocess=PRESET, next_frames=after[:60])
    for name, value in best.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_next_frames_are_those_of_the_first_frames() -> None:
    frames = scene(30, (UPPER, BIG)).frames
    with pytest.raises(ValueError, match="the first of 30 frames, got 31"):
        ObjectMixtureEncoder.from_frames(
            frames, preprocess=PRESET, next_frames=scene(31, (UPPER, BIG)).frames
        )
    none = ObjectMixtureEncoder.from_frames(frames, preprocess=PRESET, next_frames=frames[:0])
    plainly = ObjectMixtureEncoder.from_frames(frames, preprocess=PRESET)
    for name, value in plainly.state_dict().items():
        torch.testing.assert_close(none.state_dict()[name], value, rtol=0, atol=0)
