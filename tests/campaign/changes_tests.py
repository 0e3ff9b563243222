"""Which files are changed, which tests read each of them, and running these in a copy."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("slotenv", "pretrain")
COPIED = (*PACKAGES, "tests", "examples", "pyproject.toml", "README.md", "constraints.txt")

TABLES = (  # Numbers copied from elsewhere: a test could only repeat them.
    "slotenv/labels/pixel/*.py",
    "slotenv/labels/tables_scn.py",
    "slotenv/probe/paper.py",
)
LOOKS = (  # Numbers here are sizes, colours and places on a picture.
    "pretrain/watch/pages.py",
    "pretrain/bench/results/plots.py",
    "pretrain/report/figures.py",
    "pretrain/drawing/*_frame.py",
    "pretrain/drawing/files.py",
    "pretrain/drawing/marks.py",
)
EVERYWHERE = ("tests/test_values.py",)
"""Tests of what holds in every file."""

OTHER_NAMES = {
    "pretrain/__init__.py": "pretrain/test_command.py",
    "pretrain/__main__.py": "pretrain/test_command.py",
    "pretrain/data": "pretrain/data/test_store.py",
    "pretrain/runtime": "pretrain/runtime/test_lock.py",
    "pretrain/training": "pretrain/training/test_loop.py",
    "pretrain/upkeep": "pretrain/upkeep/test_labels_check.py",
    "pretrain/bench": "pretrain/bench/test_bench.py pretrain/bench/results/test_tables.py",
    "pretrain/bench/results/aggregate.py": (
        "pretrain/bench/results/test_tables.py pretrain/bench/results/test_sampling.py"
    ),
    "pretrain/bench/results/render.py": (
        "pretrain/bench/results/test_tables.py pretrain/bench/results/test_sampling.py"
    ),
    "pretrain/bench/results/rows.py": (
        "pretrain/bench/results/test_tables.py pretrain/bench/results/test_sampling.py"
    ),
    "pretrain/config.py": ("pretrain/test_cli_errors.py pretrain/training/test_loop.py"),
    "pretrain/data/writer.py": ("pretrain/data/test_store.py pretrain/data/test_collect.py"),
    "pretrain/methods.py": "pretrain/test_methods.py pretrain/training/test_loop.py",
    "pretrain/runtime/metrics_log.py": (
        "pretrain/test_damaged_training.py pretrain/test_resume.py"
    ),
    "pretrain/training/encoders.py": (
        "pretrain/test_damaged_training.py pretrain/training/test_loop.py"
    ),
    "pretrain/runtime/resumable.py": (
        "pretrain/bench/test_identity.py pretrain/bench/test_players.py"
    ),
    "pretrain/runtime/workers.py": "pretrain/test_methods.py pretrain/bench/test_outside.py",
    "pretrain/runtime/progress.py": "pretrain/training/test_loop.py",
    "pretrain/drawing": "pretrain/drawing/test_marked_frame.py pretrain/report/test_pictures.py",
    "pretrain/drawing/estimate.py": "pretrain/bench/results/test_tables.py",
    "pretrain/report": "pretrain/report/test_write_report.py pretrain/report/test_pictures.py",
    "pretrain/run.py": ("pretrain/test_cli.py pretrain/upkeep/test_ready.py"),
    "pretrain/data/run_files.py": (
        "pretrain/report/test_write_report.py pretrain/test_cli.py pretrain/test_probe.py"
    ),
    "pretrain/data/shards.py": "pretrain/data/test_store.py",
    "pretrain/training/state.py": ("pretrain/test_damaged_training.py pretrain/test_resume.py"),
    "pretrain/training/data_parallel.py": (
        "pretrain/training/test_data_parallel.py pretrain/training/test_launch.py"
    ),
    "pretrain/training/step.py": "pretrain/training/test_validation.py",
    "pretrain/verbs": "pretrain/test_cli_errors.py pretrain/test_cli.py",
    "pretrain/verbs/bench.py": "pretrain/bench/test_matrix.py pretrain/bench/test_bench.py",
    "pretrain/verbs/labels.py": "pretrain/upkeep/test_galleries.py",
    "pretrain/verbs/ready.py": "pretrain/upkeep/test_ready.py",
    "pretrain/verbs/slots.py": "pretrain/upkeep/test_galleries.py",
    "pretrain/watch": "pretrain/test_watch.py",
    "slotenv/__init__.py": "test_layers.py",
    "slotenv/encoders/__init__.py": "encoders/test_contract.py",
    "slotenv/encoders/base.py": "encoders/test_contract.py test_checkpoint.py",
    "slotenv/encoders/saving.py": (
        "test_checkpoint.py encoders/test_devices.py encoders/test_weights.py"
    ),
    "slotenv/encoders/object_mixture/__init__.py": "encoders/object_mixture/test_encoder.py",
    "slotenv/encoders/object_mixture/encoder.py": (
        "encoders/test_modes.py encoders/test_weights.py encoders/test_sizes.py"
        " encoders/object_mixture/test_refit.py"
    ),
    "slotenv/encoders/object_mixture/fit.py": (
        "encoders/object_mixture/test_fit_steps.py encoders/object_mixture/test_refit.py"
        " encoders/object_mixture/test_time_contrast.py"
    ),
    "slotenv/encoders/object_mixture/foreground.py": (
        "encoders/object_mixture/test_palette.py encoders/object_mixture/test_refit.py"
    ),
    "slotenv/encoders/object_mixture/mixture.py": (
        "encoders/object_mixture/test_mixture.py encoders/object_mixture/test_fit_steps.py"
    ),
    "slotenv/encoders/object_mixture/readout.py": "encoders/object_mixture/test_encoder.py",
    "slotenv/encoders/object_mixture/slot_count.py": (
        "encoders/object_mixture/test_fit_steps.py encoders/object_mixture/test_fit.py"
    ),
    "slotenv/encoders/trunk.py": "encoders/test_slot_maps.py",
    "slotenv/encoders/unique_patches.py": (
        "encoders/test_window_hashes.py encoders/test_row_cache.py"
    ),
    "slotenv/environments": "test_environments.py test_environment_messages.py",
    "slotenv/environments/atari.py": "test_atari_stack.py",
    "slotenv/checks.py": "test_checks.py test_frames.py sb3/test_stack.py",
    "slotenv/extractor.py": "sb3/test_extractor.py test_old_folders.py",
    "slotenv/labels": "labels/test_tables.py",
    "slotenv/labels/base.py": "labels/test_tables.py",
    "pretrain/upkeep/poke.py": "pretrain/upkeep/test_judge.py",
    "slotenv/objectives/__init__.py": "objectives/test_base.py",
    "slotenv/objectives/cswm.py": "objectives/test_base.py",
    "slotenv/objectives/reconstruction.py": "objectives/test_base.py",
    "slotenv/objectives/slot_contrastive.py": "objectives/test_base.py",
    "slotenv/observations.py": "test_tracking.py test_wrapper_tracking.py test_wrapper.py",
    "slotenv/markdown.py": "probe/test_run.py pretrain/bench/results/test_tables.py",
    "slotenv/probe": "probe/test_run.py",
    "slotenv/probe/report.py": "probe/test_run.py probe/test_identity.py",
    "slotenv/probe/run.py": "probe/test_transfer.py",
    "slotenv/probe/scores.py": "probe/test_regressors.py",
    "slotenv/ready/__init__.py": "test_ready.py",
    "slotenv/sb3/wrapper.py": (
        "sb3/test_atari.py sb3/test_stack.py test_compatibility.py test_misuse.py"
    ),
    "slotenv/sb3/atari.py": "test_misuse.py",
    "slotenv/sb3/extractor.py": "sb3/test_extractor_checks.py",
    "slotenv/set_extractor.py": "sb3/test_set_extractor.py",
    "slotenv/lazy_encoder.py": "test_wrapper_spec.py test_wrapper_threads.py test_misuse.py",
    "slotenv/sb3": "sb3/test_wrapper.py",
    "slotenv/vector.py": "test_vector_infos.py test_vector_atari.py",
    "slotenv/wrapper.py": "test_wrapper_tracking.py",
    "slotenv/zoo/__init__.py": "test_zoo.py test_misuse.py",
    "slotenv/zoo": "test_zoo.py",
}
"""Tests, below ``tests/``, of a file or of a folder's files that have none of their own name."""

MEMORY_BYTES = 16 << 30  # A changed size must not take the machine down.
FILE_BYTES = 1 << 30
TIMES_SLOWER = 4  # Tests that take so much longer than without the change hang.
LEAST_SECONDS = 30.0
PASSED, NO_TESTS = 0, 5  # of pytest's exit codes

_LOADED_ONCE = (
    "torch",
    "torch.distributed",
    "torch.utils.tensorboard",
    "numpy",
    "scipy.ndimage",
    "scipy.optimize",
    "cv2",
    "sklearn.linear_model",
    "gymnasium",
    "ale_py",
    "stable_baselines3",
    "safetensors.torch",
    "huggingface_hub",
    "pydantic",
    "tyro",
    "rich.console",
    "rich.progress",
    "blosc2",
    "matplotlib.pyplot",
    "jinja2",
    "PIL.Image",
    "lightning_fabric",
    "pytest",
)


def sources() -> list[Path]:
    """Return the files that are changed, from the root of the project."""
    paths = (path.relative_to(ROOT) for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
    return sorted(path for path in paths if not any(path.match(table) for table in TABLES))


def tests_of(source: Path) -> list[str]:
    """Return the tests of a file.

    Args:
        source: From the root of the project.

    Returns:
        Of ``slotenv/a/b.py``: ``tests/a/test_b.py``, what :data:`OTHER_NAMES` says of it or of a
        folder around it; else every test that imports it. Then :data:`EVERYWHERE`.

    Raises:
        ValueError: If there are none of its own.
    """
    inside = source.relative_to("slotenv") if source.parts[0] == "slotenv" else source
    found = [f"tests/{inside.with_name(f'test_{inside.name}').as_posix()}"]
    found += [f"tests/{name}" for name in OTHER_NAMES.get(source.as_posix(), "").split()]
    tests = _present(found) or _importing(source)
    for folder in source.parents:
        if not tests:
            names = OTHER_NAMES.get(folder.as_posix(), "").split()
            tests = _present([f"tests/{name}" for name in names])
    if not tests:
        raise ValueError(
            f"{source} has no tests: write {found[0]}, or name others in OTHER_NAMES of "
            f"{Path(__file__).name}"
        )
    return tests + _present(EVERYWHERE)


def _present(names: Iterable[str]) -> list[str]:
    return [name for name in names if (ROOT / name).exists()]


def _importing(source: Path) -> list[str]:
    """Return the tests that import a file, by its name in their text."""
    module = ".".join(source.with_suffix("").parts)
    needle = re.compile(rf"\b{re.escape(module)}\b")
    paths = sorted((ROOT / "tests").rglob("test_*.py"))
    return [p.relative_to(ROOT).as_posix() for p in paths if needle.search(p.read_text())]


class Copy:
    """A copy of the project in which tests run, each run in a fork of this process.

    The libraries that the project stands on are imported here once, the project itself never: a
    fork reads it from the copy as it then is.

    Args:
        folder: Where the copy is made.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.temporary = folder / "tmp"
        self.log = folder / "log"
        self._seconds: dict[tuple[str, ...], float] = {}
        leave = shutil.ignore_patterns("__pycache__", ".*_cache")
        for name in COPIED:
            source, target = ROOT / name, self.root / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=leave)
            elif source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        for name in _LOADED_ONCE:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)

    def seconds_of(self, tests: list[str]) -> float:
        """Return how long tests take without a change.

        Raises:
            RuntimeError: If they do not pass.
        """
        key = tuple(tests)
        if key not in self._seconds:
            start = time.monotonic()
            code = self._run(tests, LEAST_SECONDS * 20, compiled=True)
            if code != PASSED:
                raise RuntimeError(f"{' '.join(tests)} fail without a change:\n{self.tail()}")
            self._seconds[key] = time.monotonic() - start
        return self._seconds[key]

    def notices(self, path: str, changed: bytes, tests: list[str]) -> bool:
        """Return whether tests fail, or hang, once a file is changed."""
        limit = max(LEAST_SECONDS, TIMES_SLOWER * self.seconds_of(tests))
        file = self.root / path
        kept, times = file.read_bytes(), file.stat()
        file.write_bytes(changed)
        # Another time than the original's: else Python may take its compiled form.
        os.utime(file, (times.st_atime, times.st_mtime + 1))
        try:
            code = self._run(tests, limit)
        finally:
            file.write_bytes(kept)
            os.utime(file, (times.st_atime, times.st_mtime))
        if code == NO_TESTS:
            raise RuntimeError(f"{' '.join(tests)}: no tests ran:\n{self.tail()}")
        return code != PASSED

    def tail(self) -> str:
        """Return the end of what the last tests printed."""
        return self.log.read_text(errors="replace")[-3000:]

    def _run(self, tests: list[str], limit: float, *, compiled: bool = False) -> int:
        """Return the exit code of pytest, negative for a signal, -SIGKILL for a hang.

        Args:
            tests: Files of tests, from the root of the project.
            limit: Seconds.
            compiled: Whether what is imported is kept compiled for the runs that follow.
        """
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir()
        child = os.fork()
        if child == 0:
            self._be_pytest(tests, compiled)
        done, status, end = 0, 0, time.monotonic() + limit
        try:
            while not done and time.monotonic() < end:
                time.sleep(0.02)
                done, status = os.waitpid(child, os.WNOHANG)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # also what the tests left running
        if not done:
            os.waitpid(child, 0)
            return -signal.SIGKILL
        return os.waitstatus_to_exitcode(status)

    def _be_pytest(self, tests: list[str], compiled: bool) -> None:
        code = 70
        try:
            os.setpgid(0, 0)
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(self.root)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
            os.environ |= {
                "PYTHONPATH": str(self.root),
                "PYTHONDONTWRITEBYTECODE": "" if compiled else "1",
                "TMPDIR": str(self.temporary),
                "HOME": str(self.temporary),
            }
            sys.dont_write_bytecode = not compiled
            sys.path[0] = str(self.root)
            # Processes that tests start would read this script again, and not find its neighbours.
            sys.modules["__main__"] = ModuleType("__main__")
            pytest = importlib.import_module("pytest")
            options = ["-x", "-q", "-n0", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
            code = int(pytest.main([*options, f"--basetemp={self.temporary / 'pytest'}", *tests]))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
