"""A probe fitted on one play and tested on another, with scores that are known."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from slotenv.probe import probe_features, read_features
from slotenv.probe.run import probe_transfer

PONG_BYTES = {"player_y": 51, "enemy_y": 50, "ball_x": 49, "ball_y": 54}


def linear(frames):
    """Three slots of which the coordinates are a linear function."""
    ram = frames.reshape(len(frames), -1)[:, :128].astype(np.float32)
    return np.stack([ram[:, [51, 50]], ram[:, [49, 54]] / 100, 1 - ram[:, [60, 61]]], axis=1)


def other_play(make_data, data, count=1000):
    """Play whose objects keep to a part of the screen."""
    ram = np.random.default_rng(9).integers(90, 160, (count, 128)).astype(np.uint8)
    return make_data(ram)


def transfer(data, fit_data, encode=linear, shift=0.0, **more):
    features = read_features(encode, data)
    features = features._replace(slots=features.slots + np.float32(shift))
    return probe_transfer(
        features,
        data,
        fit_features=read_features(encode, fit_data),
        fit_dataset=fit_data,
        **{"game": "pong", **more},
    )


@pytest.mark.parametrize("view", ["scn", "pixel"])
def test_what_holds_in_both_plays_carries_over(data, make_data, view):
    report = transfer(other_play(make_data, data), data, view=view)
    assert report.accuracy == pytest.approx(1.0)
    assert report.ridge_accuracy == pytest.approx(1.0, abs=1e-3)
    assert (report.counts.train, report.counts.validation, report.counts.test) == (1400, 200, 200)
    assert report.counts.episodes == 20 + 10


def test_features_that_are_shifted_cost_what_they_must(data, make_data):
    """The probe is off by the shift everywhere, so R2 is 1 - shift^2 / variance."""
    play = other_play(make_data, data)
    report = transfer(play, data, shift=[[5.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    truth = play.ram[800:, 51].astype(float)
    assert report.accuracy_by_label["player_y"] == pytest.approx(1 - 25 / truth.var(), abs=1e-4)
    assert report.accuracy_by_label["ball_x"] == pytest.approx(1.0)
    assert transfer(play, data, shift=50.0).accuracy < -1


def test_a_reading_that_only_one_play_has_does_not_carry_over(data, make_data):
    """The player's paddle moves with the ball in one play: a probe fitted there reads the ball."""

    def ball_only(frames):
        return linear(frames)[:, 1:2]

    follower = data.ram.copy()
    follower[:, 51] = follower[:, 54]
    follows = make_data(follower)
    own = probe_features(read_features(ball_only, follows), follows, game="pong")
    assert own.accuracy_by_label["player_y"] == pytest.approx(1.0)
    free = other_play(make_data, data)
    assert transfer(free, follows, ball_only).accuracy_by_label["player_y"] < 0


def test_a_play_transfers_to_itself_as_it_is_probed(data):
    features = read_features(linear, data)
    own = probe_features(features, data, game="pong", view="pixel")
    found = transfer(data, data, view="pixel")
    assert found.accuracy_by_label == pytest.approx(own.accuracy_by_label)
    assert found.ridge_by_label == pytest.approx(own.ridge_by_label)
    assert found.presence_by_object == own.presence_by_object
    assert found.counts.test == own.counts.test


def test_accuracy_matches_a_plain_reading_of_the_protocol(data, make_data):
    def mixed(frames):
        ram = frames.reshape(len(frames), -1)[:, :128].astype(float)
        matrix = np.random.default_rng(5).normal(size=(12, 8))
        bend = 20 * np.sin(ram.sum(axis=1, keepdims=True))
        return (ram[:, [49, 50, 51, 54, *range(8)]] @ matrix + bend).reshape(-1, 2, 4)

    play = other_play(make_data, data)
    report = transfer(play, data, mixed)
    x, test_x = (mixed(d.frames(np.arange(len(d)))).reshape(len(d), 8) for d in (data, play))
    for name, byte in PONG_BYTES.items():
        model = LinearRegression().fit(x[:1400], data.ram[:1400, byte].astype(float))
        expected = r2_score(play.ram[800:, byte].astype(float), model.predict(test_x[800:]))
        assert report.accuracy_by_label[name] == pytest.approx(expected, abs=1e-4)


def test_frames_that_were_fitted_on_do_not_count(data, make_data):
    play = other_play(make_data, data)
    play.ram[800:830] = data.ram[:30]  # of the training part
    play.ram[830:840] = data.ram[1700:1710]  # of its test part, which nothing is fitted on
    counts = transfer(play, data).counts
    assert (counts.test, counts.duplicates) == (170, 30)
    play.ram[800:] = data.ram[:200]
    with pytest.raises(ValueError, match="all 200 test frames occur among those fitted on"):
        transfer(play, data)


def test_slots_of_two_encoders_are_refused(data):
    features = read_features(linear, data)
    other = features._replace(slots=features.slots[:, :2])
    with pytest.raises(ValueError, match=r"test.* must be \(N, 2, 2\).*got shape \(2000, 3, 2\)"):
        probe_transfer(features, data, fit_features=other, fit_dataset=data, game="pong")


def test_frames_and_ram_must_go_together(data, make_data):
    features = read_features(linear, data)
    short = make_data(data.ram[:50])
    with pytest.raises(ValueError, match=r"50 rows of RAM need as many .*, got \(2000, 2000\)"):
        probe_transfer(features, data, fit_features=features, fit_dataset=short, game="pong")
    cut = features._replace(digests=features.digests[1:])
    with pytest.raises(ValueError, match=r"2000 rows of RAM need as many .*, got \(2000, 1999\)"):
        probe_transfer(cut, data, fit_features=features, fit_dataset=data, game="pong")
