import math

import pytest
import torch
from torch import Tensor

from slotenv.encoders.object_mixture.mixture import (
    Assignment,
    Mixture,
    Runs,
    assign,
    run_features,
)


def some_mixture(slots: int = 3, colours: int = 4, seed: int = 0) -> Mixture:
    generator = torch.Generator().manual_seed(seed)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)

    return Mixture(
        uniform(-2, 2, slots, colours).log_softmax(1),
        uniform(-3, -1, slots),
        uniform(-3, -1.5, slots, 2),
        uniform(-0.8, 0.8, slots, 2),
        uniform(-1.5, -0.5, slots, 2),
        uniform(-6, -4, colours),
    )


def some_runs(frames: int = 2, count: int = 9, colours: int = 4, seed: int = 0) -> Runs:
    generator = torch.Generator().manual_seed(seed)
    rows, columns = 2 * torch.rand(2, frames, count, generator=generator, dtype=torch.float64) - 1
    brightness = torch.rand(frames, count, generator=generator, dtype=torch.float64)
    return Runs(
        run_features(rows, columns, torch.zeros_like(rows), brightness),
        torch.randint(colours, (frames, count), generator=generator),
        0.5 + torch.rand(frames, count, generator=generator, dtype=torch.float64),
    )


def shares(found: Assignment, runs: Runs) -> Tensor:
    """Weight that each slot, and last none, got of each run, (B, K + 1, R)."""
    return found.posterior * runs.weights.unsqueeze(1)


def slow_frame(
    mixture: Mixture,
    places: list[tuple[float, float]],
    brightness: list[float],
    colours: list[int],
    weights: list[float],
) -> tuple[list[list[float]], list[list[float]], list[float], list[list[float]]]:
    """Shares, places, log densities and moments of one frame, one number after the other."""
    slots = len(mixture.weight)
    middles = mixture.home.tolist()
    shares: list[list[float]] = []
    densities: list[float] = []
    for look in (1.0, 0.1, 0.0):
        shares, densities = [], []
        for place, colour, weight in zip(places, colours, weights, strict=True):
            each = []
            for k in range(slots):
                density = math.exp(mixture.weight[k]) * math.exp(mixture.colour[k, colour])
                for axis in range(2):
                    variance = math.exp(mixture.size[k, axis]) ** 2
                    variance += look * math.exp(mixture.spread[k, axis]) ** 2
                    away = place[axis] - middles[k][axis]
                    density *= math.exp(-(away**2) / variance / 2)
                    density /= math.sqrt(2 * math.pi * variance)
                each.append(density)
            each.append(math.exp(mixture.outlier[colour]) / 4)
            densities.append(math.log(sum(each)))
            shares.append([weight * one / sum(each) for one in each])
        if look > 0:
            for k in range(slots):
                mass = sum(share[k] for share in shares) + 0.01
                middles[k] = [
                    (
                        sum(s[k] * p[axis] for s, p in zip(shares, places, strict=True))
                        + 0.01 * float(mixture.home[k, axis])
                    )
                    / mass
                    for axis in range(2)
                ]
    moments = []
    for k in range(slots):
        sums = [0.0] * 6
        for share, (row, column), light in zip(shares, places, brightness, strict=True):
            features = (1, row, column, row * row, column * column, light)
            sums = [total + share[k] * f for total, f in zip(sums, features, strict=True)]
        moments.append(sums)
    return shares, middles, densities, moments


@pytest.mark.parametrize(("slots", "count"), [(1, 1), (1, 6), (2, 5), (3, 9)])
def test_all_rounds_are_what_a_slow_loop_does(slots: int, count: int) -> None:
    mixture, runs = some_mixture(slots), some_runs(3, count)
    found = assign(mixture, runs)
    for i in range(3):
        places = [(float(f[1]), float(f[2])) for f in runs.features[i]]
        brightness = runs.features[i, :, 5].tolist()
        colours, weights = runs.colours[i].tolist(), runs.weights[i].tolist()
        expected, middles, densities, moments = slow_frame(
            mixture, places, brightness, colours, weights
        )
        torch.testing.assert_close(
            shares(found, runs)[i].T, torch.tensor(expected, dtype=torch.float64)
        )
        torch.testing.assert_close(found.places[i], torch.tensor(middles, dtype=torch.float64))
        torch.testing.assert_close(
            found.logits[i].logsumexp(0), torch.tensor(densities, dtype=torch.float64)
        )
        torch.testing.assert_close(found.moments[i], torch.tensor(moments, dtype=torch.float64))


def test_features() -> None:
    numbers = (torch.tensor([[value]]) for value in (0.5, -0.2, 0.01, 0.7))
    expected = torch.tensor([[[1, 0.5, -0.2, 0.25, 0.05, 0.7]]])
    torch.testing.assert_close(run_features(*numbers), expected)


def test_single_precision_is_enough() -> None:
    mixture, runs = some_mixture(), some_runs(4, 20)
    single = assign(
        Mixture(*(field.float() for field in mixture)),
        Runs(runs.features.float(), runs.colours, runs.weights.float()),
    )
    for got, expected in zip(single, assign(mixture, runs), strict=True):
        torch.testing.assert_close(got, expected.float(), atol=1e-4, rtol=1e-3)


def test_shares_and_the_unexplained_are_all_the_weight() -> None:
    runs = some_runs(3, 20)
    found = assign(some_mixture(), runs)
    torch.testing.assert_close(shares(found, runs).sum(1), runs.weights)
    assert (found.posterior >= 0).all()


def test_moments_are_sums_over_runs() -> None:
    runs = some_runs(2, 20)
    found = assign(some_mixture(), runs)
    of_slots = shares(found, runs)[:, :-1]
    expected = (of_slots.unsqueeze(-1) * runs.features.unsqueeze(1)).sum(2)
    torch.testing.assert_close(found.moments, expected)
    torch.testing.assert_close(found.moments[..., 0], of_slots.sum(2))


def test_permuted_slots_give_permuted_results() -> None:
    mixture, runs = some_mixture(4), some_runs()
    order = torch.tensor([2, 0, 3, 1])
    other = Mixture(*(field[order] for field in mixture[:5]), mixture.outlier)
    found, got = assign(mixture, runs), assign(other, runs)
    torch.testing.assert_close(got.posterior[:, :-1], found.posterior[:, order])
    torch.testing.assert_close(got.moments, found.moments[:, order])
    torch.testing.assert_close(got.places, found.places[:, order])
    torch.testing.assert_close(got.posterior[:, -1], found.posterior[:, -1])
    torch.testing.assert_close(got.logits.logsumexp(1), found.logits.logsumexp(1))


def test_padding_changes_nothing() -> None:
    mixture, runs = some_mixture(), some_runs(2, 9)
    more = some_runs(2, 5, seed=1)
    padded = Runs(
        torch.cat([runs.features, more.features], 1),
        torch.cat([runs.colours, more.colours], 1),
        torch.cat([runs.weights, 0 * more.weights], 1),
    )
    found, got = assign(mixture, runs), assign(mixture, padded)
    torch.testing.assert_close(got.moments, found.moments)
    torch.testing.assert_close(got.places, found.places)
    torch.testing.assert_close(got.posterior[..., :9], found.posterior)
    assert not shares(got, padded)[..., 9:].any()


def test_a_frame_alone_equals_the_frame_in_a_batch() -> None:
    mixture, runs = some_mixture(), some_runs(4)
    together = assign(mixture, runs)
    for i in range(4):
        alone = assign(mixture, Runs(*(field[i : i + 1] for field in runs)))
        for one, many in zip(alone, together, strict=True):
            torch.testing.assert_close(one[0], many[i])


def test_the_order_of_runs_does_not_matter() -> None:
    mixture, runs = some_mixture(), some_runs()
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    got = assign(mixture, Runs(*(field[:, order] for field in runs)))
    torch.testing.assert_close(got.moments, assign(mixture, runs).moments)


def test_a_pixel_of_weight_two_is_two_runs() -> None:
    mixture, runs = some_mixture(), some_runs()
    twice = Runs(*(torch.cat([field, field], 1) for field in runs))
    heavy = runs._replace(weights=2 * runs.weights)
    torch.testing.assert_close(assign(mixture, twice).moments, assign(mixture, heavy).moments)


@pytest.mark.parametrize("result", ["moments", "logits", "places"])
def test_gradients_reach_every_field(result: str) -> None:
    mixture = Mixture(*(field.requires_grad_() for field in some_mixture()))
    found: Assignment = assign(mixture, some_runs(3, 20))
    value = getattr(found, result)
    weights = torch.rand(value.shape, generator=torch.Generator().manual_seed(0)).double()
    gradients = torch.autograd.grad((value * weights).sum(), list(mixture))
    for name, gradient in zip(Mixture._fields, gradients, strict=True):
        assert gradient.isfinite().all(), name
        assert gradient.any(), name


def test_gradients_are_the_slopes() -> None:
    mixture, runs = some_mixture(2, 3), some_runs(1, 4, 3)
    fields = tuple(field.requires_grad_() for field in mixture)
    assert torch.autograd.gradcheck(lambda *f: assign(Mixture(*f), runs).moments, fields)


def test_no_runs_no_mass() -> None:
    mixture = Mixture(*(field.requires_grad_() for field in some_mixture()))
    runs = some_runs(2, 1)._replace(weights=torch.zeros(2, 1, dtype=torch.float64))
    found = assign(mixture, runs)
    assert not found.moments.any()
    assert not shares(found, runs).any()
    torch.testing.assert_close(found.places, mixture.home.expand(2, 3, 2))
    assert all(value.isfinite().all() for value in found)
    gradients = torch.autograd.grad(sum(value.sum() for value in found), list(mixture))
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_far_pixels_of_the_same_colour_do_not_drag_a_slot() -> None:
    """The look around shrinks to the runs of the object itself."""
    mixture = Mixture(
        torch.zeros(1, 1),
        torch.tensor([-0.1]),
        torch.full((1, 2), math.log(0.05)),
        torch.zeros(1, 2),
        torch.full((1, 2), math.log(0.4)),
        torch.tensor([math.log(0.1)]),
    )
    object_ = torch.cartesian_prod(torch.arange(0.15, 0.26, 0.02), torch.arange(-0.35, -0.24, 0.02))
    digit = torch.cartesian_prod(torch.arange(-0.95, -0.88, 0.02), torch.arange(0.7, 0.8, 0.02))
    both = torch.cat([object_, digit])

    def place(points: Tensor) -> tuple[Tensor, Tensor]:
        rows, columns = points.T
        nothing = torch.zeros(1, len(points))
        features = run_features(rows[None], columns[None], nothing, nothing)
        found = assign(mixture, Runs(features, nothing.long(), nothing + 1))
        return found.moments[0, 0, 1:3] / found.moments[0, 0, 0], found.moments[0, 0, 0]

    alone, mass = place(object_)
    with_digit, mass_with_digit = place(both)
    assert (both.mean(0) - object_.mean(0)).abs().max() > 0.2  # a plain mean would be dragged
    torch.testing.assert_close(alone, object_.mean(0), atol=1e-3, rtol=0)
    torch.testing.assert_close(with_digit, alone, atol=1e-3, rtol=0)
    torch.testing.assert_close(mass_with_digit, mass, atol=0.1, rtol=0)
