"""Files that are whole or absent: names of temporary files, leftovers, errors, and what is read."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slotenv import atomic
from slotenv.atomic import read_file, write_atomic, write_folder


def full(handle: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_failing_write_leaves_the_old_file_and_names_it(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")
    monkeypatch.setattr(atomic.os, "write", full)
    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*file\.txt'"):
        write_atomic(path, b"new")
    with pytest.raises(OSError, match=r"No space left on device: "):
        write_folder(tmp_path / "folder", {"a": "1", "b": "2"}, index="a")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.rglob("*")] == ["file.txt", "folder"]


def test_a_file_that_holds_it_already_is_left_alone(tmp_path):
    path = tmp_path / "file.txt"
    write_atomic(path, "same")
    before = path.stat().st_ino, path.stat().st_mtime_ns
    write_atomic(path, b"same")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before
    write_atomic(path, b"sama")  # of the same length
    assert path.read_text() == "sama"


OURS = f"{atomic._HOST}-"


@pytest.mark.parametrize("writer", ["123", f"{OURS}123-{'0' * 8}-3", f"{OURS}{'0' * 16}"])
def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path, writer):
    kept = [
        f".file.txt.elsewher-{'0' * 16}.tmp",  # of another machine
        f".other.txt.{writer}.tmp",
        ".file.txt.old",
        ".file.txt.tmp",
        ".file.txt.thesis.tmp",
        "file.txt.1.tmp",
    ]
    for name in [f".file.txt.{writer}.tmp", *kept]:
        (tmp_path / name).write_text("years of work")
    write_atomic(tmp_path / "file.txt", "new")
    assert {p.name for p in tmp_path.iterdir()} == {"file.txt", *kept}


def test_writers_of_one_folder_wait_for_each_other(tmp_path, monkeypatch):
    """So none takes for left over what another is writing."""
    began, goes_on = threading.Event(), threading.Event()
    fsync, seen = os.fsync, []

    def slow(handle: int) -> None:
        seen.append({p.name for p in tmp_path.iterdir()})
        began.set()
        goes_on.wait(60)
        fsync(handle)

    monkeypatch.setattr(atomic.os, "fsync", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(write_atomic, tmp_path / "file.txt", "first")
        began.wait(60)
        second = pool.submit(write_folder, tmp_path, {"file.txt": "second"}, index="file.txt")
        with pytest.raises(TimeoutError):
            second.result(timeout=0.3)
        assert len(seen) == 1
        goes_on.set()
        first.result()
        second.result()
    assert (tmp_path / "file.txt").read_text() == "second"
    assert list(tmp_path.iterdir()) == [tmp_path / "file.txt"]


@pytest.mark.parametrize(("writer", "locks"), [(f"elsewher-{'0' * 16}", True), ("123", False)])
def test_where_nobody_knows_who_writes_leftovers_go_after_a_day(
    tmp_path, monkeypatch, writer, locks
):
    def refuse(*_: object) -> None:
        raise OSError(9, "Bad file descriptor")

    if not locks:
        monkeypatch.setattr(atomic.fcntl, "flock", refuse)
    leftover = tmp_path / f".file.txt.{writer}.tmp"
    for age, left in ((-(10**6), True), (3600, True), (25 * 3600, False)):
        leftover.write_text("half")
        time = leftover.stat().st_mtime - age
        os.utime(leftover, (time, time))
        write_atomic(tmp_path / "file.txt", str(age))
        assert leftover.exists() == left


def test_a_file_system_that_cannot_flush_folders_is_good_enough(tmp_path, monkeypatch):
    fsync = os.fsync

    def picky(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(22, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(atomic.os, "fsync", picky)
    write_atomic(tmp_path / "file.txt", "new")
    write_folder(tmp_path / "folder", {"a": "1", "b": "2"}, index="a")
    assert (tmp_path / "file.txt").read_text() == "new"
    assert (tmp_path / "folder" / "b").read_text() == "2"


def test_only_regular_files_of_a_sane_size_are_read(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("12345")
    (tmp_path / "link").symlink_to(path)
    os.mkfifo(tmp_path / "pipe")
    assert read_file(path, limit=5) == read_file(tmp_path / "link", limit=5) == b"12345"
    with pytest.raises(ValueError, match=r"file\.txt has 5 bytes, at most 4"):
        read_file(path, limit=4)
    for name in ("pipe", "."):  # a pipe would be waited for
        with pytest.raises(ValueError, match="is not a regular file"):
            read_file(tmp_path / name, limit=5)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "nothing", limit=5)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc")
def test_no_file_stays_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for number in range(20):
        write_atomic(tmp_path / "file.txt", str(number))
        write_folder(tmp_path / "folder", {"a": str(number), "b": "2"}, index="a")
    assert len(os.listdir("/proc/self/fd")) == before
