"""A copy of the project in which tests run on one changed file."""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from types import ModuleType

from changes_tests import PACKAGES, ROOT

COPIED = (*PACKAGES, "tests", "examples", "pyproject.toml", "README.md", "constraints.txt")

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
