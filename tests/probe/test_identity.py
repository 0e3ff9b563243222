"""Changes of slot: hand-worked cases, a slow loop, what must not matter, and the errors."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from slotenv.probe import ObjectPlaces, slot_identity
from slotenv.probe.identity import RADIUS

FAR = 500.0


def boxes_at(middles, presence=1.0):
    """Boxes (N, K, 5) with their middles at (N, K, 2); NaN is a slot that is not there."""
    middles = np.asarray(middles, float)
    boxes = np.zeros((*middles.shape[:2], 5))
    boxes[..., 0] = np.where(np.isnan(middles[..., 0]), 0.2, presence)
    boxes[..., 1:3] = np.nan_to_num(middles)
    return boxes


def places(points, present=None, names=None):
    points = np.asarray(points, float)
    there = np.ones(points.shape[:2], bool) if present is None else np.asarray(present, bool)
    return ObjectPlaces(names or tuple("abcdefg"[: points.shape[1]]), points, there)


def walk(count, num_objects, seed=0):
    """Objects that walk far from each other, (count, num_objects, 2)."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(-2, 3, (count, num_objects, 2)).cumsum(axis=0).astype(float)
    return steps + 300.0 * np.arange(num_objects)[:, None]


GONE = [np.nan, np.nan]


def test_changes_by_hand():
    """One object at rest; slot 0 has it, then slot 1, then none, then slot 0; a new episode."""
    here = [80.0, 50.0]
    middles = [
        [here, GONE],
        [here, GONE],
        [GONE, here],  # a change
        [GONE, GONE],  # no slot
        [[FAR, FAR], here],  # the same as the last time
        [here, [FAR, FAR]],  # a change
        [GONE, here],  # another slot, but another episode
        [GONE, here],
        [here, GONE],  # the object is not there: not looked at
        [here, GONE],  # a change
    ]
    present = [[True]] * 8 + [[False], [True]]
    objects = places([[[76.0, 48.0]]] * 10, present)
    report = slot_identity(boxes_at(middles), objects, np.array([3] * 6 + [7] * 4))
    found = report.objects["a"]
    assert (found.present, found.assigned, found.changes, found.doubles) == (9, 8, 3, 0)
    assert found.share == 8 / 9
    assert found.changes_per_thousand == 375
    assert found.offset == (4, 2)
    assert (report.frames, report.episodes, report.num_slots) == (10, 2, 2)


def test_objects_are_paired_so_that_all_distances_together_are_smallest():
    """Slot 0 is nearest to both objects; b has no other."""
    here = walk(6, 1)[:, 0]
    points = np.stack([here, here + np.array([6, 0])], axis=1)
    middles = np.stack([here + np.array([6, 0]), here - np.array([2, 0])], axis=1)
    middles[:3] = points[:3]  # b is in slot 1 first: the offset of both is 0
    report = slot_identity(boxes_at(middles), places(points), np.zeros(6, int))
    assert report.objects["b"].changes == 1
    assert report.objects["a"].changes == 1
    assert report.objects["a"].assigned == report.objects["b"].assigned == 6
    assert (report.overall.present, report.overall.assigned, report.overall.changes) == (12, 12, 2)


def test_an_object_in_two_slots_is_told_from_one_that_changes_hands():
    """Slot 0 is at the object and slot 1 beside it, but in frames 3 and 7 the other way round."""
    points = walk(8, 1)
    middles = points + np.array([[3.0, 0.0], [3.0, 8.0]])
    middles[::2, 1, 1] -= 16  # now on this side and now on that: no constant offset
    middles[[3, 7]] = middles[[3, 7], ::-1]
    found = slot_identity(boxes_at(middles), places(points), np.zeros(8, int)).objects["a"]
    assert found.offset == (3, 0)
    assert (found.changes, found.doubles) == (3, 3)
    middles[3, 0] = np.nan  # at one of the changes, the slot before is not there
    found = slot_identity(boxes_at(middles), places(points), np.zeros(8, int)).objects["a"]
    assert (found.changes, found.doubles) == (3, 2)


@pytest.mark.parametrize(("distance", "assigned"), [(RADIUS - 0.5, 9), (RADIUS, 8), (30.0, 8)])
def test_a_slot_far_away_does_not_hold_the_object(distance, assigned):
    points = walk(9, 1)
    middles = points + 3.0
    middles[4, 0, 0] += distance
    found = slot_identity(boxes_at(middles), places(points), np.zeros(9, int)).objects["a"]
    assert (found.assigned, found.changes) == (assigned, 0)
    wide = slot_identity(boxes_at(middles), places(points), np.zeros(9, int), radius=31.0)
    assert wide.objects["a"].assigned == 9


@pytest.mark.parametrize(("presence", "assigned"), [(0.5, 0), (0.51, 5)])
def test_a_slot_must_be_seen(presence, assigned):
    points = walk(5, 1)
    found = slot_identity(boxes_at(points, presence), places(points), np.zeros(5, int)).overall
    assert found.assigned == assigned


def test_every_object_has_its_own_offset():
    points = walk(40, 3)
    offsets = np.array([[0, 7.5], [-15, 15], [3.5, 4.25]])
    report = slot_identity(boxes_at(points + offsets), places(points), np.zeros(40, int))
    assert [found.offset for found in report.objects.values()] == [tuple(o) for o in offsets]
    assert report.overall.assigned == 120
    assert report.overall.changes == 0


def test_an_object_with_one_axis_is_matched_on_it():
    points = walk(40, 2)
    middles = points + np.array([3.0, 5.0])
    one_axis = points.copy()
    one_axis[:, 0, 1] = one_axis[:, 1, 0] = np.nan
    report = slot_identity(boxes_at(middles), places(one_axis), np.zeros(40, int))
    assert [report.objects[name].offset for name in "ab"] == [(3, None), (None, 5)]
    assert report.overall.assigned == 80
    assert report.overall.changes == 0


def test_objects_that_pass_each_other_stand_still_on_the_other_axis():
    """Two cars in lanes 40 and 60 at speeds 1 and 2; slots err by a pixel where they meet."""
    t = np.arange(41.0)
    points = np.full((41, 2, 2), np.nan)
    points[:, 0, 0], points[:, 1, 0] = 50 + t, 30 + 2 * t
    middles = np.nan_to_num(points) + np.array([[4, 40], [4, 60]])
    middles[20, :, 0] += [1, -1]
    middles[21, :, 0] += [1, -1]
    one, two = (
        slot_identity(boxes_at(middles), places(points), np.zeros(41, int), still_axes=still)
        for still in (False, True)
    )
    assert one.overall.changes > 0
    assert two.overall.changes == 0
    assert [two.objects[name].offset for name in "ab"] == [(4, 40), (4, 60)]


def messy(seed=0):
    """Five objects that come and go in six slots that change hands and err."""
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 60, (200, 5, 2)).astype(float)
    points[:, 4, 1] = np.nan
    middles = np.nan_to_num(points)[:, [0, 1, 2, 3, 4, 4]] + rng.normal(3, 3, (200, 6, 2))
    order = np.argsort(np.arange(6) + 2.0 * (rng.random((200, 6)) < 0.1), axis=1)
    boxes = boxes_at(np.take_along_axis(middles, order[..., None], axis=1))
    boxes[..., 0] = rng.random((200, 6)) * 1.4
    objects = places(points, rng.random((200, 5)) < 0.8)
    return boxes, objects, np.arange(200) // 30


def by_loop(boxes, objects, offsets, episode, radius):
    """Try every way to pair objects with slots or with none."""
    counts = {name: [0, 0, 0, 0] for name in objects.names}

    def distance(t, o, k):
        square = 0.0
        for axis in range(2):
            if offsets[o][axis] is not None:
                middle = objects.points[t, o, axis] + offsets[o][axis]
                square += (boxes[t, k, 1 + axis] - middle) ** 2
        return square**0.5

    last = {}
    for t in range(len(boxes)):
        there = np.flatnonzero(objects.present[t])
        slots = [k for k in range(boxes.shape[1]) if boxes[t, k, 0] > 0.5]
        choices = slots + [None] * len(there)
        best, chosen = np.inf, None
        for picked in set(itertools.permutations(choices, len(there))):
            total = 0.0
            for o, k in zip(there, picked, strict=True):
                total += radius if k is None else distance(t, o, k)
            if total < best:
                best, chosen = total, picked
        for o, k in zip(there, chosen or (), strict=True):
            count = counts[objects.names[o]]
            count[0] += 1
            if k is not None:
                count[1] += 1
                before = last.get((episode[t], o), k)
                count[2] += before != k
                at_object = before in slots and distance(t, o, before) < radius
                count[3] += before != k and at_object and before not in chosen
                last[episode[t], o] = k
    return counts


def test_counts_match_a_loop_over_all_pairings():
    boxes, objects, episode = messy()
    boxes, episode = boxes[:40, :4], episode[:40]
    objects = places(objects.points[:40, :3], objects.present[:40, :3])
    report = slot_identity(boxes, objects, episode)
    offsets = [found.offset for found in report.objects.values()]
    expected = by_loop(boxes, objects, offsets, episode, RADIUS)
    for name, found in report.objects.items():
        counts = [found.present, found.assigned, found.changes, found.doubles]
        assert counts == expected[name]
    assert 0 < report.overall.doubles < report.overall.changes


@pytest.mark.parametrize("still_axes", [False, True])
def test_the_order_of_slots_objects_and_episodes_names_does_not_matter(still_axes):
    boxes, objects, episode = messy()
    report = slot_identity(boxes, objects, episode, still_axes=still_axes)
    again = slot_identity(boxes[:, [3, 5, 0, 1, 4, 2]], objects, episode, still_axes=still_axes)
    assert again == report
    order = [4, 2, 0, 1, 3]
    turned = ObjectPlaces(tuple("ecabd"), objects.points[:, order], objects.present[:, order])
    assert slot_identity(boxes, turned, 90 - episode, still_axes=still_axes) == report
    moved = objects._replace(points=objects.points + 8.0)
    assert slot_identity(boxes, moved, episode).overall.changes == pytest.approx(
        slot_identity(boxes, objects, episode).overall.changes
    )


def test_nothing_there_is_none_not_nan():
    points = walk(4, 2)
    objects = places(points, [[True, False]] * 4)
    report = slot_identity(boxes_at(np.full((4, 3, 2), np.nan)), objects, np.zeros(4, int))
    assert report.objects["a"].share == 0
    assert report.objects["a"].changes_per_thousand is None
    assert report.objects["b"].share is None
    assert report.objects["b"].offset == (None, None)
    fields = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert fields["overall"]["share"] == 0
    assert fields["objects"]["b"] == {
        "present": 0,
        "assigned": 0,
        "changes": 0,
        "doubles": 0,
        "offset": [None, None],
        "share": None,
        "changes_per_thousand": None,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"boxes": np.zeros((4, 2, 4))}, r"boxes must be \(N, K, 5\).*, got shape \(4, 2, 4\)"),
        ({"boxes": np.full((4, 2, 5), np.nan)}, "boxes must be finite, got NaN"),
        ({"boxes": np.zeros((3, 2, 5))}, r"points .* must be \(3, 1, 2\).*, got shape \(4, 1, 2\)"),
        ({"episode": np.zeros(3, int)}, r"episode must be \(4\).*, got shape \(3,\)"),
        ({"objects": places(np.zeros((4, 0, 2)))}, r"not empty, got shape \(4, 0, 2\)"),
        ({"objects": places(np.full((4, 1, 2), np.nan))}, "a needs x or y"),
        ({"objects": places([[[0, np.nan]]] * 3 + [[[0, 1]]])}, "in all frames or in none"),
        ({"radius": 0}, "radius must be positive, got 0"),
        ({"radius": float("nan")}, "radius must be positive, got nan"),
    ],
)
def test_wrong_inputs_are_named(changes, words):
    right = {"boxes": np.zeros((4, 2, 5)), "objects": places(np.zeros((4, 1, 2)))}
    with pytest.raises(ValueError, match=words):
        slot_identity(**{**right, "episode": np.zeros(4, int), **changes})


def test_an_object_that_no_slot_comes_near_has_no_offset_to_find():
    """All slots are beyond where a middle may be from a label: 16 pixels."""
    objects = places(np.full((3, 1, 2), 50.0))
    for middle, offset in (
        ([66.0, 34.0], (16, -16)),
        ([67.0, 50.0], (0, 0)),
        ([50.0, 33.0], (0, 0)),
    ):
        report = slot_identity(boxes_at([[middle]] * 3), objects, np.zeros(3, int))
        assert report.objects["a"].offset == offset
        assert report.objects["a"].assigned == (3 if offset[0] else 0)
