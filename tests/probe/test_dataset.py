"""Splitting, dropping duplicates, reading features."""

import numpy as np
import pytest

from slotenv.probe.dataset import read_features, split_frames


def names(count):
    return [str(i).encode() for i in range(count)]


def pixels(frames):
    return frames.reshape(len(frames), 3, -1)


def test_split_is_contiguous_70_10_20():
    split = split_frames(names(50))
    assert split.train.tolist() == list(range(35))
    assert split.validation.tolist() == list(range(35, 40))
    assert split.test.tolist() == list(range(40, 50))
    assert split.duplicates == 0


def test_test_frames_seen_elsewhere_are_dropped_and_counted():
    digests = names(20)
    digests[16] = digests[3]  # training
    digests[17] = digests[15]  # validation
    digests[19] = digests[18]  # test only: stays
    digests[5] = digests[4]  # training only: stays
    split = split_frames(digests)
    assert split.test.tolist() == [18, 19]
    assert split.duplicates == 2
    assert len(split.train) == 14


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_frames_are_refused(count):
    with pytest.raises(ValueError, match=f"{count} frames leave .* collect more"):
        split_frames(names(count))


def test_a_test_part_of_duplicates_only_is_refused():
    with pytest.raises(ValueError, match="0 test frames that occur nowhere else"):
        split_frames([b"same"] * 100)


def test_reading_keeps_order_whatever_the_batch(data):
    whole, digests, _ = read_features(pixels, data, batch_size=5000)
    parts, same, _ = read_features(pixels, data, batch_size=37)
    np.testing.assert_array_equal(parts, whole)
    assert digests == same
    assert max(data.reads[1:]) == 37
    assert whole.shape == (2000, 3, 43)
    assert len(set(digests)) == len({frame.tobytes() for frame in data.ram})


def test_encoders_must_return_finite_slots(data):
    with pytest.raises(ValueError, match=r"must be \(256, K, D\).*, got shape \(256, 129\)"):
        read_features(lambda f: f.reshape(len(f), -1), data, batch_size=256)
    with pytest.raises(ValueError, match=r"\(256, K, D\).*, got shape \(255, 3, 43\)"):
        read_features(lambda f: pixels(f)[1:], data, batch_size=256)
    with pytest.raises(ValueError, match="slots of the frames from 0 on must be finite, got NaN"):
        read_features(lambda f: pixels(f) * np.nan, data, batch_size=256)


def test_frames_must_be_uint8(data, monkeypatch):
    monkeypatch.setattr(data, "frames", lambda i: np.zeros((len(i), 1, 1, 3)))
    with pytest.raises(TypeError, match="uint8 frames, the dataset gives float64"):
        read_features(pixels, data, batch_size=256)


def test_an_empty_dataset_is_refused(make_data):
    empty = make_data(np.zeros((0, 128), dtype=np.uint8))
    with pytest.raises(ValueError, match="the number of frames must be at least 1, got 0"):
        read_features(pixels, empty, batch_size=256)
