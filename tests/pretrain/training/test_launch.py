"""Two processes that train one model, against one process with the same batches."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import ranks
import torch
from fake_envs import SPRITES

from pretrain.cli import main
from pretrain.config import TrainConfig
from pretrain.data.collect import collect
from pretrain.data.store import DataDescription, FrameStore
from pretrain.runtime.metrics_log import read_metrics
from pretrain.training.data_parallel import check_devices
from pretrain.training.loop import STATE, train
from slotenv import SlotEncoder
from slotenv.frames import plain

SUPPORT = Path(ranks.__file__).parent
PATIENCE = 240  # seconds; only a test that hangs takes them


class Command:
    """A process and its children, which do not outlive the test whatever it does."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            env=os.environ | {"PYTHONPATH": str(SUPPORT), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ctrl_c(self) -> None:
        """What a terminal does: all processes get the signal."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Return exit code and error output."""
        try:
            _, error = self.process.communicate(timeout=PATIENCE)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.returncode, error


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    description = DataDescription(
        env_id=f"fake_envs:{SPRITES}", preset=plain(84, 84).to_dict(), seed=0, num_steps=400
    )
    collect(folder, description, workers=1)
    return folder


def losses(folder: Path) -> list[tuple[int, str, float]]:
    return [(row["update"], row["split"], row["loss"]) for row in read_metrics(folder)]


def test_two_processes_train_as_one_does_and_go_on_after_ctrl_c(data: Path, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    flags = [f"--{k.replace('_', '-')}={v}" for k, v in ranks.CONFIG.items()]
    flags += ["--devices=2", "--num-slots=2", f"--data={data}", f"--out={cut}"]
    interrupted = Command("-m", "pretrain", "train", *flags)
    deadline = time.monotonic() + PATIENCE
    while not read_metrics(cut) and time.monotonic() < deadline:
        time.sleep(0.02)
    interrupted.ctrl_c()
    code, error = interrupted.end()
    assert (code, (cut / STATE).exists(), (cut / "encoder").exists()) == (130, True, False), error
    assert [line for line in error.splitlines() if not line.startswith("train: ")] == [
        "pretrain: interrupted. Nothing that was done is lost: the same command goes on from here."
    ]

    code, error = Command(ranks.__file__, str(data), str(whole), str(cut)).end()
    # What went wrong in one process, after all else went well, ended the other and is told.
    assert code == 1, error
    assert error.strip().splitlines()[-1] == "ValueError: the second process gives up", error
    two, resumed = (SlotEncoder.from_pretrained(folder) for folder in (whole, cut))
    assert losses(cut) == losses(whole)
    for name, weight in two.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], weight), name
    assert two.provenance["devices"] == 2

    one = TrainConfig(**ranks.CONFIG | {"updates": 40})
    train(FrameStore(data), one, tmp_path / "one", num_slots=2)
    for (update, _, expected), row in zip(losses(tmp_path / "one"), losses(whole), strict=False):
        assert row == (update, "validation", pytest.approx(expected, abs=1e-5))


def test_what_cannot_be_is_one_line_and_exit_2(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--data", str(data), "--out", str(tmp_path / "run"), "--device", "cpu"]
    with pytest.raises(SystemExit) as stopped:
        main([*arguments, "--method", "scn", "--batch-size", "16", "--devices", "3"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == (
        "pretrain: a batch of 16 pairs cannot be shared out evenly among 3 devices: change "
        "--batch-size or --devices\n"
    )


def test_run_refuses_before_it_collects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    out = tmp_path / "run"
    arguments = ["--env", SPRITES, "--out", str(out), "--devices", "2", "--device", "cpu"]
    with pytest.raises(SystemExit) as stopped:
        main(["run", "--method", "scn", *arguments])
    assert stopped.value.code == 2
    assert 'needs: pip install "slotenv[distributed]"' in capsys.readouterr().err
    assert not out.exists()


def test_missing_gpus_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert check_devices(TrainConfig(method="scn", devices=2)).type == "cuda"
    with pytest.raises(ValueError, match="asked for 4 devices, there are 2 GPUs: lower --devices"):
        check_devices(TrainConfig(method="scn", devices=4))
    with pytest.raises(ValueError, match="cuda:1 is one device, --devices 2 takes cuda"):
        check_devices(TrainConfig(method="scn", devices=2, device="cuda:1"))
    with pytest.raises(ValueError, match="devices must be at least 1, got 0"):
        TrainConfig(devices=0)


def test_training_alone_loads_no_fabric() -> None:
    code = "import pretrain.training.loop, sys; print('lightning_fabric' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout.strip() == "False"
