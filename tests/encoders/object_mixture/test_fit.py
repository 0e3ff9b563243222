from functools import cache

import numpy as np
import pytest
import torch
from moving_blocks import (
    BLOCKS,
    HEIGHT,
    LOWER,
    SKY,
    UPPER,
    WIDTH,
    Block,
    Scene,
    background,
    paint,
    scene,
    to_half_screens,
)
from numpy.typing import NDArray

from slotenv.encoders.object_mixture.fit import fit_mixture
from slotenv.encoders.object_mixture.foreground import fit_background
from slotenv.encoders.object_mixture.mixture import (
    Assignment,
    Mixture,
    Runs,
    assign,
    balance,
    run_features,
)
from slotenv.encoders.object_mixture.slot_count import badly_explained, part_doubles
from slotenv.encoders.palette import Palette, fit_palette


def foreground(frames: NDArray[np.uint8]) -> tuple[Runs, Palette]:
    palette = fit_palette(frames)
    return fit_background(frames, palette).foreground(frames, max_runs=400), palette


def fit(frames: NDArray[np.uint8], seed: int = 0, max_slots: int = 12) -> tuple[Mixture, Runs]:
    pixels, palette = foreground(frames)
    generator = torch.Generator().manual_seed(seed)
    mixture = fit_mixture(
        pixels, num_colours=len(palette.colours), max_slots=max_slots, generator=generator
    )
    return mixture, pixels


@cache
def fitted(seed: int = 0, blocks: tuple[Block, ...] = BLOCKS) -> tuple[Mixture, Runs, Scene]:
    scenes = scene(150, blocks)
    return *fit(scenes.frames, seed), scenes


def pixels_off(mixture: Mixture, pixels: Runs, scenes: Scene) -> NDArray[np.float64]:
    """For each object, how many pixels the best slot's middle is away from it, in most frames."""
    found = assign(mixture, pixels)
    middle = found.moments[..., 1:3] / found.moments[..., :1].clamp(min=1e-4)
    away = middle.numpy()[:, :, None] - to_half_screens(scenes.centres)[:, None]  # (N, K, objects)
    away = np.abs(away * (HEIGHT / 2, WIDTH / 2)).max(-1)
    objects = range(scenes.there.shape[1])
    return np.array([np.quantile(away[scenes.there[:, j], :, j], 0.95, 0).min() for j in objects])


@pytest.mark.parametrize("seed", [0, 1])
def test_every_object_gets_a_slot(seed: int) -> None:
    mixture, pixels, scenes = fitted(seed)
    assert len(BLOCKS) <= len(mixture.weight) <= len(BLOCKS) + 1
    assert (pixels_off(mixture, pixels, scenes) < 1).all()


def test_probabilities_sum_to_one() -> None:
    mixture, _, _ = fitted()
    torch.testing.assert_close(mixture.colour.exp().sum(1), torch.ones(len(mixture.weight)))
    total = float(mixture.weight.exp().sum() + mixture.outlier.exp().sum())
    assert total == pytest.approx(1, abs=0.05)
    assert all(field.isfinite().all() for field in mixture)


def test_objects_of_one_colour_in_two_rows_are_two() -> None:
    mixture, pixels, scenes = fitted(0, (UPPER, LOWER))
    assert len(mixture.weight) == 2
    np.testing.assert_allclose(sorted(mixture.home[:, 0].tolist()), [-0.83, 0.83], atol=0.02)
    assert (pixels_off(mixture, pixels, scenes) < 1).all()


def test_what_is_learned_is_what_was_drawn() -> None:
    mixture, _, scenes = fitted(0, (UPPER, LOWER))
    upper = int(mixture.home[:, 0].argmin())
    assert float(mixture.size[upper, 0].exp()) == pytest.approx(np.sqrt(15 / 12) * 2 / 48, rel=0.1)
    assert float(mixture.size[upper, 1].exp()) == pytest.approx(np.sqrt(24 / 12) * 2 / 40, rel=0.1)
    truth = to_half_screens(scenes.centres)[:, 0, 1]
    assert float(mixture.home[upper, 1]) == pytest.approx(truth.mean(), abs=0.02)
    assert float(mixture.spread[upper, 1].exp()) == pytest.approx(truth.std(), rel=0.05)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parts_that_move_together_are_one_slot(seed: int) -> None:
    scenes = scene(150, (Block((60, 220, 220), 4, 5, (8, 30)),))
    for frame, centre in zip(scenes.frames, scenes.centres[:, 0], strict=True):
        row, column = (centre - (1.5, 2)).astype(int)
        paint(frame, (220, 60, 220), row + 4, column, 4, 5)  # its lower half
    mixture, pixels = fit(scenes.frames, seed)
    assert len(mixture.weight) == 1
    whole = scenes._replace(centres=scenes.centres + np.array((2, 0)))
    assert (pixels_off(mixture, pixels, whole) < 1).all()
    assert sorted(mixture.colour[0].exp().tolist())[-2:] == pytest.approx([0.5, 0.5], abs=0.05)


def test_objects_that_move_on_their_own_are_not_merged() -> None:
    rows = ((4, 9), (13, 22))
    blocks = tuple(Block((60, 220, 220 * i), 4, 5, r) for i, r in enumerate(rows))
    mixture, pixels, scenes = fitted(0, blocks)
    assert len(mixture.weight) == 2
    assert (pixels_off(mixture, pixels, scenes) < 1).all()


def test_the_seed_decides_everything() -> None:
    scenes = scene(60)
    first, second = fit(scenes.frames, 3)[0], fit(scenes.frames, 3)[0]
    for one, two in zip(first, second, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_global_random_numbers_are_left_alone() -> None:
    before = torch.random.get_rng_state()
    fit(scene(20).frames)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_no_more_slots_than_allowed(most: int) -> None:
    mixture, _ = fit(scene(60).frames, max_slots=most)
    assert 1 <= len(mixture.weight) <= most


@pytest.mark.parametrize("colours", [1, 2])
def test_frames_without_foreground_give_one_slot(colours: int) -> None:
    frames = background(10)
    if colours == 1:
        frames[:] = SKY
    mixture, pixels = fit(frames)
    assert [tuple(field.shape) for field in mixture] == [
        (1, colours),
        (1,),
        (1, 2),
        (1, 2),
        (1, 2),
        (colours,),
    ]
    assert all(field.isfinite().all() for field in mixture)
    torch.testing.assert_close(mixture.colour.exp().sum(1), torch.ones(1))
    assert not assign(mixture, pixels).moments.any()


def test_one_frame_and_one_pixel_are_enough() -> None:
    frames = background(3)
    frames[1, 10, 10] = (250, 250, 250)
    mixture, _ = fit(frames)
    assert all(field.isfinite().all() for field in mixture)


def test_a_pixel_counts_less_the_more_there_are_of_its_colour() -> None:
    pixels, palette = foreground(scene(4).frames)
    balanced = balance(pixels, len(palette.colours))
    for colours, before, after in zip(pixels.colours, pixels.weights, balanced, strict=True):
        for colour in colours[before > 0].unique():
            these = (colours == colour) & (before > 0)
            total = float(before[these].sum())
            torch.testing.assert_close(after[these], before[these] / total**0.5)
        assert not after[before == 0].any()


def test_pixels_far_from_the_middle_of_their_slot_are_badly_explained() -> None:
    mixture = Mixture(
        torch.zeros(1, 1),
        torch.zeros(1),
        torch.full((1, 2), 0.1).log(),
        torch.zeros(1, 2),
        torch.full((1, 2), 0.01).log(),
        torch.full((1,), -30.0),
    )
    columns = torch.tensor([[-0.4, -0.05, 0.05, 0.4]])  # all of them this slot's, middle 0
    nothing = torch.zeros(1, 4)
    features = run_features(nothing, columns, nothing, nothing)
    pixels = Runs(features, nothing.long(), nothing + 2)
    badly = badly_explained(mixture, pixels, assign(mixture, pixels))
    torch.testing.assert_close(badly, torch.tensor([[2.0, 0, 0, 2]]), atol=1e-3, rtol=0)


def paddle_and_double(score: float, frames: int = 200) -> tuple[Mixture, Assignment]:
    """Two slots of one colour; the second is at the score if there is one, else on the paddle."""
    row = torch.linspace(-0.6, 0.6, frames)
    scored = torch.arange(frames) < score * frames
    paddle = torch.stack([row, torch.full_like(row, 0.8)], 1)
    double = torch.where(scored[:, None], torch.tensor([-0.9, 0.5]), paddle + 0.01)
    shared = torch.where(scored, 64.0, 32.0)
    moments = torch.zeros(frames, 2, 6)
    moments[..., 0] = torch.stack([shared, torch.where(scored, 12.0, 32.0)], 1)
    nothing = torch.zeros(frames, 3, 1)
    found = Assignment(nothing, nothing, moments, torch.stack([paddle, double], 1))
    mixture = Mixture(
        torch.tensor([[0.9, 0.1], [0.8, 0.2]]).log(),
        torch.tensor([0.5, 0.4]).log(),
        torch.tensor([[0.05, 0.02], [0.05, 0.02]]).log(),
        found.places.mean(0),
        found.places.std(0).log(),
        torch.tensor([0.05, 0.05]).log(),
    )
    return mixture, found


def test_a_double_stays_where_it_is_without_the_other() -> None:
    mixture, found = paddle_and_double(score=0.3)
    parted = part_doubles(mixture, found)
    torch.testing.assert_close(parted.home[1], torch.tensor([-0.9, 0.5]))
    assert parted.spread[1].exp().tolist() == pytest.approx([0.02, 0.02], abs=1e-4)
    for field, before in zip(parted[:3], mixture[:3], strict=True):
        torch.testing.assert_close(field, before)
    for field, before in zip(parted[3:5], mixture[3:5], strict=True):
        torch.testing.assert_close(field[0], before[0])


@pytest.mark.parametrize(("score", "frames"), [(0.01, 200), (0.1, 10)])
def test_a_double_that_is_hardly_ever_elsewhere_goes(score: float, frames: int) -> None:
    mixture, found = paddle_and_double(score, frames)
    parted = part_doubles(mixture, found)
    assert parted.home.tolist() == mixture.home[:1].tolist()


def test_slots_are_parted_whatever_their_order() -> None:
    mixture, found = paddle_and_double(score=0.3)
    turned = Mixture._make([*(field.flip(0) for field in mixture[:-1]), mixture.outlier])
    turned_found = found._replace(moments=found.moments.flip(1), places=found.places.flip(1))
    expected = part_doubles(mixture, found)
    got = part_doubles(turned, turned_found)
    for field, other in zip(got[:-1], expected[:-1], strict=True):
        torch.testing.assert_close(field.flip(0), other)


@pytest.mark.parametrize("case", ["other colours", "hardly ever", "apart"])
def test_what_is_no_double_stays_as_it_is(case: str) -> None:
    mixture, found = paddle_and_double(score=0.9 if case == "hardly ever" else 0.3)
    if case == "other colours":
        mixture = mixture._replace(colour=torch.tensor([[0.9, 0.1], [0.1, 0.9]]).log())
    if case == "apart":
        found = found._replace(places=found.places + torch.tensor([[0.0, 0.0], [0.0, -0.3]]))
    for field, before in zip(part_doubles(mixture, found), mixture, strict=True):
        torch.testing.assert_close(field, before)


@pytest.mark.parametrize("seed", [0, 2])
def test_a_paddle_is_whole_though_the_score_has_its_colour(seed: int) -> None:
    """The score is there in some frames; seed 2 would give the paddle a second slot."""
    generator = np.random.default_rng(0)
    frames = np.full((240, HEIGHT, WIDTH, 3), (10, 10, 40), np.uint8)
    for frame in frames:
        row = generator.integers(14, HEIGHT - 6)
        frame[row : row + 6, WIDTH - 9 : WIDTH - 6] = 200, 60, 60
        if generator.random() < 0.3:
            frame[3:7, WIDTH // 2 : WIDTH // 2 + 3] = 200, 60, 60
    mixture, pixels = fit(frames, seed)
    mass = assign(mixture, pixels).moments[..., 0]
    assert sorted(mass.amax(0).round().tolist()) == [12.0, 18.0]
    assert sorted((mass > 9).float().mean(0).tolist()) == pytest.approx([0.3, 1.0], abs=0.1)


def test_one_slot_of_nothing_and_the_rest_are_all_pixels() -> None:
    mixture, _ = fit(background(10))
    assert mixture.weight.exp().tolist() == pytest.approx([0.9])
    assert mixture.outlier.exp().tolist() == pytest.approx([0.05, 0.05])
