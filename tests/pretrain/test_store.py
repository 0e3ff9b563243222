import json
from pathlib import Path

import numpy as np
import pytest

from pretrain.store import (
    DataDescription,
    FrameStore,
    Shard,
    StoreError,
    compress_frame,
    create,
    finish,
    read_description,
    shard_path,
    write_shard,
)
from slotenv.frames import plain

STEPS, SHARD = 25, 10


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (STEPS, 12, 9, 3), np.uint8)


def describe(**changes: object) -> DataDescription:
    fields = {
        "env_id": "Toy-v0",
        "preset": plain(12, 9).to_dict(),
        "seed": 0,
        "num_steps": STEPS,
        "shard_steps": SHARD,
    }
    return DataDescription(**(fields | changes))


def shard_of(frames: np.ndarray, shard: int) -> Shard:
    part = frames[shard * SHARD : (shard + 1) * SHARD]
    compressed = [compress_frame(frame) for frame in part]
    rows = np.arange(len(part))
    return Shard(
        frames=b"".join(compressed),
        sizes=np.array([len(c) for c in compressed], np.int64),
        actions=rows + shard * SHARD,
        rewards=rows.astype(np.float32),
        episode=(rows // 4).astype(np.int32),
        ram=np.repeat(part[:, 0, 0, :1], 128, axis=1),
    )


@pytest.fixture
def folder(tmp_path: Path, frames: np.ndarray) -> Path:
    create(tmp_path, describe())
    for shard in range(3):
        write_shard(tmp_path, shard, shard_of(frames, shard))
    finish(tmp_path)
    return tmp_path


def test_random_play_is_described_as_before_there_were_other_players(folder: Path) -> None:
    fields = json.loads((folder / "data.json").read_text())
    assert list(fields) == ["env_id", "preset", "seed", "num_steps", "shard_steps", "format"]
    assert FrameStore(folder).description.player == "random"
    with pytest.raises(StoreError, match="player is 'random' there, 'scripted' asked"):
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
        write_shard(other, shard, shard_of(frames, shard))
    assert finish(other) == FrameStore(folder).checksum
    for shard in range(3):
        assert shard_path(folder, shard).read_bytes() == shard_path(other, shard).read_bytes()


def test_missing_shards_are_found_and_an_incomplete_set_does_not_open(folder: Path) -> None:
    shard_path(folder, 1).unlink()
    assert create(folder, describe()) == [1]
    with pytest.raises(
        StoreError, match=r"shard-00001.npz is missing: run the same collection again"
    ):
        FrameStore(folder)


def test_another_data_set_is_refused_with_the_differences(folder: Path) -> None:
    with pytest.raises(StoreError, match=r"another data set \(seed is 0 there, 7 asked\)"):
        create(folder, describe(seed=7))


def test_a_flipped_bit_is_noticed_and_named(folder: Path) -> None:
    path = shard_path(folder, 2)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"shard-00002.npz is damaged"):
        FrameStore(folder)
    with pytest.raises(StoreError, match=r"shard-00002.npz is damaged .*delete that file"):
        create(folder, describe())


def test_a_truncated_shard_is_noticed_on_resume(folder: Path) -> None:
    path = shard_path(folder, 0)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(StoreError, match=r"shard-00000.npz is damaged"):
        create(folder, describe())


def test_a_shard_exchanged_for_another_is_noticed(folder: Path) -> None:
    shard_path(folder, 0).write_bytes(shard_path(folder, 1).read_bytes())
    with pytest.raises(StoreError, match="checksum changed since collection"):
        FrameStore(folder)


def test_pickle_is_never_loaded(folder: Path) -> None:
    np.savez(shard_path(folder, 0), episode=np.array([{}], dtype=object))
    with pytest.raises(StoreError, match=r"shard-00000\.npz is damaged"):
        create(folder, describe())


def test_no_data_folder_and_another_format_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no data set"):
        FrameStore(tmp_path / "nothing")
    path = folder / "data.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(StoreError, match="has format 99, this version reads 1"):
        FrameStore(folder)


def test_shards_without_a_description_are_refused(folder: Path) -> None:
    (folder / "data.json").unlink()
    with pytest.raises(StoreError, match=r"has shards but no data\.json"):
        create(folder, describe())


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
