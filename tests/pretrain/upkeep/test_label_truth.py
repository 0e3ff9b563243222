"""Boxes from labels: where objects are by their edges, as large as they usually look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import recorded_frames

from pretrain.data.collect import collect_data
from pretrain.data.store import FrameStore
from pretrain.upkeep.label_truth import label_truth
from pretrain.upkeep.truth import Truth
from slotenv.labels import Affine, GameLabels, Label

COUNT, HEIGHT, WIDTH = 160, 48, 40


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Truth]:
    """Return the truth of frames by labels of given axes, from each object's byte minus 20."""

    def run(frames: np.ndarray, ram: np.ndarray, **axes: str) -> Truth:
        labels = [
            Label(
                name=f"{name}_{axis}", object=name, axis=axis, byte=byte, decode=Affine(offset=-20)
            )
            for byte, (name, of_name) in enumerate(axes.items())
            for axis in of_name
        ]
        table = GameLabels(game="here", view="pixel", labels=tuple(labels), num_objects=1)
        monkeypatch.setattr("pretrain.upkeep.label_truth.labels_for", lambda game, view: table)
        whole = np.zeros((len(ram), 128), np.uint8)
        whole[:, : ram.shape[1]] = ram
        return label_truth("here", recorded_frames.Recorded(frames, ram=whole))

    return run


def diagonal() -> tuple[np.ndarray, np.ndarray]:
    """Frames of 6 x 9 pixels, head and body, that go from beyond one corner to beyond the other."""
    frames, ram = np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8), np.zeros((COUNT, 2), np.uint8)
    for t in range(COUNT):
        edge = t % 80 - 20
        ram[t] = edge + 20
        page = np.zeros((HEIGHT + 80, WIDTH + 80, 3), np.uint8)
        page[edge + 40 : edge + 43, edge + 42 : edge + 44] = 99
        page[edge + 45 : edge + 49, edge + 40 : edge + 46] = 99
        frames[t] = page[40:-40, 40:-40]
    return frames, ram


def test_an_object_is_as_large_as_its_usual_picture(read: Callable[..., Truth]) -> None:
    true = read(*diagonal(), ball_1="xy").objects
    assert true.kinds == ("ball",)
    assert true.counted.all()
    # Whole at edge 10; at the corners, the parts on the screen.
    np.testing.assert_allclose(true.box[true.frame == 30], [[12.5, 14, 6, 9]])
    np.testing.assert_allclose(true.box[true.frame == 17], [[1, 2.5, 3, 6]])
    assert set(true.frame % 80) == set(range(20 - 5, 20 + 40))


def test_an_axis_without_label_is_where_the_object_is_seen(
    read: Callable[..., Truth],
) -> None:
    frames, ram = np.zeros((COUNT, HEIGHT, WIDTH, 3), np.uint8), np.zeros((COUNT, 2), np.uint8)
    rng = np.random.default_rng(0)
    for t, (car, other) in enumerate(rng.integers(0, 30, (COUNT, 2))):
        frames[t, 12:17, car : car + 8] = 200
        frames[t, 30:34, other : other + 8] = 100
        ram[t] = 20 + car, 20 + other
    true = read(frames, ram, car_1="x", car_2="x").objects
    assert true.kinds == ("car",)
    first = true.box[true.frame == 5]
    cars = ram[5].astype(float) - 20
    np.testing.assert_allclose(first, [[cars[0] + 3.5, 14, 8, 5], [cars[1] + 3.5, 31.5, 8, 4]])


def test_an_object_that_mostly_rests_is_seen_when_it_moves(
    read: Callable[..., Truth],
) -> None:
    edges = np.full(400, 12)
    edges[::5] = np.random.default_rng(0).integers(0, 30, 80)
    frames = np.zeros((400, HEIGHT, WIDTH, 3), np.uint8)
    for frame, edge in zip(frames, edges, strict=True):
        frame[edge : edge + 7, edge : edge + 5] = 90
    true = read(frames, (edges[:, None] + 20).astype(np.uint8), ball="xy").objects
    np.testing.assert_allclose(true.box[0], [edges[0] + 2, edges[0] + 3, 5, 7])


def test_what_is_not_seen_at_its_label_is_left_out(read: Callable[..., Truth]) -> None:
    frames, ram = diagonal()
    ram[:, 1] = 25 + np.random.default_rng(0).integers(0, 30, COUNT)
    true = read(frames, ram, ball="xy", ghost="xy")
    assert "ghost" not in {true.objects.kinds[k] for k in true.objects.kind}
    assert true.left_out == {"ghost": "not seen at its label"}
    none = read(frames[:20], ram[:20], ball="xy", ghost="xy")
    assert len(none.objects.frame) == 0


@pytest.mark.ale
def test_labels_of_pong_say_where_paddles_and_ball_are(tmp_path: Path) -> None:
    collect_data(tmp_path, env="ALE/Pong-v5", preset="v5", frames=300, seed=1, workers=1)
    store = FrameStore(tmp_path)
    true = label_truth("pong", store).objects
    assert true.kinds == ("player", "enemy", "ball")
    assert true.counted.all()
    frames = store.frames(np.arange(300))
    green = (frames[..., 1] > 150) & (frames[..., 0] < 120)
    green[:, :34] = False  # the score
    checked = 0
    for t, box in zip(true.frame[true.kind == 0], true.box[true.kind == 0], strict=True):
        rows, columns = np.nonzero(green[t])
        if len(rows) == 4 * 16:  # all of the paddle
            seen = columns.mean(), rows.mean(), 4, 16
            np.testing.assert_allclose(box, seen, atol=1.1)
            checked += 1
    assert checked > 100
