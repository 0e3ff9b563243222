"""What the command line says of wrong numbers, and of whatever else goes wrong: one line."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from fake_envs import SPRITES

from pretrain.cli import main
from pretrain.config import Amount, Flags, Share, TrainingSeed
from pretrain.runtime.interrupt import Terminated

ENV = f"fake_envs:{SPRITES}"


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return stopped.value.code, capsys.readouterr().err


HUGE = str(10**30)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--seed", "-1"], "seed must lie in 0..999999 (larger ones are for probes), got -1"),
        (["--seed", HUGE], "seed must lie in 0..999999"),
        (["--frames", "0"], "frames must be at least 1, got 0"),
        (["--frames", HUGE], "frames must be at most 1,000,000,000, got 1,000,"),
        (["--probe-frames", HUGE], "probe_frames must be at most"),
        (["--updates", HUGE], "updates must be at most"),
        (["--batch-size", HUGE], "batch_size must be at least 2 (negatives come from the batch)"),
        (["--threads", HUGE], "threads must be at most 1,024"),
        (["--workers", HUGE], "workers must be at most"),
        (["--num-slots", HUGE], "num_slots must be at most"),
        (["--learning-rate", "nan"], "learning_rate must be positive and finite, got nan"),
        (["--learning-rate", "inf"], "learning_rate must be positive and finite, got inf"),
        (["--validation-share", "nan"], "validation_share must lie between 0 and 1, got nan"),
        (["--settings", "diversity_weight=NaN"], "'NaN' in 'diversity_weight=NaN' is no finite"),
        (["--settings", "diversity_weight=1e999"], "is no finite number, true or false"),
        (["--settings", "diversity_weight=" + "9" * 5000], "is no finite number, true or false"),
        (["--settings", 'a={"b": [1]}'], "is no finite number, true or false"),
        (["--settings", "a=" + "[" * 100_000], "is no finite number, true or false"),
        (["--settings", "a=null"], "is no finite number, true or false"),
        (["--settings", "a=1", "b"], "settings are NAME=VALUE, got 'b'"),
        (["--settings", "a=1", "a=2"], "setting 'a' is given twice"),
        (["--hold"], "slots of method 'scn' cannot be held"),
    ],
)
def test_values_out_of_bounds_are_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], text: str
) -> None:
    code, err = error_of(
        ["run", "--env", ENV, "--out", str(tmp_path / "run"), "--method", "scn", *flags], capsys
    )
    assert code == 2
    assert text in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["run", "--env", ENV, "--method", "objects_held"], "Give --method objects, and --hold"),
        (["collect", "--env", ENV, "--seed", "-1"], "seed must be at least 0, got -1"),
        (["collect", "--env", ENV, "--seed", HUGE], "seed must be at most 2,147,483,647"),
        (["watch", "--encoder", "pong", "--fps", HUGE], "fps must be at most"),
        (["watch", "--encoder", "pong", "--seed", HUGE], "seed must be at most"),
        (["upkeep", "labels", "draw", "--moments", HUGE], "moments must be at most"),
        (["upkeep", "slots", "draw", "--seed", "-1"], "seed must be at least 0, got -1"),
        (["upkeep", "ready", "--frames", "0"], "frames must be at least 1, got 0"),
        (["upkeep", "ready", "--probe-frames", HUGE], "probe_frames must be at most"),
        (["bench", "--updates", HUGE], "updates must be at most"),
        (["bench", "--seeds", "0", "-1"], "seeds must lie in 0..999999"),
        (["bench", "--ray", ""], "ray is the address of a cluster, host:port or auto, got ''"),
        (["upkeep", "players", "--frames", HUGE], "frames must be at most"),
        (["train", "--data", "d", "--method", "objects_held"], "Give --method objects, and"),
    ],
)
def test_every_verb_bounds_its_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    out = tmp_path / ("film.gif" if arguments[0] == "watch" else "out")
    code, err = error_of([*arguments, "--out", str(out)], capsys)
    assert code == 2
    assert text in err
    assert not out.exists()


@pytest.mark.parametrize("verb", ["labels", "slots", "ready", "identity", "players"])
def test_a_verb_that_has_moved_says_where(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, err = error_of([verb, "--games", "pong"], capsys)
    assert code == 2
    assert err == (
        f"pretrain: {verb} is now: python -m pretrain upkeep {verb}, with the same flags\n"
    )
    with pytest.raises(SystemExit) as stopped:
        main(["upkeep", verb, "--help"])
    assert stopped.value.code == 0


def test_a_field_declares_its_bounds() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Toy(Flags):
        share: Share | None = None
        seeds: tuple[TrainingSeed, ...] = ()
        steps: Amount = 1

    assert Toy(share=0.5, seeds=(0, 999_999), steps=10**9)
    for changes, text in (
        ({"share": 0.0}, "share must lie between 0 and 1, got 0.0"),
        ({"share": 1.0}, "share must lie between 0 and 1, got 1.0"),
        ({"seeds": (0, 1_000_000)}, r"seeds must lie in 0\.\.999999 .*, got 1,000,000"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": 10**9 + 1}, "steps must be at most 1,000,000,000, got 1,000,000,001"),
    ):
        with pytest.raises(ValueError, match=text):
            Toy(**changes)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (MemoryError("cannot hold 9 TiB"), 1, "out of memory cannot hold 9 TiB"),
        (MemoryError(), 1, "out of memory"),
        (RecursionError("too deep"), 1, "too deep"),
        (OverflowError("too large"), 2, "too large"),
        (ValueError("two\n  lines"), 2, "two lines"),
        (ValueError(), 2, "ValueError"),
        (IsADirectoryError(21, "Is a directory", "x"), 2, "[Errno 21] Is a directory: 'x'"),
        (
            OSError(28, "No space left on device", "runs/x"),
            1,
            "[Errno 28] No space left on device: 'runs/x'. The same command goes on from here once "
            "that is mended.",
        ),
        (
            BrokenPipeError(32, "Broken pipe"),
            1,
            "[Errno 32] Broken pipe. The same command goes on ",
        ),
        (ModuleNotFoundError("No module named 'x'", name="x"), 2, "No module named 'x'"),
        (Terminated(), 143, "interrupted. Nothing that was done is lost"),
        (KeyboardInterrupt(), 130, "interrupted. Nothing that was done is lost"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_goes_wrong_is_one_line(
    error: BaseException,
    code: int,
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(command: list[str]) -> None:
        raise error

    monkeypatch.setattr("pretrain.verbs.table.run_verb", fail)
    found, err = error_of([], capsys)
    assert (found, err.startswith(f"pretrain: {text}")) == (code, True), err
    assert len(err.splitlines()) == 1
