"""Two processes in one folder: the second is told, and does no harm."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_envs import SPRITES

from pretrain.cli import main
from pretrain.config import TrainConfig
from pretrain.data.collect import collect
from pretrain.data.store import DataDescription, FrameStore
from pretrain.runtime.lock import FolderInUse, alone_in
from pretrain.training.loop import train
from slotenv.frames import plain

HOLDER = """
import sys, time
from pathlib import Path
from pretrain.runtime.lock import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    time.sleep(600)
"""


def description(steps: int = 200) -> DataDescription:
    return DataDescription(
        env_id=f"fake_envs:{SPRITES}", preset=plain(84, 84).to_dict(), seed=0, num_steps=steps
    )


def test_a_lock_goes_with_the_process_that_held_it(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "in\n"
    words = f"at work in {tmp_path}: wait until it has ended"
    with pytest.raises(FolderInUse, match=words), alone_in(tmp_path):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with alone_in(tmp_path):
        pass


def test_what_goes_wrong_inside_opens_the_lock(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), alone_in(tmp_path):
        raise KeyboardInterrupt
    with alone_in(tmp_path):
        pass


def test_one_collection_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with alone_in(folder):
        killed = subprocess.Popen([sys.executable, "-c", ""])
        killed.wait()
        unfinished = folder / f".shard-00000.npz.{killed.pid}.tmp"
        unfinished.touch()
        with pytest.raises(FolderInUse):
            collect(folder, description(), workers=1)
        assert unfinished.exists()  # it is the other's
    checksum = collect(folder, description(), workers=1)
    assert not unfinished.exists()  # it was nobody's
    with alone_in(folder):  # nothing is missing, so nobody is in the way
        assert collect(folder, description(), workers=1) == checksum


def test_one_training_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    collect(data, description(), workers=1)
    with alone_in(run):
        with pytest.raises(FolderInUse):
            train(FrameStore(data), TrainConfig(method="random"), run, num_slots=2)
        assert not (run / "encoder").exists()
        with pytest.raises(SystemExit) as stopped:
            main(["train", "--data", str(data), "--out", str(run), "--method", "random"])
    assert stopped.value.code == 2
    assert "pretrain: another process is at work in" in capsys.readouterr().err
    train(FrameStore(data), TrainConfig(method="random"), run, num_slots=2)
    assert (run / "encoder").exists()
