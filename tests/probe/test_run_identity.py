"""Changes of slot in a data set: where objects and slots are read, and the errors."""

from __future__ import annotations

import numpy as np
import pytest

from slotenv.labels import labels_for
from slotenv.probe import object_places, run_identity


class Boxes:
    """An encoder that reads where Pong's ball is from frames that carry the RAM as pixels."""

    def boxes(self, frames):
        ram = frames.reshape(len(frames), -1)[:, :128].astype(float)
        boxes = np.ones((len(ram), 2, 5))
        boxes[..., 1] = ram[:, 49:50] - 49 + 2
        boxes[..., 2] = ram[:, 54:55] - 14 + 1
        boxes[np.arange(len(ram)), ram[:, 3].astype(int) % 2, 0] = 0  # in one slot or the other
        return boxes


def test_it_reads_a_data_set_in_batches(data):
    data.ram[:, 50], data.ram[:, 51] = 0, 255  # no enemy, and the player far below
    report = run_identity(Boxes(), data, "ALE/Pong-v5", batch_size=300)
    assert data.reads == [300] * 6 + [200]
    ball = report.objects["ball"]
    truth = labels_for("pong", "pixel").read(data.ram)
    there = truth.presence[:, 2]
    assert ball.present == ball.assigned == there.sum()
    slot, held = 1 - data.ram[there, 3] % 2, data.episode[there]
    assert ball.changes == ((slot[1:] != slot[:-1]) & (held[1:] == held[:-1])).sum()
    assert ball.offset == (2, 1)
    first = run_identity(Boxes(), data, "pong", max_frames=250)
    assert (first.frames, first.episodes) == (250, 3)
    assert run_identity(Boxes(), data, "pong", max_frames=10**6) == report


def test_places_are_those_of_the_labels(data):
    names, points, present = object_places(labels_for("pong", "pixel"), data.ram)
    truth = labels_for("pong", "pixel").read(data.ram)
    assert names == ("player", "enemy", "ball")
    assert np.isnan(points[:, :2, 0]).all()
    np.testing.assert_array_equal(points[:, [0, 1, 2, 2], [1, 1, 0, 1]], truth.values)
    np.testing.assert_array_equal(present, truth.presence[:, :3])


def test_wrong_runs_are_named(data, make_data):
    with pytest.raises(TypeError, match=r"object does not say where its slots are on the screen"):
        run_identity(object(), data, "pong")
    with pytest.raises(ValueError, match="closest: pong"):
        run_identity(Boxes(), data, "Pnog")
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        run_identity(Boxes(), data, "pong", batch_size=0)
    with pytest.raises(ValueError, match="max_frames must be at least 1, got 0"):
        run_identity(Boxes(), data, "pong", max_frames=0)
    with pytest.raises(ValueError, match="the number of frames must be at least 1, got 0"):
        run_identity(Boxes(), make_data(data.ram[:0]), "pong")
    with pytest.raises(ValueError, match="labels of view 'pixel', got 'scn'"):
        object_places(labels_for("pong"), data.ram)


def test_only_encoders_of_slots_can_be_followed(data):
    with pytest.raises(TypeError, match="a Boxes does not say which things are alike"):
        run_identity(Boxes(), data, "pong", follow=True)
