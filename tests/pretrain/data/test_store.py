"""Data sets on disk: frames come back, and what is missing is collected again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import blosc2
import numpy as np
import pytest
from toy_store import STEPS, describe, shard_of

from pretrain.data.store import FrameStore, read_description, shard_path
from pretrain.data.writer import completed, create, record_shard, write_shard
from slotenv import records
from slotenv.records import Damaged


def test_another_player_is_another_data_set(folder: Path) -> None:
    assert FrameStore(folder).description.player == "random"
    with pytest.raises(Damaged, match="player is 'random' there, 'scripted' asked"):
        create(folder, describe(player="scripted"))


def test_the_player_is_kept(tmp_path: Path) -> None:
    create(tmp_path, describe(player="scripted"))
    assert read_description(tmp_path) == describe(player="scripted")


def test_frames_come_back_without_loss_in_any_order(folder: Path, frames: np.ndarray) -> None:
    store = FrameStore(folder)
    assert len(store) == STEPS
    rows = np.array([24, 0, 9, 10, 10, 3])
    np.testing.assert_array_equal(store.frames(rows), frames[rows])
    assert store.frames([]).shape == (0, 12, 9, 3)


def test_columns_are_joined_and_episodes_numbered_through(folder: Path) -> None:
    store = FrameStore(folder)
    np.testing.assert_array_equal(store.actions, np.arange(STEPS))
    expected = [0] * 4 + [1] * 4 + [2] * 2 + [3] * 4 + [4] * 4 + [5] * 2 + [6] * 4 + [7]
    np.testing.assert_array_equal(store.episode, expected)


def test_rows_outside_are_an_error(folder: Path) -> None:
    store = FrameStore(folder)
    for row in (-1, STEPS):
        with pytest.raises(IndexError, match=r"rows must lie in 0\.\.24"):
            store.frames([row])


def test_equal_content_gives_equal_bytes(folder: Path, frames: np.ndarray, tmp_path: Path) -> None:
    other = tmp_path / "other"
    create(other, describe())
    for shard in (2, 0, 1):
        record_shard(other, shard, write_shard(other, shard, shard_of(frames, shard)))
    assert completed(other, describe()) == FrameStore(folder).checksum
    for shard in range(3):
        assert shard_path(folder, shard).read_bytes() == shard_path(other, shard).read_bytes()


def test_missing_shards_are_found_and_an_incomplete_set_does_not_open(folder: Path) -> None:
    shard_path(folder, 1).unlink()
    assert create(folder, describe()) == [1]
    with pytest.raises(Damaged, match=r"shard-00001.npz is missing: run the same collection again"):
        FrameStore(folder)


def test_another_data_set_is_refused_with_the_differences(folder: Path) -> None:
    with pytest.raises(Damaged, match=r"another data set \(seed is 0 there, 7 asked\)"):
        create(folder, describe(seed=7))


def test_a_full_disk_leaves_no_partial_shard(
    folder: Path, frames: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    shard_path(folder, 1).unlink()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_shard(folder, 1, shard_of(frames, 1))
    monkeypatch.undo()
    assert sorted(p.name for p in folder.iterdir() if "00001" in p.name) == []
    assert create(folder, describe()) == [1]


def test_a_shard_that_nobody_recorded_counts_as_missing(folder: Path, frames: np.ndarray) -> None:
    """A kill came between the shard and the manifest, or somebody else put it there."""
    manifest = folder / "manifest.json"
    before = manifest.read_text()
    shard_path(folder, 1).unlink()
    assert create(folder, describe()) == [1]
    recorded = json.loads(before)["shards"]
    del recorded["shard-00001.npz"]
    records.write(manifest, json.loads(before) | {"shards": recorded})
    digest = write_shard(folder, 1, shard_of(frames, 1))
    assert completed(folder, describe()) is None
    assert create(folder, describe()) == [1]
    with pytest.raises(Damaged, match=r"shard-00001\.npz is missing"):
        FrameStore(folder)
    record_shard(folder, 1, digest)
    assert create(folder, describe()) == []
    assert manifest.read_text() == before


def test_without_a_manifest_nothing_is_taken_on_trust(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    before = {path.name for path in folder.iterdir()}
    with pytest.raises(Damaged, match=r"has no manifest\.json.*run the same collection again"):
        FrameStore(folder)
    assert {path.name for path in folder.iterdir()} == before  # readers write nothing
    with pytest.warns(UserWarning, match=r"3 shards but no manifest\.json.*collected again"):
        assert create(folder, describe()) == [0, 1, 2]


def test_what_a_killed_collection_left_is_removed(folder: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    for name in ("shard-00001.npz", "data.json", "manifest.json", "thesis.tex"):
        (folder / f".{name}.{process.pid}.tmp").write_text("half")
    create(folder, describe())
    assert [path.name for path in folder.glob(".*")] == [f".thesis.tex.{process.pid}.tmp"]


def test_frames_are_read_in_one_thread(folder: Path) -> None:
    blosc2.set_nthreads(3)
    FrameStore(folder)
    assert blosc2.nthreads == 1
