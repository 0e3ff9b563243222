"""The program as a process: missing packages, closed output, signals, odd terminals and paths."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from fake_envs import SPRITES

import pretrain
from pretrain.cli import EXTRAS
from pretrain.runtime.interrupt import Interrupt, Terminated, starting_processes

ROOT = Path(pretrain.__file__).parents[1]
ENV = f"fake_envs:{SPRITES}"
PATIENCE = 240  # seconds; only a test that hangs takes them
BLOCK = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
from pretrain.cli import main
main({arguments})
"""


def start(*command: str, **more: object) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parents[1] / "support")])
    environment = os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(
        [sys.executable, *command],
        **(options | {"env": environment | more.pop("env", {})} | more),
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, output and error output."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out or "", err or ""


def without(*modules: str, arguments: list[str]) -> tuple[int, str]:
    code, _, err = ended(start("-c", BLOCK.format(blocked=set(modules), arguments=arguments)))
    return code, err


@pytest.mark.parametrize("module", ["tyro", "rich"])
def test_help_without_the_extra_says_what_to_install(module: str) -> None:
    code, err = without(module, arguments=["--help"])
    assert code == 2
    assert err == f"""pretrain: No module named '{module}': pip install "slotenv[pretrain]"\n"""


def test_a_verb_without_one_of_its_packages_says_what_to_install(tmp_path: Path) -> None:
    run = ["run", "--env", ENV, "--out", str(tmp_path)]
    code, err = without("blosc2", arguments=run)
    assert (code, 'blosc2\': pip install "slotenv[pretrain]"' in err) == (2, True), err
    more = ["--devices", "2", "--device", "cpu", "--method", "scn"]
    code, err = without("lightning_fabric", arguments=[*run, *more])
    assert (code, 'pip install "slotenv[distributed]"' in err) == (2, True), err


def test_the_table_of_extras_is_that_of_the_project() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra, modules in EXTRAS.items():
        names = {re.split("[<>=]", text)[0] for text in extras["optional-dependencies"][extra]}
        known = {"PIL": "pillow", "imageio_ffmpeg": "imageio-ffmpeg"}
        known["lightning_fabric"] = "lightning-fabric"
        assert {known.get(module, module) for module in modules} == names


@pytest.mark.parametrize("arguments", [["run", "--help"], ["report", "--out"]])
def test_output_that_nobody_reads_ends_the_program_without_a_word(
    arguments: list[str], tiny_encoder_folder: Path
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    if arguments[-1] == "--out":
        arguments = [*arguments, str(tiny_encoder_folder.parent)]
    code, _, err = ended(start("-m", "pretrain", *arguments, stdout=writes))
    os.close(writes)
    assert (code, err) == (128 + signal.SIGPIPE, "")


def test_closed_output_and_a_full_disk_behind_it(tiny_encoder_folder: Path) -> None:
    report = f"{sys.executable} -m pretrain report --out {tiny_encoder_folder.parent}"
    done = subprocess.run(
        ["sh", "-c", f"{report} >&- 2>&-"], cwd=ROOT, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0
    with open("/dev/full", "w") as full:
        code, _, err = ended(
            start("-m", "pretrain", "report", "--out", str(tiny_encoder_folder.parent), stdout=full)
        )
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "No space left" in err


def test_any_path_and_a_terminal_of_ascii_alone(tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9-\xc3\xa9")  # no text, then text
    run = ["run", "--env", ENV, "--out", folder, "--frames", "300", "--workers", "1"]
    terminal = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    code, out, err = ended(start("-m", "pretrain", *run, env=terminal))
    assert code == 0, err
    assert "report:" in out
    page = Path(folder, "report.html").read_text(encoding="utf-8")
    assert "caf\\udce9" in page


def test_modules_of_the_working_folder_are_found(tmp_path: Path) -> None:
    (tmp_path / "my_worlds.py").write_text("import fake_envs  # registers\n")
    script = "import sys; sys.path = [p for p in sys.path if p]; from pretrain.cli import main; "
    arguments = ["collect", "--env", f"my_worlds:{SPRITES}", "--out", "data", "--frames", "600"]
    code = f"{script} main({[*arguments, '--workers', '2']})"
    returned, _, err = ended(start("-c", code, cwd=tmp_path))
    assert returned == 0, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_collection_that_is_told_to_end_leaves_no_process(
    number: signal.Signals, tmp_path: Path
) -> None:
    arguments = ["--env", ENV, "--frames", "2000000", "--workers", "2", "--out", str(tmp_path)]
    process = start("-m", "pretrain", "collect", *arguments, start_new_session=True)
    try:
        deadline = time.monotonic() + PATIENCE
        while len(_group(process.pid)) < 4 and process.poll() is None:  # 2 workers, a tracker
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1.0)
        for _ in range(2):
            process.send_signal(number)
            time.sleep(0.02)
        code, _, err = ended(process)
        assert code == 128 + number
        lines = [line for line in err.splitlines() if not line.startswith("collect: ")]
        assert lines == [
            "pretrain: interrupted. Nothing that was done is lost: the same command goes on from "
            "here."
        ]
        while _group(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not _group(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _group(leader: int) -> list[str]:
    """Processes of a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = path.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state != "Z":
                found.append(path.parent.name)
    return found


def test_the_first_signal_waits_and_the_second_does_not() -> None:
    for number, kind in ((signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)):
        with Interrupt() as interrupt:
            signal.raise_signal(number)
            assert interrupt.requested
            with pytest.raises(kind):
                signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt) as stopped:
            _work_until(number)
        assert stopped.type is kind


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_processes_are_started_whole_and_are_deaf_to_ctrl_c(number: signal.Signals) -> None:
    children: list[subprocess.Popen[bytes]] = []
    with pytest.raises(KeyboardInterrupt), Interrupt() as interrupt:
        _start_while(number, children, interrupt)
    (child,) = children
    child.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.5)
    child.terminate()
    assert child.wait(PATIENCE) == -signal.SIGTERM


def _start_while(
    number: signal.Signals, children: list[subprocess.Popen[bytes]], interrupt: Interrupt
) -> None:
    with starting_processes():
        signal.raise_signal(number)
        children.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))
        assert not interrupt.requested
    if interrupt.requested:
        raise KeyboardInterrupt


def _work_until(number: signal.Signals) -> None:
    with Interrupt() as interrupt:
        signal.raise_signal(number)
        if interrupt.requested:
            raise KeyboardInterrupt
