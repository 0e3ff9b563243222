"""The whole probe on encoders whose score is known."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from slotenv.labels import labels_for
from slotenv.probe import run_probe

PONG_BYTES = {"player_y": 51, "enemy_y": 50, "ball_x": 49, "ball_y": 54}
METRICS = ("modularity", "weighted_modularity", "compactness")


def ram_of(frames):
    return frames.reshape(len(frames), -1)[:, :128].astype(np.float32)


def perfect(frames):
    """Slot 0 the player, slot 1 the enemy, slot 2 the ball."""
    ram = ram_of(frames)
    slots = np.zeros((len(ram), 3, 2), dtype=np.float32)
    slots[:, 0, 0] = 3 * ram[:, 51] - 1
    slots[:, 1, 1] = -ram[:, 50]
    slots[:, 2] = ram[:, [49, 54]] / 100
    return slots


def mixed(frames):
    """A random linear mixture of the coordinates and 8 other bytes in 4 slots of 5, with noise."""
    matrix = np.random.default_rng(5).normal(size=(12, 20))
    ram = ram_of(frames)[:, [49, 50, 51, 54, *range(8)]]
    bend = 10 * np.sin(ram.sum(axis=1, keepdims=True))
    return (ram @ matrix + bend).reshape(len(ram), 4, 5)


def unrelated(frames):
    """Features of bytes that no label reads."""
    return ram_of(frames)[:, 60:120].reshape(len(frames), 3, 20)


def empty(frames):
    return np.zeros((len(frames), 3, 4))


def finite(value):
    if isinstance(value, dict):
        return all(finite(v) for v in value.values())
    if isinstance(value, list):
        return all(finite(v) for v in value)
    return not isinstance(value, float) or np.isfinite(value)


def test_a_perfect_encoder_scores_one(data):
    report = run_probe(perfect, data, game="pong")
    assert report.accuracy == pytest.approx(1.0)
    assert report.ridge_accuracy == pytest.approx(1.0, abs=1e-4)
    assert set(report.accuracy_by_label) == set(PONG_BYTES)
    for metric in METRICS:
        assert getattr(report, metric) == pytest.approx(1.0, abs=1e-6)
    assert report.object_names == ["player", "enemy", "ball"]
    np.testing.assert_allclose(report.importance, np.eye(3), atol=1e-6)
    assert report.undefined == {}
    assert report.left_out == {}


def test_counts_say_what_went_in(data):
    data.ram[1990:] = data.ram[:10]
    counts = run_probe(perfect, data, game="pong").counts
    assert (counts.train, counts.validation, counts.test) == (1400, 200, 390)
    assert (counts.duplicates, counts.constant_dims, counts.dead_slots) == (10, 2, 0)
    assert counts.episodes == 20


def test_features_of_nothing_score_about_zero(data):
    report = run_probe(unrelated, data, game="pong")
    assert -0.2 < report.accuracy <= 0.03
    assert -0.05 < report.ridge_accuracy <= 0.03
    assert report.compactness < 0.1


@pytest.mark.parametrize("view", ["scn", "pixel"])
def test_shuffled_labels_score_about_zero(data, view):
    report = run_probe(perfect, data, game="pong", view=view, shuffle_labels=True)
    assert report.shuffled
    assert report.accuracy <= 0.05
    assert report.ridge_accuracy <= 0.05
    assert all(r2 <= 0.05 for r2 in report.accuracy_by_label.values())
    if view == "pixel":
        assert report.presence_accuracy == pytest.approx(0.5, abs=0.1)


def test_shuffling_follows_its_seed(data):
    runs = [run_probe(perfect, data, game="pong", shuffle_labels=True, seed=s) for s in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0].accuracy != runs[2].accuracy


def test_accuracy_and_importance_match_a_plain_reading_of_the_protocol(data):
    report = run_probe(mixed, data, game="pong")
    x = mixed(data.frames(np.arange(2000))).astype(np.float32).reshape(2000, 20).astype(float)
    x = (x - x[:1400].mean(axis=0)) / x[:1400].std(axis=0)
    rows = {}
    for name, byte in PONG_BYTES.items():
        y = data.ram[:, byte].astype(float)
        model = LinearRegression().fit(x[:1400], y[:1400])
        expected = r2_score(y[1600:], model.predict(x[1600:]))
        assert report.accuracy_by_label[name] == pytest.approx(expected, abs=1e-6)
        weight = np.abs(model.coef_).reshape(4, 5).sum(axis=1)
        rows[name] = weight / weight.sum()
    expected = [rows["player_y"], rows["enemy_y"], (rows["ball_x"] + rows["ball_y"]) / 2]
    np.testing.assert_allclose(report.importance, expected, atol=1e-6)
    assert report.accuracy == pytest.approx(np.mean(list(report.accuracy_by_label.values())))


def test_slot_order_and_feature_scale_do_not_matter(data):
    def other(frames):
        return mixed(frames)[:, [2, 0, 3, 1]] * np.array([1e-3, 1.0, 50.0, 1e4])[:, None] + 7

    one, two = run_probe(mixed, data, game="pong"), run_probe(other, data, game="pong")
    for metric in (*METRICS, "accuracy", "ridge_accuracy"):
        assert getattr(two, metric) == pytest.approx(getattr(one, metric), abs=1e-4)


def test_batch_size_does_not_matter(data):
    assert run_probe(perfect, data, game="pong", batch_size=7) == run_probe(
        perfect, data, game="pong", batch_size=4096
    )


def test_test_frames_seen_in_training_do_not_count(data):
    clean = run_probe(mixed, data, game="pong")
    data.ram[1800:] = data.ram[:200]
    dropped = run_probe(mixed, data, game="pong")
    assert dropped.counts.duplicates == 200
    assert dropped.counts.test == 200
    assert dropped.accuracy != clean.accuracy


def test_one_object_leaves_modularity_undefined(data):
    report = run_probe(mixed, data, game="bowling")
    assert report.modularity is None
    assert report.weighted_modularity is None
    assert "one object" in report.undefined["modularity"]
    assert report.compactness is not None
    assert report.object_names == ["ball"]
    assert "undefined: modularity" in report.to_markdown()


def test_one_slot_leaves_compactness_undefined(data):
    report = run_probe(lambda f: perfect(f).reshape(len(f), 1, 6), data, game="pong")
    assert report.compactness is None
    assert "one slot" in report.undefined["compactness"]
    assert report.accuracy == pytest.approx(1.0)


def test_an_encoder_that_says_nothing_is_reported_not_crashed(data):
    report = run_probe(empty, data, game="pong", view="pixel")
    assert report.accuracy <= 0
    assert report.counts.dead_slots == 3
    assert report.counts.constant_dims == 12
    assert all(getattr(report, metric) is None for metric in METRICS)
    assert "no slot has any weight" in report.undefined["compactness"]
    assert report.importance == []
    assert report.presence_accuracy == 0.5
    assert finite(report.to_dict())


def test_a_dead_slot_is_counted_and_left_out(data):
    def padded(frames):
        return np.concatenate([perfect(frames), np.ones((len(frames), 1, 2))], axis=1)

    report = run_probe(padded, data, game="pong")
    assert report.counts.dead_slots == 1
    assert report.modularity == pytest.approx(1.0, abs=1e-6)
    assert [row[3] for row in report.importance] == [0.0, 0.0, 0.0]


def test_a_constant_label_is_left_out_with_its_reason(data):
    data.ram[:, 50] = 100
    data.ram[1600:, 51] = 100
    report = run_probe(perfect, data, game="pong")
    assert report.left_out == {
        "player_y": "constant in the test part",
        "enemy_y": "constant in the training part",
    }
    assert list(report.accuracy_by_label) == ["ball_x", "ball_y"]
    assert "not scored: enemy_y: constant in the training part" in report.to_markdown()


def test_no_label_left_is_none_not_nan(data):
    data.ram[:, list(PONG_BYTES.values())] = 100
    report = run_probe(perfect, data, game="pong")
    assert report.accuracy is None
    assert report.undefined["accuracy"] == "no label could be scored"
    assert finite(report.to_dict())
    assert "accuracy -" in report.summary()


def test_pixel_coordinates_are_scored_only_where_the_object_is(data):
    """An encoder blind to absent objects is perfect, though absent values are noise."""
    labels = labels_for("pong", "pixel")

    def masked(frames):
        truth = labels.read(ram_of(frames).astype(np.uint8))
        values = np.where(truth.presence, truth.values, 0.0)
        return np.concatenate([values, truth.presence], axis=1).reshape(len(frames), 2, 4)

    pixel = run_probe(masked, data, game="pong", view="pixel")
    assert pixel.accuracy == pytest.approx(1.0)
    assert pixel.presence_by_object == pytest.approx({"enemy": 1.0, "ball": 1.0})
    assert pixel.presence_accuracy == pytest.approx(1.0)
    assert pixel.left_out == {"player (presence)": "always on the screen"}
    assert run_probe(masked, data, game="pong").accuracy < 0.95


def test_pixel_accuracy_matches_a_plain_reading_of_the_protocol(data):
    report = run_probe(mixed, data, game="pong", view="pixel")
    x = mixed(data.frames(np.arange(2000))).astype(np.float32).reshape(2000, 20).astype(float)
    there = (data.ram[:, 54] >= 45) & (data.ram[:, 54] <= 207)
    train, test = np.flatnonzero(there[:1400]), 1600 + np.flatnonzero(there[1600:])
    y = data.ram[:, 49] - 49.0
    model = LinearRegression().fit(x[train], y[train])
    expected = r2_score(y[test], model.predict(x[test]))
    assert report.accuracy_by_label["ball_x"] == pytest.approx(expected, abs=1e-6)


def test_an_object_seldom_on_the_screen_is_left_out(data):
    data.ram[1600:, 54] = 0
    data.ram[1600:1610, 54] = np.arange(60, 70)
    report = run_probe(perfect, data, game="pong", view="pixel")
    reason = "on the screen in 10 frames of the test part, need 20"
    assert report.left_out["ball_x"] == report.left_out["ball_y"] == reason
    assert "the fewest are 10" in report.left_out["ball (presence)"]
    assert list(report.presence_by_object) == ["enemy"]


def test_objects_that_never_leave_have_no_presence_score(data):
    report = run_probe(mixed, data, game="boxing", view="pixel")
    assert report.presence_accuracy is None
    assert "comes and goes" in report.undefined["presence_accuracy"]
    assert len(report.accuracy_by_label) == 4


def test_points_pair_truth_with_prediction(data):
    report = run_probe(perfect, data, game="pong")
    points = np.array(report.points["ball_x"])
    assert points.shape == (400, 2)
    np.testing.assert_allclose(points[:, 0], points[:, 1], atol=0.01)
    np.testing.assert_array_equal(points[:, 0], data.ram[1600:, 49])
    few = run_probe(perfect, data, game="pong", view="pixel").points["ball_x"]
    assert 200 < len(few) < 400


def test_wrong_inputs_are_named(data):
    with pytest.raises(ValueError, match="closest: pong"):
        run_probe(perfect, data, game="Pnog")
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        run_probe(perfect, data, game="pong", batch_size=0)
    data.ram = data.ram[:, :64]
    with pytest.raises(ValueError, match=r"\(N, 128\)"):
        run_probe(perfect, data, game="pong")


def test_frames_and_ram_must_go_together(make_data):
    class TooLong(make_data):
        def __len__(self):
            return 11

    with pytest.raises(ValueError, match=r"10 rows of RAM need as many frames, .*, got \(11,\)"):
        run_probe(perfect, TooLong(np.zeros((10, 128), dtype=np.uint8)), game="pong")
