"""Running an example as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
STUDIES = EXAMPLES / "studies"


def run(script: str, folder: Path, *more: str, ignore: str | None = None) -> str:
    """Run an example in a folder and return what it printed; ``ignore`` allows a warning."""
    support = str(Path(__file__).parent)
    warnings = ["-W", "error", *(["-W", f"ignore:{ignore}"] if ignore else [])]
    done = subprocess.run(
        [sys.executable, *warnings, str(EXAMPLES / script), *more],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": support},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
