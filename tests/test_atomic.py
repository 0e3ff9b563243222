"""Files that are whole or absent: names of temporary files, leftovers, errors, and what is read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slotenv import atomic
from slotenv.atomic import read_file, remove_leftovers, write_atomic, write_folder


def full(handle: int) -> None:
    raise OSError(28, "No space left on device")


def dead_process() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


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


@pytest.mark.parametrize("host", ["", f"{atomic._HOST}-"])
def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path, host):
    dead, alive = dead_process(), os.getppid()
    tail = f"-{'0' * 8}-3" if host else ""
    gone = [f".file.txt.{host}{dead}{tail}.tmp"]
    kept = [
        f".file.txt.{host}{alive}{tail}.tmp",  # its writer runs
        f".file.txt.elsewher-{dead}-{'0' * 8}-3.tmp",  # of another machine
        f".file.txt.{atomic._HOST}-{os.getpid()}-{atomic._START}-3.tmp",  # our own, in a thread
        f".other.txt.{host}{dead}{tail}.tmp",
        ".file.txt.old",
        ".file.txt.tmp",
        "file.txt.1.tmp",
    ]
    for name in gone + kept:
        (tmp_path / name).write_text("years of work")
    write_atomic(tmp_path / "file.txt", "new")
    assert {p.name for p in tmp_path.iterdir()} == {"file.txt", *kept}


def test_another_start_of_the_same_process_number_is_a_killed_writer(tmp_path):
    """In a container, process numbers come again after each start."""
    leftover = tmp_path / f".file.txt.{atomic._HOST}-{os.getpid()}-{'0' * 8}-3.tmp"
    leftover.write_text("half")
    remove_leftovers(tmp_path / "file.txt")
    assert not leftover.exists()


def test_another_machines_leftovers_go_after_a_day_whatever_the_clock_says(tmp_path):
    leftover = tmp_path / f".file.txt.elsewher-1-{'0' * 8}-3.tmp"
    for age, left in ((-(10**6), True), (3600, True), (25 * 3600, False)):
        leftover.write_text("half")
        time = leftover.stat().st_mtime - age
        os.utime(leftover, (time, time))
        remove_leftovers(tmp_path / "file.txt")
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
