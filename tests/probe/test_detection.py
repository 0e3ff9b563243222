"""Detection, against numbers worked by hand and a search over all ways to pair."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from slotenv import records
from slotenv.probe import DetectionReport, TrueObjects, detection

KINDS = ("ball", "paddle", "score")
COUNTED = np.array([True, True, False])
NAN = np.nan


def objects(*rows: tuple[float, ...], kinds=KINDS, counted=COUNTED) -> TrueObjects:
    """Rows of frame, kind, x, y, width, height."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    frame, kind = table[:, 0].astype(int), table[:, 1].astype(int)
    return TrueObjects(frame, kind, table[:, 2:], kinds, counted)


def slots(*frames: list[tuple[float, ...]]) -> np.ndarray:
    """Of each frame, rows of presence, x, y, width, height."""
    return np.array(frames, np.float32)


def test_a_frame_worked_by_hand():
    true = objects(
        (0, 0, 20, 20, 2, 2),
        (0, 1, 100, 50, 4, 16),
        (0, 1, 10, 150, 4, 16),
        (0, 2, 80, 5, 40, 8),
    )
    seen = slots(
        [
            (1.0, 22, 20, 2, 2),  # the ball, 2 pixels off: near, no overlap
            (0.9, 20, 21, 2, 2),  # the ball again, nearer
            (1.0, 100, 54.5, 4, 12),  # a paddle: 4.5 pixels off, 38 of 74 pixels in both
            (0.7, 66, 5, 6, 8),  # one digit of the score: on something, nothing that counts
            (1.0, 50, 100, 4, 4),  # on nothing
            (0.5, 10, 150, 4, 16),  # the other paddle, not seen: presence is not above 0.5
        ]
    )
    report = detection(seen, true)
    assert (report.frames, report.objects, report.slots) == (1, 3, 5)
    assert report.elsewhere == pytest.approx(1 / 5)  # the digit, which is not judged
    assert report.precision == pytest.approx(2 / 4)
    assert report.recall == pytest.approx(2 / 3)
    assert report.f1 == pytest.approx(2 * 2 / (4 + 3))
    assert report.strict_f1 == pytest.approx(2 * 1 / (4 + 3))  # the paddle alone
    assert report.f1_of_all == pytest.approx(2 * 2 / (5 + 3))
    assert report.doubles == pytest.approx(1 / 5)
    assert report.on_nothing == pytest.approx(1 / 5)
    assert report.recall_by_kind == {"ball": 1.0, "paddle": 0.5}


FOG = ("ball", "paddle", "fog")
UNSURE = np.array([True, True, False])


def test_near_a_box_that_is_not_trusted_only_what_has_a_counted_object_is_judged():
    fog = (0, 2, 60, 60, 10, 4)  # reaches from 55 to 65, so somewhere in 47 to 73
    true = objects((0, 0, 70, 60, 2, 2), fog, kinds=FOG)
    ball = (1.0, 70, 60, 2, 2)  # in the fog, and on the ball
    seen = [ball, (1.0, 70, 62, 2, 2), (1.0, 47.5, 60, 2, 2), (1.0, 46.5, 60, 2, 2)]
    report = detection(slots(seen), true._replace(trusted=UNSURE))
    assert (report.doubles, report.elsewhere, report.on_nothing) == (0.25, 0.25, 0.25)
    assert (report.precision, report.recall) == (pytest.approx(1 / 3), 1.0)
    sure = detection(slots(seen), true)
    assert (sure.doubles, sure.elsewhere, sure.on_nothing) == (0.25, 0.0, 0.5)
    assert sure.f1_of_all == report.f1_of_all
    # A region makes no slot right, and none that is right wrong.
    for one in seen:
        one_report = detection(slots([one]), true._replace(trusted=UNSURE))
        assert one_report.recall == detection(slots([one]), true).recall


def test_a_box_of_unknown_size_that_is_not_trusted_is_about_its_middle():
    true = objects((0, 2, 60, 60, NAN, NAN), kinds=FOG)._replace(trusted=UNSURE)
    report = detection(slots([(1, 67.5, 52.5, 2, 2), (1, 68.5, 60, 2, 2)]), true)
    assert (report.elsewhere, report.on_nothing) == (0.5, 0.5)


def test_what_is_trusted_is_bool():
    true = objects((0, 0, 5, 5, 2, 2))._replace(trusted=np.ones(3))
    with pytest.raises(TypeError, match="trusted must be bool, got float64"):
        detection(np.zeros((1, 3, 5)), true)


def test_a_slot_inside_a_counted_object_that_it_misses_is_judged():
    both = objects((0, 1, 50, 50, 40, 40), (0, 2, 65, 65, 4, 4))  # the score is on the paddle
    report = detection(slots([(1, 65, 65, 2, 2)]), both)
    assert (report.precision, report.elsewhere, report.on_nothing) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("box", "found", "strictly"),
    [
        ((24, 20, 1, 1), 1, 0),  # 4 pixels off
        ((24.01, 20, 1, 1), 0, 0),
        ((26, 20, 16, 16), 1, 0),  # 160 of 352 pixels in both: IoU .45
        ((25, 20, 16, 16), 1, 1),  # 176 of 336: IoU .52
        ((29, 20, 16, 16), 0, 0),  # 112 of 400: IoU .28
        ((20, 20, 4, 4), 1, 0),  # in the middle, but far too small
    ],
)
def test_what_may_be_a_pair(box, found, strictly):
    report = detection(slots([(1, *box)]), objects((0, 0, 20, 20, 16, 16)))
    assert (report.f1, report.strict_f1) == (found, strictly)


def test_as_many_pairs_as_possible_are_made_and_of_those_the_nearest():
    rng = np.random.default_rng(0)
    kinds = tuple("abcd")
    for _ in range(40):
        found, true = (rng.uniform(0, 14, (n, 2)) for n in (3, 4))
        apart = np.linalg.norm(found[:, None] - true[None], axis=-1)
        best = (0, 0.0)
        for way in permutations(range(4), 3):
            pairs = [(i, j) for i, j in enumerate(way) if apart[i, j] <= 4]
            value = (len(pairs), -sum(apart[pair] for pair in pairs))
            if value > best:
                best, chosen = value, {kinds[j] for _, j in pairs}
        rows = [(0, k, *place, 0.1, 0.1) for k, place in enumerate(true)]
        truth = objects(*rows, kinds=kinds, counted=np.ones(4, bool))
        report = detection(slots([(1, *place, 0.1, 0.1) for place in found]), truth)
        assert {kind for kind, share in report.recall_by_kind.items() if share} == (
            chosen if best[0] else set()
        )
        assert report.recall == best[0] / 4


def test_order_of_slots_and_shifts_of_all_change_nothing():
    rng = np.random.default_rng(1)
    seen = rng.uniform(0, 30, (5, 6, 5)).astype(np.float32)
    seen[..., 0] = rng.uniform(size=(5, 6))
    rows = [(t, rng.integers(3), *rng.uniform(1, 30, 4)) for t in range(5) for _ in range(4)]
    report = detection(seen, objects(*rows))
    assert 0 < report.f1 < 1
    assert detection(seen[:, ::-1], objects(*rows)) == report
    seen[..., 1:3] += 64
    moved = [(t, k, x + 64, y + 64, w, h) for t, k, x, y, w, h in rows]
    assert detection(seen, objects(*moved)) == report


def test_objects_of_unknown_size_are_found_by_their_middle():
    true = objects((0, 0, 20, 20, NAN, NAN), (0, 0, 60, 60, NAN, NAN))
    report = detection(slots([(1, 20, 24, 30, 30), (1, 60, 64.1, 30, 30)]), true)
    assert (report.recall, report.strict_f1, report.on_nothing) == (0.5, 0.0, 0.5)


def test_without_slots_or_objects_shares_are_undefined():
    nobody = detection(np.zeros((2, 3, 5), np.float32), objects((1, 0, 5, 5, 2, 2)))
    assert (nobody.precision, nobody.recall, nobody.f1, nobody.on_nothing) == (None, 0.0, 0.0, None)
    nothing = detection(slots([(1, 5, 5, 2, 2)]), objects())
    assert (nothing.precision, nothing.recall, nothing.on_nothing) == (0.0, None, 1.0)
    empty = detection(np.zeros((0, 3, 5), np.float32), objects())
    assert (empty.f1, empty.recall_by_kind) == (None, {})


def test_a_report_survives_json():
    report = detection(slots([(1, 5, 5, 2, 2)]), objects((0, 1, 5, 5, 2, 2)))
    text = records.dumps(report.to_dict())
    assert records.loads(text, DetectionReport, where="here", remedy="") == report


@pytest.mark.parametrize(
    ("seen", "changes", "message"),
    [
        (np.zeros((2, 3, 4)), {}, r"must have shape \(N, K, 5\), .* got \(2, 3, 4\)"),
        (np.full((2, 3, 5), NAN), {}, "slots must be finite"),
        (np.zeros((1, 3, 5)), {}, "objects are in frames 0 to 1, there are 1 frames of slots"),
        (None, {"frame": np.array([1, 0])}, "in the order of their frames"),
        (None, {"frame": np.array([-1, 0])}, "in frames -1 to 0"),
        (None, {"kind": np.array([0])}, r"kind must have shape \(2,\), got \(1,\)"),
        (None, {"kind": np.array([0, 3])}, r"kind must lie in 0..2"),
        (None, {"box": np.zeros((2, 2))}, r"box must have shape \(2, 4\), got \(2, 2\)"),
        (None, {"box": np.full((2, 4), NAN)}, "middles of objects must be finite"),
        (None, {"counted": np.array([True])}, r"counted must have shape \(3,\), got \(1,\)"),
        (None, {"trusted": np.array([True])}, r"trusted must have shape \(3,\), got \(1,\)"),
        (None, {"trusted": ~COUNTED}, "not trusted cannot count: ball, paddle"),
    ],
)
def test_what_does_not_fit_is_refused(seen, changes, message):
    true = objects((0, 0, 5, 5, 2, 2), (1, 0, 5, 5, 2, 2))._replace(**changes)
    with pytest.raises(ValueError, match=message):
        detection(np.zeros((2, 3, 5)) if seen is None else seen, true)
