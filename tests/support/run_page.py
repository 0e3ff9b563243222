"""Runs the Python of a page or notebook, in one namespace: ``run_page.py docs/slots.md``.

What takes long is cut short: Stable-Baselines3's ``learn`` and ``evaluate_policy``, and the budgets
of ``pretrain``. Everything else runs as it stands, and a warning is an error. An error names the
line of the page, or the cell. If the page reads the encoder ``runs/pong``, it finds Pong's there.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import shutil
import sys
import types
import warnings
from pathlib import Path
from typing import Any

from doc_pages import blocks_of, cells_of

STEPS = 16  # a learning, and a rollout of each environment


def run_page(page: str) -> None:
    """Run the blocks that are not marked as run elsewhere."""
    if page.endswith(".ipynb"):
        blocks = list(cells_of(page))
        stand_in_for_jupyter()
    else:
        blocks = [block for block in blocks_of(page) if block.language == "python"]
        blocks = [block for block in blocks if block.run_by is None]
    sources = "\n".join(block.source for block in blocks)
    if "runs/pong" in sources:
        from slotenv import ready

        shutil.copytree(ready.folder("pong"), "runs/pong")
    if "stable_baselines3" in sources:
        cut_stable_baselines3()
    if "pretrain" in sources:
        cut_pretrain()
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    for block in blocks:
        lines, name = block.source, f"{page}, cell {block.line}"
        if page.endswith(".md"):
            lines, name = "\n" * (block.line - 1) + lines, page  # lines counted as the page does
        exec(compile(lines, name, "exec", dont_inherit=True), vars(main))


def stand_in_for_jupyter() -> None:
    """Draw without a screen, and let pictures be shown by reading them."""
    os.environ["MPLBACKEND"] = "agg"
    display: Any = types.ModuleType("IPython.display")
    display.Image = lambda name: Path(name).read_bytes()
    sys.modules["IPython.display"] = display


def cut_stable_baselines3() -> None:
    """Let agents learn, and be evaluated, for a few steps."""
    from stable_baselines3.common import evaluation
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

    set_up, make = BaseAlgorithm._setup_learn, OnPolicyAlgorithm._setup_model

    @functools.wraps(set_up)
    def short_learning(self: Any, total_timesteps: int, *args: Any, **kwargs: Any) -> Any:
        return set_up(self, min(total_timesteps, STEPS), *args, **kwargs)

    @functools.wraps(make)
    def small_rollout(self: Any) -> None:
        self.n_steps = min(self.n_steps, STEPS)
        if hasattr(self, "n_epochs"):
            self.n_epochs = 1
        make(self)

    evaluate = evaluation.evaluate_policy

    @functools.wraps(evaluate)
    def short_evaluation(*args: Any, **kwargs: Any) -> Any:
        steps = itertools.count(1)

        def end_soon(*_: Any) -> None:
            if next(steps) >= STEPS:
                raise StopIteration

        try:
            return evaluate(*args, **{"callback": end_soon, **kwargs})
        except StopIteration:  # no game has ended: nothing was scored
            return ([0.0], [STEPS]) if kwargs.get("return_episode_rewards") else (0.0, 0.0)

    BaseAlgorithm._setup_learn = short_learning
    OnPolicyAlgorithm._setup_model = small_rollout
    evaluation.evaluate_policy = short_evaluation


def cut_pretrain() -> None:
    """Make budgets small, and collect in this process."""
    config = importlib.import_module("pretrain.config")
    tiny = config.Budget(frames=1_000, updates=4, probe_frames=600)
    config.BUDGETS.update(dict.fromkeys(config.BUDGETS, tiny))
    importlib.import_module("pretrain.data.collect").usable_cores = lambda: 1


if __name__ == "__main__":
    warnings.simplefilter("error")
    sys.path[0] = os.getcwd()  # as for a script that lies in the folder
    Path("runs").mkdir()
    run_page(sys.argv[1])
