import numpy as np
import pytest
from numpy.typing import NDArray

from pretrain.bench.references import REFERENCES
from slotenv.labels import labels_for
from slotenv.probe import ProbeReport, probe_features


class Noise:
    """RAM that is noise, black frames with a noisy block; a corner shows one byte of the RAM."""

    def __init__(self, count: int, shown: int) -> None:
        rng = np.random.default_rng(0)
        self.ram = rng.integers(0, 200, (count, 128), np.uint8)
        self.episode = np.zeros(count, np.int64)
        self._frames = np.zeros((count, 210, 160, 3), np.uint8)
        self._frames[:, 20:30, 50:60] = rng.integers(0, 256, (count, 10, 10, 3), np.uint8)
        self._frames[:, :10, :10] = self.ram[:, shown, None, None, None]

    def __len__(self) -> int:
        return len(self.ram)

    def frames(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        return self._frames[indices]


@pytest.fixture(scope="module")
def noise() -> Noise:
    return Noise(400, labels_for("pong").labels[0].byte)


def probe(noise: Noise, name: str, view: str) -> ProbeReport:
    features = REFERENCES[name].features(noise, "pong")
    return probe_features(features, noise, game="pong", view=view)


@pytest.mark.parametrize("view", ["scn", "pixel"])
def test_the_mean_predictor_scores_about_0(noise: Noise, view: str) -> None:
    report = probe(noise, "mean", view)
    assert report.accuracy == pytest.approx(0, abs=0.1)
    assert report.accuracy is not None
    assert report.accuracy <= 0
    assert report.ridge_accuracy == pytest.approx(report.accuracy)
    assert report.modularity is None
    assert "compactness" in report.undefined
    assert all(score == 0.5 for score in report.presence_by_object.values())


def test_the_true_coordinates_score_1_in_their_own_view(noise: Noise) -> None:
    report = probe(noise, "coordinates", "pixel")
    assert report.accuracy == pytest.approx(1)
    assert all(score > 0.99 for score in report.presence_by_object.values())
    # A slot holds one object, and an object sits in one slot.
    assert report.modularity == pytest.approx(1, abs=0.01)
    assert report.compactness == pytest.approx(1, abs=0.01)


def test_coordinates_are_0_where_the_object_is_not(noise: Noise) -> None:
    slots = REFERENCES["coordinates"].features(noise, "pong").slots
    labels = labels_for("pong", "pixel")
    truth = labels.read(noise.ram)
    ball = list(dict.fromkeys(labels.objects)).index("ball")
    here = truth.presence[:, labels.names.index("ball_x")]
    assert 0 < here.sum() < len(here)
    np.testing.assert_array_equal(slots[:, ball, 0], here)
    assert not slots[~here, ball].any()
    np.testing.assert_allclose(
        slots[here, ball, 1:3],
        truth.values[here][:, [labels.names.index(f"ball_{a}") for a in "xy"]],
    )


def test_a_game_without_screen_coordinates_shows_its_bytes(noise: Noise) -> None:
    slots = REFERENCES["coordinates"].features(noise, "qbert").slots
    assert slots.shape[1] == len(set(labels_for("qbert").objects))


def test_pixels_are_means_of_blocks_and_tell_what_they_show(noise: Noise) -> None:
    features = REFERENCES["pixels"].features(noise, "pong")
    assert features.slots.shape == (400, 1, 21 * 16 * 3)
    block = noise._frames[7, 20:30, 50:60, 1].mean() / 255
    assert features.slots[7, 0, (2 * 16 + 5) * 3 + 1] == pytest.approx(block, rel=1e-5)
    report = probe(noise, "pixels", "scn")
    shown, *others = report.ridge_by_label.values()
    assert shown > 0.95 > 0.1 > max(others)


def test_pixels_are_those_of_a_loop_over_all_blocks(noise: Noise) -> None:
    frames = np.random.default_rng(1).integers(0, 256, (3, 42, 48, 3), np.uint8)

    class Tall(Noise):
        def frames(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
            return frames[indices]

    found = REFERENCES["pixels"].features(Tall(3, 0), "pong").slots
    blocks = [
        frames[:, r : r + 2, c : c + 3].mean(axis=(1, 2)) / 255
        for r in range(0, 42, 2)
        for c in range(0, 48, 3)
    ]
    assert found.shape == (3, 1, 21 * 16 * 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], np.concatenate(blocks, axis=1), rtol=1e-5)


def test_the_mean_predictor_is_given_one_number_that_never_changes(noise: Noise) -> None:
    slots, digests, boxes = REFERENCES["mean"].features(noise, "pong")
    assert slots.shape == (400, 1, 1)
    assert len(np.unique(slots)) == 1
    assert boxes is None
    assert digests == REFERENCES["pixels"].features(noise, "pong").digests
    assert digests == REFERENCES["coordinates"].features(noise, "pong").digests


@pytest.mark.parametrize("game", ["pong", "qbert"])
def test_coordinates_are_those_of_a_loop_over_labels(noise: Noise, game: str) -> None:
    """One slot an object: there or not, its coordinates in the labels' order, then zeros."""
    labels = labels_for(game, "pixel" if game == "pong" else "scn")
    truth = labels.read(noise.ram)
    owned: dict[str, list[int]] = {}
    for column, owner in enumerate(labels.objects):
        owned.setdefault(owner, []).append(column)
    slots = REFERENCES["coordinates"].features(noise, game).slots
    assert slots.shape == (400, len(owned), 3)
    assert min(map(len, owned.values())) == 1
    for t in range(0, 400, 7):
        for slot, columns in enumerate(owned.values()):
            there = [bool(truth.presence[t, c]) for c in columns]
            shown = [truth.values[t, c] * p for c, p in zip(columns, there, strict=True)]
            expected = [float(any(there)), *shown]
            assert slots[t, slot].tolist() == expected + [0.0] * (3 - len(expected))


@pytest.mark.parametrize(("height", "width"), [(84, 84), (210, 84), (200, 160)])
def test_frames_that_do_not_divide_are_refused(noise: Noise, height: int, width: int) -> None:
    class Small(Noise):
        def frames(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
            return super().frames(indices)[:, :height, :width]

    words = f"grid of 21 x 16, which does not divide {height} x {width}"
    with pytest.raises(ValueError, match=words):
        REFERENCES["pixels"].features(Small(10, 0), "pong")
