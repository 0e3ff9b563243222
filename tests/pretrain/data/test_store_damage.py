"""Data sets that are damaged, forged or changed by hand are refused."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_store import SHARD, describe

from pretrain.data.store import FrameStore, shard_path
from pretrain.data.writer import create, record_shard
from slotenv import records
from slotenv.frames import plain
from slotenv.records import Damaged


def forge(folder: Path, shard: int, content: bytes) -> None:
    """Exchange a shard and make the manifest agree, as somebody with bad intentions would."""
    shard_path(folder, shard).write_bytes(content)
    record_shard(folder, shard, hashlib.sha256(content).hexdigest())


def columns_of(folder: Path, shard: int) -> dict[str, np.ndarray]:
    with np.load(shard_path(folder, shard)) as arrays:
        return {name: arrays[name] for name in arrays.files}


def packed(columns: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **columns)
    return buffer.getvalue()


def test_a_flipped_bit_is_noticed_and_named(folder: Path) -> None:
    path = shard_path(folder, 2)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(Damaged, match=r"shard-00002.npz is damaged"):
        FrameStore(folder)
    with pytest.raises(Damaged, match=r"shard-00002.npz is damaged .*delete that file"):
        create(folder, describe())


def test_a_truncated_shard_is_noticed_on_resume(folder: Path) -> None:
    path = shard_path(folder, 0)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(Damaged, match=r"shard-00000.npz is damaged"):
        create(folder, describe())


def test_a_shard_exchanged_for_another_is_noticed(folder: Path) -> None:
    shard_path(folder, 0).write_bytes(shard_path(folder, 1).read_bytes())
    with pytest.raises(Damaged, match="checksum changed since collection"):
        FrameStore(folder)


def test_pickle_is_never_loaded(folder: Path) -> None:
    columns = columns_of(folder, 0) | {"actions": np.array([{}] * SHARD, dtype=object)}
    forge(folder, 0, packed(columns))
    with pytest.raises(Damaged, match=r"shard-00000\.npz is no shard.*allow_pickle=False"):
        FrameStore(folder)


def test_no_data_folder_and_another_format_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Damaged, match=r"is no data set.*pretrain collect --env .* --out "):
        FrameStore(tmp_path / "nothing")
    path = folder / "data.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(Damaged, match="has format 99, written by a newer slotenv"):
        FrameStore(folder)


def test_shards_without_a_description_are_refused(folder: Path) -> None:
    (folder / "data.json").unlink()
    with pytest.raises(Damaged, match=r"has shards but no data\.json"):
        create(folder, describe())


@pytest.mark.parametrize(
    "changes",
    [
        {"preset": plain(12, 10).to_dict()},
        {"preset": {**plain(12, 9).to_dict(), "max_pool": True}},
        {"env_id": "Other-v0"},
        {"seed": 1},
    ],
)
def test_a_description_that_was_changed_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    path = folder / "data.json"
    fields = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(fields))
    with pytest.raises(Damaged, match=r"data\.json was changed since it was written"):
        FrameStore(folder)
    records.write(path, fields)  # the digest in it agrees, the manifest's does not
    with pytest.raises(Damaged, match=r"data\.json was changed since collection began"):
        FrameStore(folder)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"shard_steps": 0}, "'shard_steps' is 0"),
        ({"num_steps": True}, "'num_steps' is True"),
        ({"num_steps": 10**12}, "'num_steps' is 1000000000000"),
        ({"preset": {}}, "not a frame preset"),
        ({"preset": [1]}, "'preset' is"),
        ({"preset": plain(12, 9).to_dict() | {"height": 10**9}}, r"height of a preset must lie in"),
        ({"seed": -1}, "'seed' is -1"),
        ({"colour": 1}, "there is no field 'colour'"),
    ],
)
def test_descriptions_that_cannot_be_are_refused(
    folder: Path, fields: dict[str, Any], words: str
) -> None:
    path = folder / "data.json"
    records.write(path, json.loads(path.read_text()) | fields)
    with pytest.raises(Damaged, match=rf"data\.json.*{words}"):
        FrameStore(folder)


def header(number: int, value: int) -> Callable[[dict[str, np.ndarray]], None]:
    """Return what forges a number in the header of the second frame, by which it is unpacked."""

    def change(columns: dict[str, np.ndarray]) -> None:
        start = int(columns["sizes"][0]) + 4 * number
        columns["frames"][start : start + 4] = np.frombuffer(np.int32(value).tobytes(), np.uint8)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (header(1, 12 * 9 * 3 + 1), "unpacks to another size than 324 bytes"),
        (header(1, 2**31 - 1), "unpacks to another size"),
        (header(1, -1), "unpacks to another size"),
        (header(2, 0), "blocks that do not fit"),
        (header(2, 2**30), "blocks that do not fit"),
        (header(3, 40), "tells of another size than it has"),
        (header(7, 0x40 << 24), "a frame without content"),  # memory would stay as it was
        (lambda c: c.update(sizes=c["sizes"] - 400), "sizes that no frame has"),
        (lambda c: c.update(sizes=c["sizes"] - ([1, -1] * SHARD)[:SHARD]), "no frame has"),
        (lambda c: c.update(sizes=c["sizes"].astype(np.int32)), "sizes is int32, not int64"),
        (lambda c: c.update(frames=c["frames"][:-1]), "their sizes add up to"),
        (lambda c: c.update(frames=c["frames"].view(np.int8)), "frames is int8, not uint8"),
        (lambda c: c.update(rewards=c["rewards"] + np.float32(np.inf)), "rewards are not finite"),
        (lambda c: c.update(rewards=c["rewards"][:-1]), r"rewards has shape \(9,\), 10 rows"),
        (lambda c: c.update(actions=c["actions"][:-1]), r"actions has shape \(9,\), 10 rows"),
        (lambda c: c.update(actions=c["actions"].astype("U3")), "actions are <U3, not numbers"),
        (lambda c: c.update(episode=c["episode"] + 1), "not numbered from 0"),
        (lambda c: c.update(episode=c["episode"] * 2), "not numbered from 0"),
        (lambda c: c.update(ram=c["ram"][:, 0]), r"ram has shape \(10,\)"),
        (lambda c: c.pop("ram"), "it has arrays"),
        (lambda c: c.update(more=np.zeros(3)), "it has arrays"),
        (lambda c: c.update(actions=np.zeros((SHARD, 10**7))), "it unpacks to"),
    ],
)
def test_forged_shards_are_refused_before_anything_is_decompressed(
    folder: Path, change: Callable[[dict[str, np.ndarray]], object], words: str
) -> None:
    columns = columns_of(folder, 0)
    columns["frames"] = columns["frames"].copy()
    change(columns)
    forge(folder, 0, packed(columns))
    with pytest.raises(Damaged, match=rf"shard-00000\.npz is no shard: .*{words}"):
        FrameStore(folder)


def test_a_frame_whose_data_are_damaged_is_named(folder: Path) -> None:
    columns = columns_of(folder, 0)
    columns["frames"] = columns["frames"].copy()
    sizes = columns["sizes"]
    columns["frames"][int(sizes[0]) + 2] ^= 2  # frames of noise are stored: this one no longer
    forge(folder, 0, packed(columns))
    store = FrameStore(folder)
    store.frames([0, 2])
    with pytest.raises(Damaged, match=r"shard-00000\.npz: a frame cannot be decompressed"):
        store.frames([1])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY" + b"\xff" * 50])
def test_what_is_no_archive_is_refused(folder: Path, content: bytes) -> None:
    forge(folder, 2, content)
    with pytest.raises(Damaged, match=r"shard-00002\.npz is no shard"):
        FrameStore(folder)


def test_shards_of_different_actions_are_refused(folder: Path) -> None:
    columns = columns_of(folder, 1)
    columns["actions"] = columns["actions"][:, None].repeat(2, 1)
    forge(folder, 1, packed(columns))
    with pytest.raises(Damaged, match="shards of different actions"):
        FrameStore(folder)
