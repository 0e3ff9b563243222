"""Which true objects count: drawn, moving, on the screen and no display."""

from __future__ import annotations

import numpy as np
import recorded_frames

from pretrain.upkeep.ocatari import OcatariBoxes
from pretrain.upkeep.truth import Truth, truth_of

COUNT, HEIGHT, WIDTH = 60, 40, 50
KINDS = ("Car", "Score", "Tree", "Shot")


def play() -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """Frames and OCAtari's rows: frame, place in the list, kind, left, top, width, height."""
    frames, rows = np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8), []
    frames[:, 30:34, 40:44] = 100  # a car that is parked
    frames[:, 20:26, 4:8] = 150  # a tree
    for t in range(COUNT):
        left = (t % 25) + 20
        frames[t, 10:14, left : left + 8] = 200
        rows += [(t, 0, 0, left, 10, 8, 4), (t, 1, 0, 40, 30, 4, 4)]
        rows += [(t, 2, 1, t % 3, 0, 10, 5), (t, 3, 2, 4, 20, 4, 6)]
        shot = t % 30
        if t % 2:  # it flickers
            frames[t, shot : shot + 3, 2] = 255
        rows.append((t, 4, 3, 2, shot, 1, 3))
    return frames, rows


def truth(
    rows: list[tuple[int, ...]],
    frames: np.ndarray,
    no_object: dict[str, str] | None = None,
    **wrong: str,
) -> Truth:
    hud = np.array([False, True, False, False])
    boxes = OcatariBoxes(np.array(rows, np.int64).reshape(-1, 7), KINDS, hud)
    return truth_of(boxes, recorded_frames.Recorded(frames), wrong, no_object or {})


def counted(true: Truth) -> dict[str, int]:
    """How many there are of each kind that counts."""
    one = true.objects
    return {name: int((one.kind == k).sum()) for k, name in enumerate(one.kinds) if one.counted[k]}


def test_what_stands_still_is_shown_or_is_not_drawn_does_not_count() -> None:
    frames, rows = play()
    true = truth(rows, frames)
    assert counted(true) == {"Car": COUNT, "Shot": COUNT // 2}
    assert true.left_out == {
        "Car": "stands still in 50%",
        "Score": "a display",
        "Tree": "stands still",
        "Shot": "not drawn in 50%",
    }
    shots = true.objects.kind == true.objects.kinds.index("Shot")
    np.testing.assert_array_equal(true.objects.frame[shots], np.arange(1, COUNT, 2))
    assert len(true.objects.frame) == len(rows)  # the others are there, and do not count
    assert len(set(true.number)) == 5


def test_wrong_kinds_do_not_count_and_say_why() -> None:
    frames, rows = play()
    true = truth(rows, frames, Car="two of its wheels are missing")
    assert counted(true) == {"Shot": COUNT // 2}
    assert true.left_out["Car"] == "two of its wheels are missing"
    trusted = dict(zip(true.objects.kinds, true.objects.trusted, strict=True))
    assert not trusted["Car (wrong)"]
    assert all(fits for kind, fits in trusted.items() if not kind.startswith("Car"))


def test_what_is_no_object_does_not_count_and_its_boxes_are_trusted() -> None:
    frames, rows = play()
    boxes = truth(rows, frames, Car="two of its wheels are missing")
    parts = truth(rows, frames, no_object={"Car": "a part of the road"})
    assert counted(parts) == counted(boxes)
    assert parts.left_out["Car"] == "a part of the road"
    assert parts.objects.trusted is not None
    assert parts.objects.trusted.all()
    assert "Car (no object)" in parts.objects.kinds


def test_boxes_are_cut_at_the_border_and_those_of_no_size_or_beyond_are_none() -> None:
    frames, _ = play()
    rows = [
        *((t, 0, 0, left, 38, 6, 10) for t, left in enumerate((-2, -3, 46))),
        (3, 0, 0, 10, 10, 0, 4),
        (4, 0, 0, WIDTH, 10, 4, 4),
        (5, 0, 0, -9, 10, 9, 4),
        (6, 0, 0, 10, -4, 4, 4),
    ]
    true = truth(rows, frames)
    np.testing.assert_array_equal(true.objects.frame, [0, 1, 2])
    np.testing.assert_allclose(
        true.objects.box, [[1.5, 38.5, 4, 2], [1, 38.5, 3, 2], [47.5, 38.5, 4, 2]]
    )


def test_nothing_is_drawn_in_a_plain_place_of_another_scene() -> None:
    frames, rows = play()
    frames[40:] = np.where(frames[40:] == 0, 7, frames[40:])
    true = truth(rows, frames)
    assert counted(true) == {"Car": COUNT, "Shot": COUNT // 2}


def test_of_two_of_a_kind_at_one_place_one_counts() -> None:
    frames, rows = play()
    rows += [(t, 7, 0, (t % 25) + 20, 10, 8, 4) for t in range(0, COUNT, 2)]
    true = truth(sorted(rows), frames)
    assert counted(true) == {"Car": COUNT, "Shot": COUNT // 2}
    assert true.left_out["Car"] == "stands still in 40%, behind another in 20%"


def test_steps_are_between_frames_that_follow_in_one_episode() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (9, HEIGHT, WIDTH, 3), np.uint8)
    whole, split = np.zeros(9, int), np.arange(9) // 4
    for times, episode, moves in (
        ((0, 1, 2, 3, 4, 5, 6, 7), whole, True),
        ((0, 1, 2, 3, 4, 5, 6, 7), split, False),
        ((0, 1, 2, 3, 5, 6, 7, 8), whole, False),
    ):
        rows = np.array([(t, 0, 0, 10 * (i // 4), 5, 4, 4) for i, t in enumerate(times)])
        found = OcatariBoxes(rows, ("Car",), np.array([False]))
        store = recorded_frames.Recorded(frames, episode=episode)
        assert bool(truth_of(found, store, {}, {}).objects.counted.any()) == moves


def test_a_part_of_the_frames_is_numbered_from_0() -> None:
    frames, rows = play()
    whole = truth(rows, frames)
    part = whole.part(20, 30)
    assert set(part.objects.frame) == set(range(10))
    keep = (whole.objects.frame >= 20) & (whole.objects.frame < 30)
    np.testing.assert_array_equal(part.objects.box, whole.objects.box[keep])
    np.testing.assert_array_equal(part.number, whole.number[keep])


def test_without_any_objects_nothing_counts() -> None:
    frames, _ = play()
    assert counted(truth([], frames)) == {}
