"""Things found in play in which figures stand on others, and ships leave their lanes."""

import numpy as np
from drawn_things import Box, bounce, draw, find, middles

RED, GREEN, BLUE, WHITE, BROWN = 1, 2, 3, 4, 5


def figure(top: int, left: int) -> list[Box]:
    return [
        (top, left, 3, 6, BROWN),
        (top + 3, left, 6, 6, RED),
        (top + 9, left, 5, 6, BLUE),
    ]


def test_a_figure_that_often_stands_on_a_floe_is_itself_there() -> None:
    x, y = bounce(300, 0, 1.3, 70), bounce(300, 0, 1.9, 40)
    play = []
    for n, left in enumerate(x.tolist()):
        stands = n % 10 < 3
        play.append(
            [
                (60, left, 4, 20, WHITE),
                *(figure(46, left + 5) if stands else figure(int(y[n]), 5 + 7 * n % 80)),
            ]
        )
    things = find(play)
    assert len(things.home) == 2  # not a third one, of both
    found = middles(things, draw(*play))
    assert np.isfinite(found).all()
    floe = int(np.nanmean(found[..., 0], 0).argmax())
    np.testing.assert_allclose(found[:, floe, 1], x + 9.5, atol=1e-3)


def test_a_figure_is_not_its_hat_and_the_rest_of_it_for_once_they_were_seen_apart() -> None:
    top, play = bounce(300, 0, 1.7, 60), []
    for n, y in enumerate(top.tolist()):
        hat, *rest = figure(y, 5 + 3 * n % 80)
        if n % 15 == 0:
            hat = ((y + 40) % 75, 5 + 11 * n % 80, *hat[2:])
        play.append([hat, *rest])
    things = find(play)
    found = middles(things, draw(*play))
    middle = top + (3 * 1 + 6 * 5.5 + 5 * 11) / 14  # by pixels
    has = np.isclose(found[..., 0], middle[:, None], atol=0.05).any(1)
    assert has[np.arange(300) % 15 != 0].all()


def test_a_ship_that_leaves_its_heights_keeps_its_slot_and_a_car_in_a_lane_has_another() -> None:
    """Both are alike, so that they are of one kind."""
    heights = np.array([5, 25, 45])[np.arange(400) // 5 % 3]
    ship, car = bounce(400, 0, 2.1, 88), bounce(400, 30, 1.4, 88)
    play = [
        [(int(y), int(s), 5, 9, RED), (70, int(c), 5, 9, RED)]
        for y, s, c in zip(heights, ship, car, strict=True)
    ]
    things = find(play)
    assert len(things.home) == 2
    found = middles(things, draw(*play))
    slot = int(np.nanmean(found[..., 0], 0).argmin())
    np.testing.assert_allclose(found[:, slot], np.stack([heights + 2, ship + 4], 1), atol=1e-3)
    np.testing.assert_allclose(found[:, 1 - slot, 1], car + 4, atol=1e-3)
