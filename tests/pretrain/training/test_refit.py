"""The verb that goes on with an encoder on other frames."""

from pathlib import Path

import numpy as np
import pytest
from fake_envs import SPRITES

from pretrain.cli import main
from pretrain.data.store import FrameStore
from slotenv import SlotEncoder

ENV = f"fake_envs:{SPRITES}"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    main(["run", "--env", ENV, "--out", str(folder), "--frames", "600", "--workers", "1"])
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other") / "data"
    main(["collect", "--env", ENV, "--out", str(folder), "--frames", "600", "--seed", "5"])
    return folder


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_slots_keep_their_numbers(run_folder: Path, data: Path, tmp_path: Path) -> None:
    command = ["refit", "--encoder", str(run_folder), "--data", str(data), "--out", str(tmp_path)]
    main(command)
    old, new = (SlotEncoder.from_pretrained(folder) for folder in (run_folder, tmp_path))
    frames = FrameStore(data).frames(np.arange(40))
    assert new.num_slots >= old.num_slots
    kept = new.encode(frames)[:, : old.num_slots]
    np.testing.assert_allclose(kept, old.encode(frames), atol=0.05)
    assert new.provenance["method"] == "objects"
    assert new.provenance["refit_checksum"] == FrameStore(data).checksum
    weights = tmp_path / "encoder" / "model.safetensors"
    written = weights.stat().st_mtime_ns
    main(command)
    assert weights.stat().st_mtime_ns == written


def test_nothing_is_overwritten(
    run_folder: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--encoder", str(run_folder), "--data", str(data), "--out", str(run_folder)]
    before = (run_folder / "encoder" / "model.safetensors").read_bytes()
    assert "made otherwise (refitted_from was None" in error_of(["refit", *arguments], capsys)
    assert (run_folder / "encoder" / "model.safetensors").read_bytes() == before


def test_errors(
    run_folder: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scn = tmp_path / "scn"
    tiny = ["--method", "scn", "--updates", "2", "--batch-size", "16", "--slot-dim", "4"]
    main(["train", "--data", str(data), "--out", str(scn), *tiny, "--num-slots", "2"])
    out = str(tmp_path / "out")
    arguments = ["refit", "--data", str(data), "--out", out, "--encoder"]
    assert "SlotMapEncoder, which cannot be refitted" in error_of([*arguments, str(scn)], capsys)
    assert "no-such-folder" in error_of([*arguments, "no-such-folder"], capsys)
    too_few = error_of([*arguments, str(run_folder), "--num-slots", "1"], capsys)
    assert "already must lie in" in too_few
    other = tmp_path / "pong"
    main(["collect", "--env", "Pong", "--out", str(other), "--frames", "60", "--workers", "1"])
    arguments[2] = str(other)
    assert "the encoder needs" in error_of([*arguments, str(run_folder)], capsys)


@pytest.mark.ale
@pytest.mark.filterwarnings("always:.*this encoder was trained on:UserWarning")
def test_frames_of_another_game_warn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(tmp_path / "data")
    main(["collect", "--env", "Pong", "--out", data, "--frames", "200", "--workers", "1"])
    main(["refit", "--encoder", "breakout", "--data", data, "--out", str(tmp_path / "out")])
    said = " ".join(capsys.readouterr().err.split())
    assert "refit: this encoder was trained on Breakout, these are frames of Pong" in said
