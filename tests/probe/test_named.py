"""The named reading: hand-worked cases, what must not matter, chance, and the errors."""

from __future__ import annotations

import numpy as np
import pytest

from slotenv.probe import (
    ObjectPlaces,
    ProbeReport,
    held_boxes,
    named_slots,
    read_features,
    run_probe,
)
from slotenv.probe.run import probe_features, probe_transfer


def box(x, y, presence=1.0):
    return [presence, x, y, 4.0, 6.0]


def test_slots_are_put_in_the_order_of_objects_by_hand():
    """Two balls; slots swap in frame 1, one is hidden in 2, one is far away in 3."""
    points = np.array([[[10.0, 10.0], [50.0, 20.0]]] * 5)
    present = np.array([[True, True]] * 4 + [[True, False]])
    boxes = np.array(
        [
            [box(13, 12), box(53, 22)],
            [box(53, 22), box(13, 12)],
            [box(13, 12, presence=0.5), box(53, 22)],
            [box(13, 12), box(66, 22)],
            [box(13, 12), box(53, 22)],  # the second ball is not there
        ]
    )
    named = named_slots(boxes, ObjectPlaces(("a", "b"), points, present))
    one, two, none = box(13, 12), box(53, 22), [0.0] * 5
    expected = [[one, two], [one, two], [none, two], [one, none], [one, none]]
    np.testing.assert_array_equal(named, np.array(expected, np.float32))


def test_an_axis_without_a_label_stands_still():
    """A car of a lane: another that passes in the next lane is not taken for it."""
    points = np.full((30, 1, 2), np.nan)
    points[:, 0, 0] = np.arange(30) * 3
    boxes = np.zeros((30, 2, 5))
    boxes[:, 0] = [box(3 * t, 40) for t in range(30)]
    boxes[:, 1] = [box(3 * t, 56, presence=t < 9) for t in range(30)]
    boxes[20, 0, 0] = 0
    boxes[20, 1, 0] = 1
    named = named_slots(boxes, ObjectPlaces(("car",), points, np.ones((30, 1), bool)))
    assert named[20].tolist() == [[0.0] * 5]
    assert (np.delete(named, 20, axis=0)[:, 0, 2] == 40).all()


def test_an_object_that_was_never_there_to_learn_from_takes_no_slot():
    points = np.array([[[10.0, 10.0], [11.0, 10.0]]] * 4)
    present = np.array([[True, False]] * 2 + [[True, True]] * 2)
    boxes = np.array([[box(10, 10), box(100, 100)]] * 4)
    named = named_slots(boxes, ObjectPlaces(("a", "b"), points, present), learn_from=np.arange(2))
    assert named[:, 0, 0].tolist() == [1] * 4
    assert not named[:, 1].any()


class Seen:
    """Boxes of Pong's three objects, read from frames that carry the RAM, in a random order."""

    def __init__(self, seed=None, noise=0.0):
        self.rng, self.noise = np.random.default_rng(seed), noise
        self.shuffles = seed is not None

    def boxes(self, frames):
        ram = frames.reshape(len(frames), -1)[:, :128].astype(float)
        boxes = np.zeros((len(ram), 4, 5), np.float32)
        boxes[:, 0] = np.stack([box(142, 0)] * len(ram))
        boxes[:, 0, 2] = ram[:, 51] - 13 + 8
        boxes[:, 1] = np.stack([box(18, 0)] * len(ram))
        boxes[:, 1, 2] = ram[:, 50] - 15 + 8
        boxes[:, 2] = np.stack([box(0, 0)] * len(ram))
        boxes[:, 2, 1:3] = ram[:, [49, 54]] - [49, 14]
        boxes[:, 2:, 1:3] += self.noise * self.rng.normal(size=(len(ram), 2, 2))
        if self.shuffles:
            boxes = _permuted(boxes, self.rng)
        return boxes

    def encode(self, frames):
        return self.boxes(frames)[..., :3]

    def encode_with_boxes(self, frames):
        boxes = self.boxes(frames)
        return boxes[..., :3], boxes


def _permuted(boxes, rng):
    order = np.argsort(rng.random(boxes.shape[:2]), axis=1)
    return np.take_along_axis(boxes, order[..., None], axis=1)


def probe(data, encoder, **more):
    return run_probe(encoder.encode_with_boxes, data, game="pong", view="pixel", **more)


def test_the_order_of_slots_does_not_matter(data):
    in_order, shuffled = probe(data, Seen()), probe(data, Seen(seed=1))
    assert in_order.named_accuracy == pytest.approx(1, abs=1e-4)
    assert shuffled.named_accuracy == in_order.named_accuracy
    assert shuffled.named_by_label == in_order.named_by_label
    assert in_order.ridge_accuracy > 0.99
    assert shuffled.ridge_accuracy < 0.5  # which the plain reading does not forgive


def test_shuffled_labels_score_about_zero(data):
    assert abs(probe(data, Seen(seed=1), shuffle_labels=True).named_accuracy) < 0.02


def test_slots_of_other_frames_score_what_chance_would(data):
    features = read_features(Seen().encode_with_boxes, data)
    other = features._replace(boxes=np.roll(features.boxes, 7, axis=0))
    report = probe_features(other, data, game="pong", view="pixel")
    assert report.named_by_label["ball_x"] < 0.1
    assert report.named_accuracy < 0.25  # a paddle is by chance near a place of its column


def test_a_slot_that_never_is_there_predicts_the_mean(data):
    def blind(frames):
        return Seen().encode(frames), np.zeros((len(frames), 4, 5))

    report = run_probe(blind, data, game="pong", view="pixel")
    assert report.named_accuracy == pytest.approx(0, abs=0.01)


def test_encoders_without_boxes_have_no_named_reading(data):
    report = run_probe(Seen().encode, data, game="pong", view="pixel")
    assert report.named_accuracy is None
    assert "does not say where its slots are" in report.undefined["named_accuracy"]
    assert report.named_by_label == {}
    assert "named" not in report.to_markdown().split("\n")[0]
    scn = run_probe(Seen().encode_with_boxes, data, game="pong")
    assert scn.named_accuracy is None
    assert "named_accuracy" not in scn.undefined


def test_the_report_shows_it_and_old_reports_load(data):
    report = probe(data, Seen())
    assert report.to_markdown().startswith("| label | object | R2 | R2 (ridge) | R2 (named) |")
    fields = report.to_dict()
    assert ProbeReport.from_dict(fields) == report
    for new in ("named_by_label", "named_accuracy"):
        fields.pop(new)
    old = ProbeReport.from_dict(fields)
    assert old.named_accuracy is None
    assert old.named_by_label == {}


def test_another_play_is_named_by_its_own_places(data, make_data):
    other = make_data(data.ram.copy())
    moved = np.random.default_rng(9).integers(60, 200, (2000, 4))
    other.ram[:, [49, 50, 51, 54]] = moved
    encoder = Seen(seed=2)
    features, fit = (read_features(encoder.encode_with_boxes, one) for one in (other, data))
    report = probe_transfer(
        features, other, fit_features=fit, fit_dataset=data, game="pong", view="pixel"
    )
    assert report.named_accuracy == pytest.approx(1, abs=1e-4)
    blind = probe_transfer(
        features,
        other,
        fit_features=fit._replace(boxes=None),
        fit_dataset=data,
        game="pong",
        view="pixel",
    )
    assert blind.named_accuracy is None


def test_held_boxes_stay_where_they_were_last_seen():
    boxes = np.array(
        [[box(0, 0, 0)], [box(8, 9, 0.8)], [box(3, 3, 0.2)], [box(5, 6)], [box(1, 1, 0)]],
        np.float32,
    )
    held = held_boxes(boxes, np.array([0, 0, 0, 0, 1]))
    np.testing.assert_allclose(held[:, 0, 0], [0, 1, 1, 1, 0])
    np.testing.assert_allclose(held[1:4, 0, 1:3], [[8, 9], [8, 9], [5, 6]], rtol=1e-6)
    np.testing.assert_allclose(held[1:4, 0, 3:], [[4, 6]] * 3, rtol=1e-6)


def test_wrong_boxes_are_named(data):
    places = ObjectPlaces(("a",), np.zeros((3, 1, 2)), np.ones((3, 1), bool))
    with pytest.raises(ValueError, match=r"boxes must be \(N, K, 5\)"):
        named_slots(np.zeros((3, 4)), places)
    with pytest.raises(ValueError, match="boxes must be finite"):
        named_slots(np.full((3, 1, 5), np.nan), places)
    with pytest.raises(ValueError, match=r"points of the objects must be \(2, 1, 2\)"):
        named_slots(np.zeros((2, 1, 5)), places)
    with pytest.raises(ValueError, match=r"boxes of the slots.*must be \(256, 4, 5\)"):
        run_probe(lambda f: (Seen().encode(f), Seen().boxes(f)[:, :2]), data, game="pong")
    with pytest.raises(ValueError, match=r"boxes of the slots.*finite"):
        run_probe(lambda f: (Seen().encode(f), Seen().boxes(f) * np.nan), data, game="pong")
