"""The real command line, at toy size, on an environment that is not Atari."""

import ast
import dataclasses
import inspect
import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES

import slotenv
from pretrain.cli import main
from pretrain.data.store import FrameStore
from pretrain.verbs import table

ENV = f"fake_envs:{SPRITES}"
TINY = [
    "--method",
    "scn",
    "--frames",
    "300",
    "--updates",
    "20",
    "--batch-size",
    "16",
    "--slot-dim",
    "4",
]
TINY += ["--validate-every", "10", "--workers", "1", "--threads", "1"]


def run_folder(folder: Path, *more: str) -> list[str]:
    return ["run", "--env", ENV, "--out", str(folder), *TINY, *more]


def command(*arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "support")}
    return subprocess.Popen(
        [sys.executable, "-m", "pretrain", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return stopped.value.code, capsys.readouterr().err


def test_the_whole_flow_without_atari(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    main(run_folder(folder))
    out = capsys.readouterr().out
    assert "no labels (view scn) for" in out
    assert f"report:  {folder / 'report.html'}" in out
    names = {p.name for p in folder.iterdir()}
    assert names >= {
        "config.json",
        "data",
        "encoder",
        "metrics.jsonl",
        "report.html",
        "tensorboard",
    }
    encoder = slotenv.SlotEncoder.from_pretrained(folder)
    assert (encoder.num_slots, encoder.slot_dim, encoder.preprocess.name) == (8, 4, "plain")
    env = slotenv.ObjectSlotObservation(gym.make(ENV), folder)
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    frame = env.unwrapped.render()
    np.testing.assert_allclose(observation, encoder.encode(frame[None])[0], atol=1e-5)


def test_by_default_slots_are_objects_found_in_the_frames(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    main(["run", "--env", ENV, "--out", str(folder), "--frames", "300", "--workers", "1"])
    encoder = slotenv.SlotEncoder.from_pretrained(folder)
    assert encoder.slot_fields is not None
    assert encoder.provenance["method"] == "objects"
    page = (folder / "report.html").read_text()
    assert "It was made by the method “Objects”" in page
    assert "presence, x, y, width, height, shade" in page
    assert 'id="losses"' not in page  # it takes no updates
    assert "learning_rate" not in page


def test_the_same_run_twice_is_the_same_run(tmp_path: Path) -> None:
    for name in ("a", "b"):
        main(run_folder(tmp_path / name))
    a, b = (tmp_path / name for name in ("a", "b"))
    stores = [FrameStore(folder / "data" / "pretrain").checksum for folder in (a, b)]
    assert stores[0] == stores[1]
    weights = [(folder / "encoder" / "model.safetensors").read_bytes() for folder in (a, b)]
    assert weights[0] == weights[1]


def test_a_second_run_into_the_same_folder_changes_no_weights(tmp_path: Path) -> None:
    main(run_folder(tmp_path / "run"))
    before = (tmp_path / "run" / "encoder" / "model.safetensors").read_bytes()
    main(run_folder(tmp_path / "run"))
    assert (tmp_path / "run" / "encoder" / "model.safetensors").read_bytes() == before


def test_ctrl_c_says_how_to_go_on_and_the_same_command_does(tmp_path: Path) -> None:
    arguments = run_folder(tmp_path / "run", "--updates", "3000")
    process = command(*arguments)
    deadline = time.monotonic() + 90
    metrics = tmp_path / "run" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "interrupted. Nothing that was done is lost: the same command goes on" in err
    assert "Traceback" not in err
    assert (tmp_path / "run" / "train_state.safetensors").exists()
    done = json.loads(metrics.read_text().splitlines()[-1])["update"]
    main(run_folder(tmp_path / "run", "--updates", str(done + 20)))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "--env", "ALE/Pnog-v5"], "no Atari game 'ALE/Pnog-v5'. Closest: Pong"),
        (["run", "--env", "CartPole-v1"], "slotenv needs uint8 frames"),
        (["run", "--env", "NoSuchThing-v3"], "no environment 'NoSuchThing-v3'"),
        (["run", "--env", "no_such_module:X-v0"], "cannot make 'no_such_module:X-v0'"),
        (["run", "--env", ENV, "--preset", "scn"], "preset 'scn' is for Atari games"),
        (["train", "--data", "nowhere"], "nowhere is no data set"),
        (["report"], "has no encoder/, so there is nothing to report"),
    ],
)
def test_user_errors_are_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    code, err = error_of([*arguments, "--out", str(tmp_path / "run")], capsys)
    assert code == 2
    assert text in err
    assert len(err.strip().splitlines()) == 1


def test_impossible_settings_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for flag, value, text in [
        ("--num-slots", "65", "64 slots of two maps at most, got num_slots=65"),
        ("--batch-size", "1000", "a batch needs 1000 pairs"),
        ("--device", "tpu", "no device 'tpu': use "),
    ]:
        code, err = error_of(run_folder(tmp_path / flag, flag, value), capsys)
        assert code == 2
        assert text in err


@pytest.mark.parametrize(
    "flags", [["--updates", "none"], ["--nonsense", "1"], ["--batch-size", "1"]]
)
def test_wrong_flags_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    code, err = error_of(run_folder(tmp_path, *flags), capsys)
    assert code == 2
    assert "Traceback" not in err


def test_another_run_in_the_folder_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(run_folder(tmp_path / "run"))
    before = (tmp_path / "run" / "config.json").read_text()
    code, err = error_of(run_folder(tmp_path / "run", "--seed", "5"), capsys)
    assert code == 2
    assert (tmp_path / "run" / "config.json").read_text() == before
    assert "holds another data set (seed is 0 there, 5 asked)" in err


def test_a_damaged_shard_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(run_folder(tmp_path / "run"))
    shard = tmp_path / "run" / "data" / "pretrain" / "shard-00000.npz"
    shard.write_bytes(shard.read_bytes()[:-100])
    code, err = error_of(run_folder(tmp_path / "run"), capsys)
    assert code == 2
    assert "shard-00000.npz is damaged" in err


def test_divergence_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = run_folder(tmp_path / "run", "--learning-rate", "1e30", "--updates", "60")
    code, err = error_of(arguments, capsys)
    assert code == 1
    assert "lower the learning rate" in err


FLAGS = [
    kind
    for verb in (*table.VERBS, *table.UPKEEP)
    for kind in table.flags_of(verb).__mro__
    if dataclasses.is_dataclass(kind)
]


@pytest.mark.parametrize("kind", dict.fromkeys(FLAGS), ids=lambda kind: kind.__name__)
def test_every_flag_has_a_sentence(kind: type) -> None:
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body
    for field, after in itertools.zip_longest(body, body[1:]):
        if isinstance(field, ast.AnnAssign) and "arg(name='')" not in ast.unparse(field):
            sentence = isinstance(after, ast.Expr) and ast.literal_eval(after.value)
            assert str(sentence).rstrip().endswith("."), ast.unparse(field)


@pytest.mark.parametrize(
    "verb", ["upkeep", *table.VERBS, *(["upkeep", verb] for verb in table.UPKEEP)]
)
def test_help_of_every_verb(verb: str | list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*([verb] if isinstance(verb, str) else verb), "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert "-h, --help" in said
    assert "ignore[" not in said  # comments for the type checker are no help


@pytest.mark.ale
@pytest.mark.filterwarnings("always:.*this encoder was trained on:UserWarning")
def test_pong_is_probed_beside_its_controls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "--env", "Pong", "--out", str(tmp_path), *TINY, "--frames", "1000"]
    main([*arguments, "--probe-frames", "2000", "--curve"])
    content = json.loads((tmp_path / "probe.json").read_text())
    assert [row["name"] for row in content["rows"]] == ["SCN", "untrained", "SCN, shuffled labels"]
    assert content["rows"][2]["report"]["accuracy"] < 0.1
    assert [point["updates"] for point in content["curve"]] == [0]
    out = capsys.readouterr().out
    assert "Paper: SCN" in out
    assert "0.73" in out
    assert "0.73" in (tmp_path / "probe.md").read_text()
    results = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [r["method"] for r in results] == [r["name"] for r in content["rows"]] + ["snapshot"]
    assert results[0]["accuracy"] == content["rows"][0]["report"]["accuracy"]
    # Probing frames that the encoder was trained on is refused.
    data = str(tmp_path / "data" / "pretrain")
    code, err = error_of(["probe", "--encoder", str(tmp_path), "--data", data], capsys)
    assert code == 2
    assert "trained on" in err
    # Another game's encoder is probed, but said to be one.
    main(["probe", "--encoder", "breakout", "--data", data])
    said = capsys.readouterr()
    assert "accuracy" in said.out
    assert "trained on Breakout, these are frames of Pong" in " ".join(said.err.split())
