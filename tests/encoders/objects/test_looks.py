"""Looks, against densities written out, and pieces of sprites that are known."""

import math

import numpy as np
import pytest

from slotenv.encoders.objects.looks import MIN_SPREAD, Looks, cluster, describe, fit_of, learn
from slotenv.encoders.objects.pieces import Pieces


def pieces_of(*rows: tuple[float, ...], num_colours: int = 3) -> Pieces:
    """Rows of frame, row, column, standard deviation of rows, of columns, and shares of colours."""
    table = np.array(rows, np.float32).reshape(-1, 5 + num_colours)
    middle, size = table[:, 1:3], table[:, 3:5]
    pixels = np.full((len(table), 1), 20.0, np.float32)
    moments = np.hstack([pixels, pixels * middle, pixels * (size**2 + middle**2), 0 * pixels])
    nothing = np.zeros(len(table), bool)
    whole = np.zeros((len(table), 2), bool)
    return Pieces(table[:, 0].astype(np.int64), moments, table[:, 5:], nothing, whole)


RED, GREEN, BOTH = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.5, 0.0)


def test_things_of_other_colours_or_sizes_are_other_looks_wherever_they_are() -> None:
    rng = np.random.default_rng(0)
    drawn = []
    for frame in range(50):
        for size, colours in ((0.05, RED), (0.05, GREEN), (0.12, RED), (0.05, BOTH)):
            drawn.append((frame, *rng.uniform(-1, 1, 2), size, 0.6 * size, *colours))
    look = cluster(describe(pieces_of(*drawn)), 50)
    assert [set(look[i::4]) for i in range(4)] == [{look[i]} for i in range(4)]
    assert sorted(look[:4]) == [0, 1, 2, 3]


def test_a_thing_that_turns_little_by_little_is_one_look_and_rare_ones_are_none() -> None:
    widths = np.geomspace(0.02, 0.2, 40)  # 6 % from one to the next
    turning = [(frame, 0, 0, 0.1, width, *RED) for frame in range(10) for width in widths]
    rare = [(0, 0, 0, 0.1, 0.1, *GREEN), (1, 0, 0, 0.1, 0.1, *GREEN)]
    look = cluster(describe(pieces_of(*turning, *rare)), 10)
    assert set(look[:-2]) == {0}
    assert set(look[-2:]) == {-1}


def test_what_is_learned_is_the_mean_of_the_pieces() -> None:
    pieces = pieces_of(
        (0, 0.5, 0.0, 0.1, 0.2, *RED),
        (0, -0.5, 0.4, 0.1, 0.2, *GREEN),
        (1, 0.0, 0.1, 0.03, 0.04, *BOTH),
        (1, 0.9, 0.9, 0.5, 0.5, *RED),
    )
    looks = learn(pieces, np.array([1, 1, 0, -1]), 2)
    np.testing.assert_allclose(np.exp(looks.size), [[0.03, 0.04], [0.1, 0.2]], rtol=1e-4)
    np.testing.assert_allclose(looks.home, [[0, 0.1], [0, 0.2]], atol=1e-6)
    spread = [[MIN_SPREAD] * 2, [math.hypot(0.5, MIN_SPREAD), math.hypot(0.2, MIN_SPREAD)]]
    np.testing.assert_allclose(np.exp(looks.spread), spread, rtol=1e-4)
    np.testing.assert_allclose(np.exp(looks.weight), [0.25, 0.5])
    shares = (np.array([0.5, 0.5, 0.0]) + 0.02 / 3) / 1.02
    np.testing.assert_allclose(np.exp(looks.colours), [shares, shares], rtol=1e-5)


def test_the_fit_is_what_the_formula_says() -> None:
    rng = np.random.default_rng(1)
    looks = Looks(
        colours=np.log(rng.dirichlet(np.ones(3), 4)).astype(np.float32),
        size=np.log(rng.uniform(0.02, 0.2, (4, 2))).astype(np.float32),
        home=rng.uniform(-1, 1, (4, 2)).astype(np.float32),
        spread=np.log(rng.uniform(0.02, 0.5, (4, 2))).astype(np.float32),
        weight=np.log(rng.dirichlet(np.ones(4))).astype(np.float32),
    )
    rows = [
        (0, *rng.uniform(-1, 1, 2), *rng.uniform(0.02, 0.2, 2), *rng.dirichlet(np.ones(3)))
        for _ in range(5)
    ]
    found = fit_of(looks, pieces_of(*rows, (0, 0, 0, 0.1, 0.1, *RED)))
    assert np.isfinite(found).all()  # also of a colour that is not there at all
    for n, (_, row, column, height, width, *shares) in enumerate(rows):
        for k in range(4):
            log = math.log(0.1 / 4)
            expected = looks.weight[k] - log + 8 * 1.5
            for value, home, spread in zip(
                (row, column), looks.home[k], looks.spread[k], strict=True
            ):
                away = (value - home) / math.exp(spread)
                expected -= 0.5 * away**2 + spread + 0.5 * math.log(2 * math.pi)
            for share, theta in zip(shares, looks.colours[k], strict=True):
                expected -= 8 * share * (math.log(share) - theta)
            for own, size in zip((height, width), looks.size[k], strict=True):
                ratio = (own / math.exp(size)) ** 2
                expected -= 8 * 0.5 * (ratio - 1 - math.log(ratio))
            assert found[n, k] == pytest.approx(expected, rel=1e-3, abs=1e-2)


def test_what_differs_more_than_a_look_varies_is_not_of_it() -> None:
    same = [(frame, 0.1 * frame, 0, 0.05, 0.08, *RED) for frame in range(10)]
    looks = learn(pieces_of(*same), np.zeros(10, np.int64), 1)
    like = [(0, 0.5, 0, 0.05, 0.08, *RED), (0, 0.5, 0, 0.04, 0.08, *RED)]
    unlike = [
        (0, 0.5, 0, 0.05, 0.08, *GREEN),
        (0, 0.5, 0, 0.05, 0.4, *RED),
        (0, 0.5, 0.5, 0.05, 0.08, *RED),  # it never leaves its column
    ]
    fits = fit_of(looks, pieces_of(*like, *unlike))[:, 0]
    assert (fits > 0).tolist() == [True] * len(like) + [False] * len(unlike)
    assert fits[0] > fits[1]


def test_of_things_that_turn_and_grow_the_reach_is_wider() -> None:
    """Each piece is seen once or twice; those of few sizes are told apart, of many they are not."""
    rng = np.random.default_rng(0)
    few = [(n, 0, 0, 0.04 * (1 + n % 2), 0.05, *RED) for n in range(60)]
    many = [(n, 0, 0, *np.exp(rng.uniform(-5, -0.5, 2)), *RED) for n in range(600)]
    looks = cluster(describe(pieces_of(*few)), 60)
    assert sorted(np.unique(looks).tolist()) == [0, 1]
    looks = cluster(describe(pieces_of(*many)), 600)
    assert (looks >= 0).mean() > 0.9


def test_without_pieces_there_are_no_looks() -> None:
    assert cluster(describe(pieces_of()), 10).shape == (0,)
