"""Each step of the fit, against the same in words: loops over frames, slots and runs."""

import math

import pytest
import torch
from torch import Tensor

from slotenv.encoders.object_mixture.fit import as_known
from slotenv.encoders.object_mixture.mixture import Assignment, Mixture, Runs, assign, maximise
from slotenv.encoders.object_mixture.slot_count import (
    add_slots,
    drop_rare,
    empty_mixture,
    merge,
    part_doubles,
    slot_of_anything,
)

FRAMES, SLOTS, COLOURS, PIECES = 5, 3, 4, 7


def random_runs(seed: int = 0) -> Runs:
    draw = torch.Generator().manual_seed(seed)
    rows, columns, shade = (torch.rand(FRAMES, PIECES, generator=draw) for _ in range(3))
    rows, columns = 2 * rows - 1, 2 * columns - 1
    ones = torch.ones_like(rows)
    features = torch.stack([ones, rows, columns, rows**2, columns**2 + 0.01, shade], -1)
    colours = torch.randint(COLOURS, (FRAMES, PIECES), generator=draw)
    weights = torch.randint(1, 9, (FRAMES, PIECES), generator=draw).float()
    weights[:, -1] = 0.0  # padding
    return Runs(features, colours, weights)


def random_mixture(slots: int = SLOTS, seed: int = 1) -> Mixture:
    draw = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(shape, generator=draw)

    share = rand(slots + 1)
    share = share / share.sum()
    colour, outlier = rand(slots, COLOURS), rand(COLOURS)
    return Mixture(
        (colour / colour.sum(1, keepdim=True)).log(),
        share[:-1].log(),
        (0.1 + 0.2 * rand(slots, 2)).log(),
        2 * rand(slots, 2) - 1,
        (0.2 + 0.3 * rand(slots, 2)).log(),
        (share[-1] * outlier / outlier.sum()).log(),
    )


def test_the_maximisation_step_is_its_sums() -> None:
    runs, mixture = random_runs(), random_mixture()
    found = assign(mixture, runs)
    got = maximise(runs, found, COLOURS)
    everything = float(runs.weights.sum())
    nobodys = [1.0] * COLOURS
    shares = []
    for k in range(SLOTS + 1):
        by_colour, mass, seen, scatter = [0.0] * COLOURS, [0.0] * FRAMES, [], [0.0, 0.0]
        for b in range(FRAMES):
            for r in range(PIECES):
                part = float(found.posterior[b, k, r] * runs.weights[b, r])
                if k == SLOTS:
                    nobodys[int(runs.colours[b, r])] += part
                    continue
                by_colour[int(runs.colours[b, r])] += part
                mass[b] += part
                for axis in (0, 1):  # mean square distance of the pixels from where it looked
                    place = float(found.places[b, k, axis])
                    mean = float(runs.features[b, r, 1 + axis])
                    square = float(runs.features[b, r, 3 + axis])
                    scatter[axis] += part * (square - 2 * place * mean + place**2)
        if k == SLOTS:
            break
        total = sum(mass) + 1e-3
        shares.append(total / everything)
        smooth = [one + 0.02 * total / COLOURS for one in by_colour]
        expected = torch.tensor([one / sum(smooth) for one in smooth])
        torch.testing.assert_close(got.colour[k].exp(), expected)
        assert float(got.weight[k].exp()) == pytest.approx(shares[-1], rel=1e-4)
        seen = [m / (m + 0.05 * max(mass) + 1e-6) for m in mass]
        for axis in (0, 1):
            places = found.places[:, k, axis].tolist()
            home = sum(s * p for s, p in zip(seen, places, strict=True)) / sum(seen)
            spread = sum(s * (p - home) ** 2 for s, p in zip(seen, places, strict=True))
            size = scatter[axis] / total + 0.012**2
            assert float(got.size[k, axis].exp()) == pytest.approx(math.sqrt(size), rel=1e-3)
            assert float(got.home[k, axis]) == pytest.approx(home, abs=1e-4)
            wide = math.sqrt(spread / sum(seen) + 0.02**2)
            assert float(got.spread[k, axis].exp()) == pytest.approx(wide, rel=1e-3)
    left = max(1 - sum(shares), 0.02)
    expected = torch.tensor([left * one / sum(nobodys) for one in nobodys])
    torch.testing.assert_close(got.outlier.exp(), expected)


def test_a_slot_without_pixels_stays_a_number() -> None:
    runs = random_runs()
    runs = runs._replace(weights=torch.zeros_like(runs.weights).index_fill(0, torch.tensor(0), 1.0))
    few = {"weight": torch.tensor([0.0, -200.0, -200.0]), "outlier": torch.full((COLOURS,), -200.0)}
    mixture = random_mixture()._replace(**few)
    got = maximise(runs, assign(mixture, runs), COLOURS)
    assert all(field.isfinite().all() for field in got)
    assert float(got.weight[1].exp()) == pytest.approx(1e-3 / float(runs.weights.sum()), rel=1e-3)
    # Nobody's share never falls below a fiftieth, however well slots explain everything.
    assert float(got.outlier.exp().sum()) == pytest.approx(0.02, rel=1e-4)


@pytest.mark.parametrize("alone", [False, True])
def test_slots_start_at_drawn_pixels_each_somewhere_else(alone: bool) -> None:
    runs, mixture = random_runs(2), random_mixture()
    badly = runs.weights.clone()
    if alone:  # a single pixel: it is drawn again and again until as good as nothing is left of it
        badly[:] = 0.0
        badly[1, 2] = 1e-2
    got = add_slots(mixture, runs, badly, 6, torch.Generator().manual_seed(5))
    draw = torch.Generator().manual_seed(5)
    chance = badly.reshape(-1).tolist()
    places = runs.features[..., 1:3].reshape(-1, 2).tolist()
    colours = runs.colours.reshape(-1).tolist()
    added = 0
    for _ in range(6):
        if sum(chance) <= 1e-6 * float(runs.weights.sum()):
            break
        at = int(torch.multinomial(torch.tensor(chance), 1, generator=draw))
        k = SLOTS + added
        theta = [0.05 / COLOURS + 0.95 * (c == colours[at]) for c in range(COLOURS)]
        torch.testing.assert_close(got.colour[k].exp(), torch.tensor(theta))
        torch.testing.assert_close(got.home[k], torch.tensor(places[at]))
        for i, (row, column) in enumerate(places):
            near = abs(row - places[at][0]) < 0.3 and abs(column - places[at][1]) < 0.5
            if near and colours[i] == colours[at]:
                chance[i] *= 0.05
        added += 1
    assert len(got.weight) == SLOTS + added
    assert added == (2 if alone else 6)
    new = slice(SLOTS, None)
    assert got.weight[new].exp().tolist() == pytest.approx([0.04] * added)
    assert got.size[new].exp().flatten().tolist() == pytest.approx([0.06] * 2 * added)
    assert got.spread[new].exp().flatten().tolist() == pytest.approx([0.5] * 2 * added)
    for field, before in zip(got[:-1], mixture[:-1], strict=True):
        torch.testing.assert_close(field[:SLOTS], before, rtol=0, atol=0)
    torch.testing.assert_close(got.outlier, mixture.outlier, rtol=0, atol=0)


def test_a_mixture_begins_with_a_tenth_of_all_pixels_as_nobodys() -> None:
    runs = random_runs()
    empty = empty_mixture(runs, COLOURS)
    counts = [1.0] * COLOURS
    for colours, weights in zip(runs.colours.tolist(), runs.weights.tolist(), strict=True):
        for colour, weight in zip(colours, weights, strict=True):
            counts[colour] += weight
    expected = torch.tensor([0.1 * count / sum(counts) for count in counts])
    torch.testing.assert_close(empty.outlier.exp(), expected)
    assert [len(field) for field in empty[:-1]] == [0] * 5
    anything = slot_of_anything(runs, COLOURS)
    assert anything.weight.exp().tolist() == pytest.approx([0.9])
    assert anything.outlier.exp().tolist() == pytest.approx([0.1 / COLOURS] * COLOURS)
    assert anything.colour.exp().flatten().tolist() == pytest.approx([1 / COLOURS] * COLOURS)


def two_slots(
    offset: float, *, wobble: float = 0.0, frames: int = 40, first: int = 0
) -> tuple[Mixture, Assignment]:
    """Two slots, each of one pixel a frame, the second beside the first, of which it has a half."""
    row = torch.linspace(-0.5, 0.5, frames)
    shaken = offset + wobble * torch.tensor([1.0, -1.0]).repeat(frames)[:frames]
    places = torch.stack([torch.stack([row, row], 1), torch.stack([row + shaken, row], 1)], 1)
    mixture = random_mixture(2)._replace(
        weight=torch.tensor([0.6, 0.3]).roll(first).log(), size=torch.full((2, 2), 0.1).log()
    )
    return mixture, found_with(torch.ones(frames, 2), places)


def found_with(mass: Tensor, places: Tensor) -> Assignment:
    nothing = torch.zeros(len(mass), 3, 1)
    return Assignment(nothing, nothing, mass.unsqueeze(-1).expand(-1, -1, 6), places)


@pytest.mark.parametrize(
    ("case", "one"),
    [
        ({"offset": 0.39}, True),  # 2 * (0.1 + 0.1) is how far parts of one thing may be apart
        ({"offset": 0.41}, False),
        ({"offset": -0.39}, True),
        ({"offset": -0.41}, False),
        ({"offset": 0.1, "wobble": 0.05}, True),  # 0.15 of how far they move, and a bit
        ({"offset": 0.1, "wobble": 0.07}, False),
        ({"offset": 0.1, "frames": 3}, True),
        ({"offset": 0.1, "frames": 2}, False),
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_parts_of_one_thing_are_near_and_rigid(
    case: dict[str, float], one: bool, first: int
) -> None:
    merged = merge(*two_slots(**case, first=first))  # type: ignore[arg-type]
    assert len(merged.weight) == (1 if one else 2)


@pytest.mark.parametrize(("shared", "one"), [(24, True), (23, False)])
def test_parts_of_one_thing_are_there_together(shared: int, one: bool) -> None:
    """In six of ten frames of the rarer one."""
    mixture, found = two_slots(0.1, frames=100)
    mass = torch.zeros(100, 2)
    mass[:80, 0] = 1.0
    mass[80 - shared : 120 - shared, 1] = 1.0
    merged = merge(mixture, found_with(mass, found.places))
    assert len(merged.weight) == (1 if one else 2)


def test_a_slot_is_there_with_a_quarter_of_its_usual_pixels() -> None:
    mass = torch.full((100, 2), 8.0)
    mass[0] = torch.tensor([1.9, 2.1])
    mass[1:4] = 400.0  # seldom so large: that is not usual
    there = found_with(mass, torch.zeros(100, 2, 2)).there
    assert there[0].tolist() == [False, True]
    assert there[1:].all()


@pytest.mark.parametrize("first", [0, 1])
def test_what_is_merged_has_the_moments_of_both(first: int) -> None:
    mixture, found = two_slots(0.1, wobble=0.03, first=first)
    merged = merge(mixture, found)
    assert [len(field) for field in merged[:-1]] == [1] * 5
    large, small = first, 1 - first
    mine, other = float(mixture.weight[large].exp()), float(mixture.weight[small].exp())
    offset = (found.places[:, large] - found.places[:, small]).mean(0)
    for axis in (0, 1):
        # Two groups of pixels, the second moved away: the variance of all of them by definition.
        mean = other * float(offset[axis]) / (mine + other)
        one, two = ((2 * mixture.size[k, axis]).exp().item() for k in (large, small))
        square = mine * (one + mean**2) + other * (two + (float(offset[axis]) - mean) ** 2)
        expected = math.sqrt(square / (mine + other))
        assert float(merged.size[0, axis].exp()) == pytest.approx(expected, rel=1e-4)
    colour = mixture.colour.exp()
    mixed = (mine * colour[large] + other * colour[small]) / (mine + other)
    torch.testing.assert_close(merged.colour[0].exp(), mixed)
    assert float(merged.weight[0].exp()) == pytest.approx(mine + other)
    torch.testing.assert_close(merged.home[0], mixture.home[large], rtol=0, atol=0)


def test_rare_slots_are_dropped_but_for_the_largest() -> None:
    mixture = random_mixture(3)._replace(weight=torch.tensor([1.1e-3, 0.9e-3, 0.5]).log())
    torch.testing.assert_close(drop_rare(mixture).home, mixture.home[[0, 2]])
    rare = mixture._replace(weight=torch.tensor([1e-4, 3e-4, 2e-4]).log())
    torch.testing.assert_close(drop_rare(rare).home, mixture.home[[1]])


@pytest.mark.parametrize(("apart", "double"), [(1.9, True), (2.1, False), (2.9, False)])
def test_a_double_lies_within_twice_the_sizes(apart: float, double: bool) -> None:
    frames = 100
    row = torch.linspace(-0.6, 0.6, frames)
    paddle = torch.stack([row, torch.full_like(row, 0.5)], 1)
    beside = paddle + torch.tensor([0.0, apart * (0.02 + 0.02)])
    away = torch.tensor([-0.9, -0.5])
    elsewhere = torch.arange(frames) < 30
    second = torch.where(elsewhere[:, None], away, beside)
    moments = torch.zeros(frames, 2, 6)
    moments[..., 0] = torch.stack([torch.full_like(row, 60.0), torch.full_like(row, 20.0)], 1)
    nothing = torch.zeros(frames, 3, 1)
    found = Assignment(nothing, nothing, moments, torch.stack([paddle, second], 1))
    mixture = random_mixture(2)._replace(
        colour=torch.full((2, COLOURS), -math.log(COLOURS)), size=torch.full((2, 2), 0.02).log()
    )
    home = part_doubles(mixture, found).home
    expected = away if double else mixture.home[1]
    torch.testing.assert_close(home[1], expected)


def test_known_slots_stay_but_for_spreads_that_have_clearly_grown() -> None:
    before, after = random_mixture(2, seed=1), random_mixture(4, seed=2)
    after = after._replace(weight=torch.tensor([0.5, 1e-4, 0.2, 0.2]).log())
    grown = before.spread + torch.tensor([[0.3, 0.2], [0.3, 0.3]])  # log 1.25 is 0.22
    after = after._replace(spread=torch.cat([grown, after.spread[2:]]))
    got = as_known(after, before)
    for name in ("colour", "weight", "size", "home"):
        torch.testing.assert_close(getattr(got, name)[:2], getattr(before, name))
        torch.testing.assert_close(getattr(got, name)[2:], getattr(after, name)[2:])
    expected = torch.stack([torch.stack([grown[0, 0], before.spread[0, 1]]), before.spread[1]])
    torch.testing.assert_close(got.spread[:2], expected)  # the second slot is not there any more
    torch.testing.assert_close(got.spread[2:], after.spread[2:])
    torch.testing.assert_close(got.outlier, before.outlier)


def test_a_slot_that_is_there_in_one_frame_is_at_home_there() -> None:
    runs = random_runs()
    frame = torch.tensor(2)
    runs = runs._replace(weights=torch.zeros_like(runs.weights).index_fill(0, frame, 1.0))
    found = assign(random_mixture(1), runs)
    got = maximise(runs, found, COLOURS)
    torch.testing.assert_close(got.home[0], found.places[2, 0], atol=1e-4, rtol=0)
    assert got.spread[0].exp().tolist() == pytest.approx([0.02, 0.02], rel=1e-3)
