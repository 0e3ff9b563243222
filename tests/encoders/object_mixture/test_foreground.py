import numpy as np
import pytest
import torch
from fake_envs import random_frames
from moving_blocks import BIG, GROUND, HEIGHT, SKY, WIDTH, background, paint, scene
from numpy.typing import NDArray

from slotenv.encoders.object_mixture.foreground import (
    Background,
    extend_background,
    fit_background,
)
from slotenv.encoders.object_mixture.mixture import Runs
from slotenv.encoders.palette import Palette, fit_palette
from slotenv.encoders.usual_colours import NO_COLOUR


def fitted(frames: NDArray[np.uint8]) -> Background:
    return fit_background(frames, fit_palette(frames))


def of_frame(found: Runs, i: int) -> list[tuple[float, float, float, int, float]]:
    """Row, column, mean of squared columns, colour and weight of each run of a frame."""
    there = found.weights[i] > 0
    _, row, column, _, square, _ = found.features[i, there].T.tolist()
    colours, weights = found.colours[i, there].tolist(), found.weights[i, there].tolist()
    return list(zip(row, column, square, colours, weights, strict=True))


def runs_of(
    colours: dict[tuple[int, int], int], height: int, width: int
) -> list[tuple[float, float, float, int, float]]:
    """The runs of foreground pixels, put together one by one."""
    runs: list[list[tuple[int, int]]] = []
    for row, column in sorted(colours):
        before = (row, column - 1)
        if colours.get(before) == colours[row, column]:
            runs[-1].append((row, column))
        else:
            runs.append([(row, column)])
    expected = []
    for run in runs:
        columns = [(2 * column + 1) / width - 1 for _, column in run]
        expected.append(
            (
                (2 * run[0][0] + 1) / height - 1,
                float(np.mean(columns)),
                float(np.mean(np.square(columns))),
                colours[run[0]],
                float(len(run)),
            )
        )
    return expected


def loop_usual(frames: NDArray[np.uint8], palette: Palette) -> list[list[set[int]]]:
    """The usual colours of each place, counted one by one."""
    index = palette.indices(frames)
    count, height, width = index.shape
    overall = [float((index == c).mean()) for c in range(len(palette.colours))]
    usual: list[list[set[int]]] = [[set() for _ in range(width)] for _ in range(height)]
    for row in range(height):
        for column in range(width):
            seen = index[:, row, column].tolist()
            shares = {c: seen.count(c) / count for c in set(seen)}
            often = {c for c, s in shares.items() if s > (0.08 if overall[c] > 0.04 else 0.4)}
            top = sorted(shares, key=lambda c: (-shares[c], c))[:3]
            usual[row][column] = (often & set(top)) | {top[0]}
    return usual


@pytest.mark.parametrize("kind", ["blocks", "noise"])
def test_foreground_is_what_a_loop_over_pixels_finds(kind: str) -> None:
    frames = scene(31).frames if kind == "blocks" else random_frames(7, 12, 9)
    fit = fitted(frames)
    usual = loop_usual(frames, fit.palette)
    height, width = frames.shape[1:3]
    found = fit.foreground(frames[:4], max_runs=height * width)
    for i in range(4):
        index = fit.palette.indices(frames[i])
        colours = {
            (row, column): int(index[row, column])
            for row in range(height)
            for column in range(width)
            if int(index[row, column]) not in usual[row][column]
        }
        assert colours
        np.testing.assert_allclose(of_frame(found, i), runs_of(colours, height, width), atol=1e-6)


def test_a_block_is_runs_of_its_colour() -> None:
    fit = fitted(scene(60).frames)
    frame = background(1)
    paint(frame[0], BIG.colour, 10, 6, 2, 3)
    found = fit.foreground(frame, max_runs=99)
    column, shade = 15 / WIDTH - 1, sum(BIG.colour) / 3 / 255
    expected = [
        [1.0, row, column, row**2, column**2 + 8 / 3 / WIDTH**2, shade]
        for row in (21 / HEIGHT - 1, 23 / HEIGHT - 1)
    ]
    torch.testing.assert_close(found.features, torch.tensor([expected]))
    assert found.weights.tolist() == [[3.0, 3.0]]
    assert {tuple(fit.palette.colours[c]) for c in found.colours[0]} == {BIG.colour}
    assert [part.dtype for part in found] == [torch.float32, torch.int64, torch.float32]


def test_runs_end_where_a_row_ends() -> None:
    fit = fitted(scene(60).frames)
    frame = background(1)
    frame[0, 10, WIDTH - 2 :] = BIG.colour
    frame[0, 11, :3] = BIG.colour
    assert fit.foreground(frame, max_runs=9).weights.tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize("most", [1, 7, 40, 400])
def test_thinning_keeps_the_weight(most: int) -> None:
    frames = scene(40).frames
    fit = fitted(frames)
    frames = np.concatenate([frames[:5], background(1)])
    full = fit.foreground(frames, max_runs=10_000)
    thin = fit.foreground(frames, max_runs=most)
    assert thin.weights.shape[1] <= most
    np.testing.assert_allclose(thin.weights.sum(1), full.weights.sum(1), rtol=1e-5)
    for i in range(len(frames)):
        assert {run[:4] for run in of_frame(thin, i)} <= {run[:4] for run in of_frame(full, i)}


def test_thinning_is_even() -> None:
    fit = fitted(scene(40).frames)
    frame = background(1)
    frame[0, 10:20, ::2] = BIG.colour
    thin = fit.foreground(frame, max_runs=100)
    assert np.unique(thin.features[0, :, 1], return_counts=True)[1].tolist() == [10] * 10
    assert thin.weights.sum().item() == pytest.approx(10 * WIDTH / 2)


def test_frames_without_foreground() -> None:
    fit = fitted(scene(40).frames)
    found = fit.foreground(background(3), max_runs=50)
    assert found.weights.shape == (3, 1)
    assert not found.weights.any()
    none = fit.foreground(background(0), max_runs=50)
    assert none.weights.shape == (0, 1)


def test_padding_has_no_weight() -> None:
    scenes = scene(40)
    fit = fitted(scenes.frames)
    frames = np.concatenate([scenes.frames[:1], background(1)])
    found = fit.foreground(frames, max_runs=999)
    alone = fit.foreground(frames[:1], max_runs=999)
    assert not found.weights[1].any()
    for both, one in zip(found, alone, strict=True):
        np.testing.assert_array_equal(both[:1], one)


def test_a_usual_colour_is_unusual_elsewhere() -> None:
    fit = fitted(scene(60).frames)
    frame = background(1)
    frame[0, 3, 4] = GROUND  # in the sky
    frame[0, 40, 7] = SKY
    found = fit.foreground(frame, max_runs=9)
    colours = [tuple(fit.palette.colours[c]) for c in found.colours[0]]
    assert colours == [GROUND, SKY]


def test_a_colour_of_two_in_five_frames_is_usual() -> None:
    frames = background(10)
    frames[:5, 10, 10] = BIG.colour
    frames[:4, 11, 11] = BIG.colour
    found = fitted(frames).foreground(frames[:1], max_runs=9)
    assert found.weights.tolist() == [[1.0]]
    assert found.features[0, 0, 1].item() == pytest.approx(23 / HEIGHT - 1)


def test_a_colour_that_covers_much_is_background_where_it_is_now_and_then() -> None:
    wall, small = (120, 120, 120), (250, 40, 120)
    frames = background(50)
    for i in range(50):
        start = i % 6 * 8
        frames[i, start : start + 8] = wall  # scrolls: a sixth of the time at each place
        frames[i, 20:22, i % 6 : i % 6 + 2] = small  # as often at its places, but small
    fit = fitted(frames)
    found = fit.foreground(frames, max_runs=999)
    assert of_frame(found, 0) != []
    colours = {tuple(fit.palette.colours[c]) for i in range(50) for *_, c, _ in of_frame(found, i)}
    assert colours == {small}


def test_shades_of_the_background_are_background() -> None:
    fit = fitted(scene(60).frames)
    frames = background(1)
    frames[0, 5:9, 5:9] = np.array(SKY) + 3
    assert not fit.foreground(frames, max_runs=9).weights.any()


@pytest.mark.parametrize("colours", [1, 2])
def test_fewer_colours_than_a_place_may_have(colours: int) -> None:
    frames = np.full((5, 6, 8, 3), 9, np.uint8)
    if colours == 2:
        frames[:, :3] = 200
    fit = fitted(frames)
    assert fit.usual.shape == (6, 8, 3)
    assert (fit.usual[..., 1:] == NO_COLOUR).all()
    assert not fit.foreground(frames, max_runs=9).weights.any()


BROWN, GREEN = (144, 72, 17), (92, 186, 92)


def green_block_on_brown() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Single frames of a block that moves right, and the maximum with those two columns before."""
    single = np.full((28, 10, 64, 3), BROWN, np.uint8)
    before = single.copy()
    for t in range(28):
        before[t, 3:5, 2 * t : 2 * t + 4] = GREEN
        single[t, 3:5, 2 * t + 2 : 2 * t + 6] = GREEN
    return single, np.maximum(before, single)


@pytest.mark.parametrize("pooled", [True, False])
def test_an_object_that_moves_has_one_colour_in_pooled_frames(pooled: bool) -> None:
    _, moving = green_block_on_brown()
    palette = fit_palette(moving)
    assert len(palette.colours) == 3
    background = fit_background(moving, palette, pooled=pooled)
    found = background.foreground(moving, max_runs=99)
    (green_index,) = np.flatnonzero((palette.colours == GREEN).all(1))
    for t in range(28):
        runs = of_frame(found, t)
        lengths = [weight for *_, weight in runs]
        assert lengths == ([6, 6] if pooled else [2, 2, 2, 2, 2, 2])
        assert ({colour for *_, colour, _ in runs} == {green_index}) == pooled
    more = extend_background(background, moving, palette)
    assert more.pooled == pooled


def test_single_frames_are_the_same_where_pooled_ones_may_come() -> None:
    single, pooled = green_block_on_brown()
    both = np.concatenate([single, pooled])
    palette = fit_palette(both)
    background = fit_background(both, palette, pooled=True)
    (green_index,) = np.flatnonzero((palette.colours == GREEN).all(1))
    for frames, length in ((single, 4), (pooled, 6)):
        found = background.foreground(frames, max_runs=99)
        for t in range(28):
            runs = of_frame(found, t)
            assert [weight for *_, weight in runs] == [length, length]
            assert {colour for *_, colour, _ in runs} == {green_index}
