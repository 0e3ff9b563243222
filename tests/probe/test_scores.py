"""Which labels and objects are scored, and what is kept of each score."""

from __future__ import annotations

import numpy as np
import pytest

from slotenv.labels import ByteWithin, GameLabels, Label
from slotenv.probe.dataset import Split
from slotenv.probe.scores import score_coordinates, score_presence, standardise

TRAIN, VALIDATION, TEST = range(700), range(700, 800), range(800, 1000)


def labels_of(*objects):
    """Labels ``<object>_x`` of byte 0, 1, ...; an object is there while byte 10, 11, ... is 1."""
    rules = {name: ByteWithin(10 + i, 1, 1) for i, name in enumerate(dict.fromkeys(objects))}
    made = [
        Label(name=f"{name}_{i}", object=name, axis="x", byte=i, presence=rules[name])
        for i, name in enumerate(objects)
    ]
    return GameLabels(game="pong", view="pixel", labels=tuple(made), num_objects=len(rules))


def split_of(train=TRAIN, validation=VALIDATION, test=TEST):
    return Split(*(np.array(part) for part in (train, validation, test)), 0)


@pytest.fixture
def ram():
    """All objects there in all frames."""
    ram = np.random.default_rng(0).integers(30, 226, (1000, 128)).astype(np.uint8)
    ram[:, 10:20] = 1
    return ram


def standard(ram, split):
    return standardise(ram[:, :6].astype(np.float32), split.train)


def coordinates(labels, ram, split):
    return score_coordinates(labels, labels.read(ram), standard(ram, split), split)


def presences(labels, ram, split):
    return score_presence(labels, labels.read(ram), standard(ram, split), split)


def only_there(ram, part, count, byte=10):
    """The object leaves a part of the frames but the last of them."""
    ram[list(part)[: len(part) - count], byte] = 0


@pytest.mark.parametrize(("part", "name"), [(TRAIN, "training"), (VALIDATION, "validation")])
def test_a_label_is_scored_from_20_frames_with_its_object(ram, part, name):
    labels, split = labels_of("ball"), split_of()
    only_there(ram, part, 20)
    (score,), left_out = coordinates(labels, ram, split)
    assert score.ols == pytest.approx(1)
    assert left_out == {}
    only_there(ram, part, 19)
    scores, left_out = coordinates(labels, ram, split)
    assert scores == []
    assert left_out == {"ball_0": f"on the screen in 19 frames of the {name} part, need 20"}


def test_the_test_part_needs_20_frames_too(ram):
    only_there(ram, TEST, 20)
    assert coordinates(labels_of("ball"), ram, split_of())[1] == {}
    only_there(ram, TEST, 19)
    assert (
        "19 frames of the test part" in coordinates(labels_of("ball"), ram, split_of())[1]["ball_0"]
    )


def test_a_part_of_fewer_than_20_frames_needs_all_of_them(ram):
    labels, split = labels_of("ball"), split_of(validation=range(700, 705))
    assert coordinates(labels, ram, split)[1] == {}
    ram[702, 10] = 0
    reason = coordinates(labels, ram, split)[1]["ball_0"]
    assert reason == "on the screen in 4 frames of the validation part, need 20"


@pytest.mark.parametrize(("part", "name"), [(TRAIN, "training"), (TEST, "test")])
def test_a_label_that_never_changes_where_its_object_is_is_left_out(ram, part, name):
    only_there(ram, part, 30)
    ram[list(part)[-30:], 0] = 77
    assert coordinates(labels_of("ball"), ram, split_of())[1] == {
        "ball_0": f"constant in the {name} part"
    }


def test_validation_may_be_constant(ram):
    ram[list(VALIDATION), 0] = 77
    (score,), left_out = coordinates(labels_of("ball"), ram, split_of())
    assert left_out == {}
    assert score.ols == pytest.approx(1)


def test_scores_keep_the_order_of_labels_whoever_shares_frames(ram):
    """Labels of one object share a fit; those of objects that come and go have their own."""
    ram[::3, 11] = 0
    labels = labels_of("ball", "enemy", "ball", "enemy")
    scores, _ = coordinates(labels, ram, split_of())
    assert [(score.name, score.object) for score in scores] == [
        ("ball_0", "ball"),
        ("enemy_1", "enemy"),
        ("ball_2", "ball"),
        ("enemy_3", "enemy"),
    ]
    for byte, score in enumerate(scores):
        assert score.ols == pytest.approx(1)
        assert score.ridge == pytest.approx(1, abs=1e-4)
        assert np.argmax(np.abs(score.coefficients)) == byte
        alone, _ = coordinates(
            GameLabels(
                game="pong", view="pixel", labels=labels.labels[byte : byte + 1], num_objects=1
            ),
            ram,
            split_of(),
        )
        assert alone[0].points == score.points
        np.testing.assert_allclose(alone[0].coefficients, score.coefficients, atol=1e-9)


def test_points_run_from_the_first_test_frame_to_the_last_with_three_decimals(ram):
    split = split_of(train=range(300), validation=range(300, 400), test=range(400, 1000))
    blurred = ram.astype(np.float32)
    blurred[:, 0] += np.random.default_rng(1).normal(size=1000)
    labels = labels_of("ball")
    features = standardise(blurred[:, :6], split.train)
    (score,), _ = score_coordinates(labels, labels.read(ram), features, split)
    truth, predicted = np.array(score.points).T
    assert len(score.points) == 400
    assert (truth[0], truth[-1]) == (ram[400, 0], ram[999, 0])
    assert (np.abs(predicted - truth) < 6).all()
    assert (predicted.round(3) == predicted).all()
    assert (predicted.round(2) != predicted).any()


@pytest.mark.parametrize("part", [TRAIN, TEST])
@pytest.mark.parametrize("there", [1, 0])
def test_presence_is_scored_from_20_frames_of_both_kinds(ram, part, there):
    labels = labels_of("ball")
    # The other parts have plenty of both; byte 3 tells an encoder whether the ball is there.
    ram[:, 10] = np.arange(1000) % 2
    ram[list(part), 10] = there
    ram[list(part)[:20], 10] = 1 - there
    ram[:, 3] = 50 + 100 * ram[:, 10]
    scores, left_out = presences(labels, ram, split_of())
    assert scores == {"ball": pytest.approx(1)}
    assert left_out == {}
    ram[part.start, 10] = there
    scores, left_out = presences(labels, ram, split_of())
    assert scores == {}
    assert left_out["ball (presence)"].endswith("test part, the fewest are 19")


def test_an_object_that_only_leaves_in_validation_is_not_always_there(ram):
    labels = labels_of("ball", "enemy")
    only_there(ram, VALIDATION, 0)
    _, left_out = presences(labels, ram, split_of())
    assert left_out["ball (presence)"].startswith("need 20 frames with it and without it")
    assert left_out["enemy (presence)"] == "always on the screen"


def test_an_object_is_there_while_one_of_its_labels_is(ram):
    halves = [ByteWithin(10, 1, 1), ByteWithin(11, 1, 1)]
    made = [
        Label(name=f"ball_{i}", object="ball", axis="x", byte=i, presence=rule)
        for i, rule in enumerate(halves)
    ]
    labels = GameLabels(game="pong", view="pixel", labels=tuple(made), num_objects=1)
    ram[:, 10] = np.arange(1000) % 4 == 0
    ram[:, 11] = np.arange(1000) % 4 == 1
    ram[:, 3] = 50 + 100 * (np.arange(1000) % 4 < 2)
    assert presences(labels, ram, split_of())[0] == {"ball": pytest.approx(1)}
