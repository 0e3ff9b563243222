"""PPO's learning curves on slots, true coordinates, untrained slots and pixels.

    python examples/studies/learning_curves.py run
    python examples/studies/learning_curves.py run --games Boxing Freeway --seeds 0 1 2
    python examples/studies/learning_curves.py plot

What an agent sees is an arm (``learning_curve_arms.py``): slots with motion, held; the game's true
coordinates from RAM in the same units, the upper bound; the slots of a network before training;
84 x 84 grey frames, four stacked, with SB3's usual Atari settings. All play the same games: frame
skip 4, no sticky actions, rewards clipped for learning and counted in full. Pretraining is counted
as the encoder's provenance says, collection at 2,000 frames a second.

Runs are done one after the other and append their rows to one file. One that was stopped goes on
where it was a minute ago, with games that begin anew; one that is done is skipped.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, cast

import numpy as np
import torch
import tyro
from learning_curve_arms import ARMS, Seen
from matplotlib.figure import Figure
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecNormalize
from typing_extensions import TypedDict

from pretrain.runtime.resumable import Row
from slotenv import records
from slotenv.environments import atari_game

_LOG_STEPS = 10_000
_SAVE_SECONDS = 60
_EVALUATED = 16

_Row = TypedDict(
    "_Row",
    {
        "game": str,
        "arm": str,
        "seed": records.Count,
        "planned": records.Count,
        "steps": records.Count,
        "seconds": float,
        "pretraining_seconds": float,
        "return": float,
        "evaluated": bool,
    },
)
_Row.__pydantic_config__ = records.OPEN  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class Study:
    """Train every arm in every game with every seed."""

    games: tuple[str, ...] = ("Pong",)
    """Atari games."""
    arms: tuple[Literal["slots", "coordinates", "untrained", "pixels"], ...] = (
        "slots",
        "coordinates",
        "untrained",
        "pixels",
    )
    """What agents see."""
    seeds: tuple[int, ...] = (0,)
    """Seeds of agent and games."""
    encoder: str | None = None
    """Encoder of the slots; by default the one for the game that the package has."""
    steps: int = 800_000
    """Environment steps of a run; the learning rate falls to 0 over them."""
    minutes: float = 30.0
    """A run ends after this much wall time, pretraining not counted, if its steps are not done."""
    out: Path = Path("runs/learning_curves.jsonl")
    """Rows are appended here; a folder beside it keeps what an unfinished run needs to go on."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Draw all rows."""

    rows: Path = Path("runs/learning_curves.jsonl")
    """Where runs left their rows."""
    out: Path = Path("runs/learning_curves.png")
    """Picture to write."""


class Run(NamedTuple):
    """One agent."""

    game: str
    arm: str
    seed: int
    planned: int

    @classmethod
    def of(cls, row: Row) -> Run:
        """Return the run that a row is of."""
        return cls(*(row[field] for field in cls._fields))


class Checkpoint:
    """An unfinished run on disk.

    Args:
        study: Where.
        run: Which.
    """

    def __init__(self, study: Study, run: Run) -> None:
        folder = study.out.with_suffix("")
        self._agent = folder / f"{'-'.join(map(str, run))}.zip"
        self._scale = self._agent.with_suffix(".pkl")

    def save(self, model: PPO) -> None:
        """Save the agent and what normalises its numbers."""
        self._agent.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(scale := model.get_vec_normalize_env(), VecNormalize):
            unfinished = self._scale.with_suffix(".partial.pkl")
            scale.save(str(unfinished))
            unfinished.replace(self._scale)
        partial = self._agent.with_suffix(".partial.zip")
        model.save(partial)
        partial.replace(self._agent)

    def load_or_make(self, seen: Seen, arm: str, seed: int) -> PPO:
        """Return the saved agent, or a new one."""
        venv = seen.venv
        if seen.normalised and self._agent.exists():
            venv = VecNormalize.load(str(self._scale), venv)
        elif seen.normalised:
            venv = VecNormalize(venv, norm_reward=False)
        if self._agent.exists():
            return PPO.load(self._agent, env=venv, device="cpu")
        return PPO(env=venv, seed=seed, device="cpu", **ARMS[arm].settings())

    def remove(self) -> None:
        """Delete what is there."""
        for path in (self._agent, self._scale):
            path.unlink(missing_ok=True)
        if self._agent.parent.is_dir() and not any(self._agent.parent.iterdir()):
            self._agent.parent.rmdir()


class Curve(BaseCallback):
    """Writes mean return and length of the last 50 games now and then; keeps the time limit.

    Args:
        study: Says how long, and where rows go.
        run: What the rows are of.
        pretraining_seconds: What came before PPO.
        seconds: Wall time that the run has had so far.
    """

    def __init__(self, study: Study, run: Run, pretraining_seconds: float, seconds: float) -> None:
        super().__init__()
        self._study, self._run = study, run
        self._before, self._seconds = pretraining_seconds, seconds
        self._began = time.monotonic() - seconds
        self._next, self._saved = 1, seconds
        self._checkpoint = Checkpoint(study, run)

    def _on_training_start(self) -> None:
        self._next = self.num_timesteps + 1  # a row of these steps is there if it goes on

    def _on_rollout_start(self) -> None:
        """Log and save between rollouts, where the agent has learned from all that it played."""
        if self.num_timesteps < self._next or not self.model.ep_info_buffer:
            return
        self._next = self.num_timesteps + _LOG_STEPS
        self._seconds = time.monotonic() - self._began
        games = list(self.model.ep_info_buffer)[-50:]
        self.append([game["r"] for game in games], [game["l"] for game in games])
        if self._seconds - self._saved > _SAVE_SECONDS:
            assert isinstance(self.model, PPO)
            self._checkpoint.save(self.model)
            self._saved = self._seconds

    def _on_step(self) -> bool:
        self._seconds = time.monotonic() - self._began
        return self._seconds < 60 * self._study.minutes

    def append(self, returns: list[float], lengths: list[int], *, evaluated: bool = False) -> None:
        """Append a row about these games: of learning, or of the agent that came of it."""
        row = self._run._asdict() | {
            "steps": self.num_timesteps,
            "seconds": round(self._seconds, 1),
            "pretraining_seconds": round(self._before, 1),
            "return": float(np.mean(returns)),
            "games": len(returns),
            "length": float(np.mean(lengths)),
            "evaluated": evaluated,
        }
        with open(self._study.out, "a", encoding="utf-8") as file:
            file.write(records.dumps(row) + "\n")


def train(study: Study, run: Run) -> None:
    """Train one agent, or go on with it, and append its rows."""
    torch.manual_seed(run.seed)
    seen = ARMS[run.arm].see(run.game, run.seed, study.encoder)
    checkpoint = Checkpoint(study, run)
    model = checkpoint.load_or_make(seen, run.arm, run.seed)
    done = model.num_timesteps
    rows = read_rows(study.out)
    kept = [row for row in rows if Run.of(row) != run or row["steps"] <= done]
    if len(kept) < len(rows):  # of what came after the agent was saved
        records.write_lines(study.out, kept)
    seconds = max((row["seconds"] for row in kept if Run.of(row) == run), default=0.0)
    curve = Curve(study, run, seen.seconds, seconds)
    if done < run.planned:
        model.learn(run.planned - done, callback=curve, reset_num_timesteps=not done)
    venv = model.get_env()
    assert venv is not None
    if isinstance(venv, VecNormalize):
        venv.training = False
    found: Any = evaluate_policy(
        model, venv, n_eval_episodes=_EVALUATED, return_episode_rewards=True
    )
    curve.append(*found, evaluated=True)
    checkpoint.remove()
    venv.close()
    print(f"{' '.join(map(str, run))}: {np.mean(found[0]):.1f}", flush=True)


def study_all(study: Study) -> None:
    """Train all that is not done yet."""
    games = {name: atari_game(name) for name in study.games}
    if wrong := [name for name, game in games.items() if game is None]:
        raise SystemExit(f"no Atari games: {', '.join(wrong)}")
    study.out.parent.mkdir(parents=True, exist_ok=True)
    for game, arm, seed in itertools.product(games.values(), study.arms, study.seeds):
        run = Run(str(game), arm, seed, study.steps)
        if any(row["evaluated"] and Run.of(row) == run for row in read_rows(study.out)):
            print(f"{' '.join(map(str, run))}: done before", flush=True)
        else:
            train(study, run)


def read_rows(path: Path) -> list[Row]:
    """Return the rows of all runs, none if there is no file."""
    if not path.exists():
        return []
    try:
        return cast(list[Row], records.read_lines(path, _Row, remedy="mend or delete that line"))
    except records.Damaged as error:
        raise SystemExit(str(error)) from error


def plot(config: Plot) -> None:
    """Draw return against steps and against minutes; a dot is the agent evaluated at the end."""
    rows = sorted(read_rows(config.rows), key=lambda row: (Run.of(row), row["steps"]))
    if not rows:
        raise SystemExit(f"{config.rows} has no rows yet: run an arm until some games have ended")
    games = list(dict.fromkeys(row["game"] for row in rows))
    figure = Figure(figsize=(11, 0.8 + 4 * len(games)), layout="constrained")
    handles = {}
    for game, (by_steps, by_time) in zip(
        games, figure.subplots(len(games), 2, sharey="row", squeeze=False), strict=True
    ):
        for run, own in itertools.groupby((r for r in rows if r["game"] == game), key=Run.of):
            of_run, arm = list(own), ARMS[run.arm]
            for evaluated, style in ((False, "-"), (True, "o")):
                part = [row for row in of_run if row["evaluated"] == evaluated]
                returns = [row["return"] for row in part]
                steps = [row["steps"] / 1e6 for row in part]
                minutes = [(row["seconds"] + row["pretraining_seconds"]) / 60 for row in part]
                for axes, places in ((by_steps, steps), (by_time, minutes)):
                    (drawn,) = axes.plot(places, returns, style, color=arm.colour, linewidth=1.2)
                    if not evaluated:
                        handles[arm.title] = drawn  # one entry for all runs of an arm
        by_steps.set(xlabel="million environment steps", ylabel=f"{game}: return")
        by_time.set(xlabel="minutes of wall time, pretraining counted")
        for axes in (by_steps, by_time):
            axes.grid(alpha=0.3)
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle("PPO: mean of the last 50 games, and the finished agent over 16 games (dot)")
    figure.savefig(config.out, dpi=130)
    print(config.out)


if __name__ == "__main__":
    verb = tyro.cli(
        Annotated[Study, tyro.conf.subcommand("run")]
        | Annotated[Plot, tyro.conf.subcommand("plot")]
    )
    plot(verb) if isinstance(verb, Plot) else study_all(verb)
