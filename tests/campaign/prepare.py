"""What every part needs first: one thread, tests/support on the path, inputs made once."""

from __future__ import annotations

import atexit
import importlib
import os
import pkgutil
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
if not _ONE_THREAD.items() <= os.environ.items():
    # Threads do not survive a fork, and NumPy has read these by now: start again with them.
    os.environ.update(_ONE_THREAD, PYTHONHASHSEED="0", MPLBACKEND="agg")
    os.execv(sys.executable, [sys.executable, *sys.argv])
_ROOT = Path(__file__).resolve().parents[2]
for _path in (_ROOT, _ROOT / "tests" / "support"):
    sys.path.insert(0, str(_path))
    os.environ["PYTHONPATH"] = f"{_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"

import torch  # noqa: E402
from children import Child  # noqa: E402

_MAKING = 600.0  # seconds for the inputs
_COLD = (
    *("pretrain.__main__", "pretrain.bench.cluster"),
    *("slotenv.zoo", "slotenv.rllib", "slotenv.torchrl"),
)
"""These run, bring in Ray, or want a variable of the environment or an extra."""

torch.set_num_threads(1)


def working_folder(given: Path | None) -> Path:
    """Return a folder to work in: the one given, or one in memory that is deleted at the end."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        return given.resolve()
    memory = Path("/dev/shm")
    made = tempfile.mkdtemp(prefix="campaign-", dir=memory if memory.is_dir() else None)
    mine = os.getpid()

    def remove() -> None:
        if os.getpid() == mine:  # not when a forked child ends
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return Path(made)


def warm() -> None:
    """Import whatever a verb may import, so that its children need not."""
    import pretrain
    import slotenv

    for package in (slotenv, pretrain):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith(_COLD):
                importlib.import_module(found.name)
    for name in ("matplotlib.pyplot", "sklearn.linear_model", "PIL.ImageFont"):
        importlib.import_module(name)


def inputs(root: Path, names: Iterable[str]) -> Path:
    """Make what some verbs read, in a child; return the folder that is their ``in/``.

    The parent must not train itself: PyTorch's gradient threads do not survive a fork.

    Raises:
        RuntimeError: If it fails, with all that was printed.
    """

    def make(send: object) -> None:
        from verbs import make_inputs

        os.chdir(root)
        make_inputs(set(names))

    (root / "in").mkdir(exist_ok=True)
    end = Child(make, log=root / "making.txt").finish(_MAKING)
    if end.code != 0:
        raise RuntimeError(f"the inputs could not be made ({end.code}):\n{end.text}")
    return root / "in"
