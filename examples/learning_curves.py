"""PPO's learning curves on slots, true coordinates, untrained slots and pixels, in one game.

Each arm is one command and appends its rows; `plot` draws them all against steps and wall time:

    python examples/learning_curves.py run --arm slots --encoder pong
    python examples/learning_curves.py run --arm coordinates
    python -m pretrain run --env Pong --method random --out runs/untrained
    python examples/learning_curves.py run --arm untrained --encoder runs/untrained
    python examples/learning_curves.py run --arm pixels
    python examples/learning_curves.py plot

The arms: slots with motion from an encoder, held if they say where they are, normalised if not; the
game's true coordinates from RAM in the same units, the upper bound; the slots of an encoder before
training; 84 x 84 grey frames, four stacked, with SB3's usual Atari settings. All play the same
game: frame skip 4, no sticky actions, rewards clipped for learning and counted in full. Pretraining
is counted as the encoder's provenance says, collection at 2,000 frames a second.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import gymnasium as gym
import numpy as np
import torch
import tyro
from gymnasium.spaces import Box
from matplotlib.figure import Figure
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    VecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
)

from slotenv import SlotEncoder
from slotenv.environments import atari_game, make_env, preset_for, read_ram
from slotenv.labels import labels_for
from slotenv.sb3 import make_slot_vec_env
from slotenv.tracking import VELOCITY_STEPS

ARMS = {
    "slots": ("slots, pretrained without labels", "#0072B2"),
    "coordinates": ("true coordinates from RAM", "#009E73"),
    "untrained": ("slots of the untrained encoder", "#999999"),
    "pixels": ("pixels (CnnPolicy)", "#D55E00"),
}
_LOG_STEPS = 10_000
_ENVS = 8
_EVALUATED = 16
_COLLECTED_PER_SECOND = 2_000


@dataclass(frozen=True, kw_only=True)
class Run:
    """Train one arm."""

    arm: Literal["slots", "coordinates", "untrained", "pixels"]
    """What the agent sees."""
    game: str = "Pong"
    """Atari game."""
    encoder: str | None = None
    """Encoder for the arms slots and untrained."""
    steps: int = 800_000
    """Environment steps; the learning rate falls to 0 over them."""
    minutes: float | None = None
    """Stop after this much wall time, if the steps are not done by then."""
    seed: int = 0
    """Seed of agent and environments."""
    out: Path = Path("runs/learning_curves.jsonl")
    """Rows are appended here; refused if some of the same run are there already."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Draw all rows."""

    rows: Path = Path("runs/learning_curves.jsonl")
    """Where the arms left their rows."""
    out: Path = Path("runs/learning_curves.png")
    """Picture to write."""


class Coordinates(gym.ObservationWrapper[NDArray[np.float32], int, NDArray[np.uint8]]):
    """Place, presence and velocity of every labelled object, from RAM.

    A hidden object stays where it was last seen, as slots do with ``hold``.
    """

    def __init__(self, env: gym.Env[NDArray[np.uint8], int], game: str) -> None:
        super().__init__(env)
        self._labels = labels_for(game, "pixel")
        self._half = np.array([(80.0 if axis == "x" else 105.0) for axis in self._labels.axes])
        size = len(self._labels.names)
        self._place, self._seen = np.zeros(size), np.zeros(size, np.bool_)
        self.observation_space = Box(-np.inf, np.inf, (3 * size,), np.float32)

    def reset(self, **kwargs: Any) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Reset; nothing has been seen or has moved yet."""
        _, info = self.env.reset(**kwargs)
        self._place, self._seen = np.zeros_like(self._place), np.zeros_like(self._seen)
        return self.observation(None), info

    def observation(self, observation: Any) -> NDArray[np.float32]:
        """Return place, presence and velocity, in the units of slots."""
        ram = read_ram(self.env)
        assert ram is not None
        values, seen = (rows[0] for rows in self._labels.read(ram[None]))
        place = np.where(seen, 5 * (values / self._half - 1.0), self._place)
        velocity = np.where(seen & self._seen, VELOCITY_STEPS * (place - self._place), 0.0)
        self._place, self._seen = place, seen
        return np.concatenate([place, seen, velocity]).astype(np.float32)


class Curve(BaseCallback):
    """Writes mean return and length of the last 50 games now and then; keeps the time limit."""

    def __init__(self, run: Run, before: float) -> None:
        super().__init__()
        self._run, self._before = run, before
        self._next, self._seconds, self._began = 0, 0.0, time.monotonic()

    def _on_step(self) -> bool:
        self._seconds = time.monotonic() - self._began
        if self.num_timesteps >= self._next and self.model.ep_info_buffer:
            self._next = self.num_timesteps + _LOG_STEPS
            games = list(self.model.ep_info_buffer)[-50:]
            self.append([game["r"] for game in games], [game["l"] for game in games])
        return self._run.minutes is None or self._seconds < 60 * self._run.minutes

    def append(self, returns: list[float], lengths: list[int], *, evaluated: bool = False) -> None:
        """Append a row about these games: of learning, or of the agent that came of it."""
        model: Any = self.model
        row = {
            "game": self._run.game,
            "arm": self._run.arm,
            "seed": self._run.seed,
            "planned": self._run.steps,
            "rollout": model.n_steps,
            "entropy": model.ent_coef,
            "steps": self.num_timesteps,
            "seconds": round(self._seconds, 1),
            "pretraining_seconds": round(self._before, 1),
            "return": float(np.mean(returns)),
            "games": len(returns),
            "length": float(np.mean(lengths)),
            "evaluated": evaluated,
        }
        with open(self._run.out, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def falling(start: float) -> Callable[[float], float]:
    """Return a schedule that falls linearly from ``start`` to 0."""
    return lambda remaining: start * remaining


def vector_settings() -> dict[str, Any]:
    """Return PPO's settings for the arms that see vectors."""
    return {
        "policy": "MlpPolicy",
        "n_steps": 512,
        "batch_size": 512,
        "n_epochs": 10,
        "learning_rate": falling(5e-4),
        "ent_coef": 0.03,
        "policy_kwargs": {"net_arch": [256, 256], "activation_fn": torch.nn.ReLU},
    }


def pixel_settings() -> dict[str, Any]:
    """Return the usual settings for pixels, as in rl-zoo3."""
    return {
        "policy": "CnnPolicy",
        "n_steps": 128,
        "batch_size": 256,
        "n_epochs": 4,
        "learning_rate": falling(2.5e-4),
        "clip_range": falling(0.1),
        "ent_coef": 0.01,
        "vf_coef": 0.5,
    }


def build(run: Run) -> tuple[VecEnv, float]:
    """Return the environments, and the seconds spent before PPO starts."""
    if run.arm == "pixels":
        game = atari_game(run.game)
        venv = make_atari_env(f"{game}NoFrameskip-v4", n_envs=_ENVS, seed=run.seed)
        return VecFrameStack(venv, 4), 0.0
    if run.arm == "coordinates":
        preset = preset_for(run.game, "scn")
        envs = DummyVecEnv([lambda: Coordinates(make_env(run.game, preset), run.game)] * _ENVS)
        envs.seed(run.seed)
        return VecMonitor(envs), 0.0
    if run.encoder is None:
        raise SystemExit(f"--arm {run.arm} needs --encoder: make one with python -m pretrain run")
    encoder = SlotEncoder.from_pretrained(run.encoder)
    hold = encoder.slot_fields is not None
    slots = make_slot_vec_env(run.game, run.encoder, n_envs=_ENVS, seed=run.seed, hold=hold)
    made = encoder.provenance
    before = 0.0
    if run.arm == "slots":
        before = made.get("train_seconds", 0.0) + made.get("frames", 0) / _COLLECTED_PER_SECOND
    return slots if hold else VecNormalize(slots, norm_reward=False), before


def train(run: Run) -> None:
    """Train one arm and append its rows."""
    if (run.arm, run.steps, run.seed) in set(map(_run_of, read_rows(run.out))):
        raise SystemExit(
            f"{run.out} has rows of this run already, which would be mixed up with new ones: "
            "choose another --seed or another --out, or delete those rows"
        )
    run.out.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(run.seed)
    venv, before = build(run)
    settings = pixel_settings() if run.arm == "pixels" else vector_settings()
    model = PPO(env=venv, seed=run.seed, device="cpu", **settings)
    curve = Curve(run, before)
    model.learn(run.steps, callback=curve)
    if isinstance(venv, VecNormalize):
        venv.training = False
    found: Any = evaluate_policy(
        model, venv, n_eval_episodes=_EVALUATED, return_episode_rewards=True
    )
    curve.append(*found, evaluated=True)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of all runs, none if there is no file."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    try:
        return [json.loads(line) for line in text.splitlines()]
    except json.JSONDecodeError as error:
        raise SystemExit(f"{path} is damaged ({error}): mend or delete its last line") from error


def plot(config: Plot) -> None:
    """Draw return against steps and against minutes; a dot is the agent evaluated at the end."""
    rows = read_rows(config.rows)
    if not rows:
        raise SystemExit(f"{config.rows} has no rows yet: run an arm until some games have ended")
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    by_steps, by_time = figure.subplots(1, 2, sharey=True)
    for run, own in itertools.groupby(sorted(rows, key=_run_of), key=_run_of):
        label, colour = ARMS[run[0]]
        rows_of_run = sorted(own, key=lambda row: float(row["steps"]))
        part = [row for row in rows_of_run if not row.get("evaluated")]
        final = [row for row in rows_of_run if row.get("evaluated")]
        for axes, place in ((by_steps, _million_steps), (by_time, _minutes)):
            returns = [row["return"] for row in part]
            axes.plot(list(map(place, part)), returns, color=colour, label=label)
            ends = [row["return"] for row in final]
            axes.plot(list(map(place, final)), ends, "o", color=colour)
    by_steps.set(xlabel="million environment steps", ylabel="return, mean of the last 50 games")
    by_time.set(xlabel="minutes of wall time, pretraining counted")
    for axes in (by_steps, by_time):
        axes.grid(alpha=0.3)
    handles, labels = by_steps.get_legend_handles_labels()
    by_label = dict(zip(labels, handles, strict=True))  # one entry for all runs of a kind
    figure.legend(by_label.values(), by_label, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(f"PPO on {rows[0]['game']}")
    figure.savefig(config.out, dpi=130)
    print(config.out)


def _million_steps(row: dict[str, Any]) -> float:
    return float(row["steps"]) / 1e6


def _minutes(row: dict[str, Any]) -> float:
    """Return the wall time up to a row, pretraining counted."""
    return float(row["seconds"] + row["pretraining_seconds"]) / 60


def _run_of(row: dict[str, Any]) -> tuple[str, int, int]:
    """Return what one run's rows share."""
    return row["arm"], row["planned"], row["seed"]


if __name__ == "__main__":
    verb = tyro.cli(
        Annotated[Run, tyro.conf.subcommand("run")] | Annotated[Plot, tyro.conf.subcommand("plot")]
    )
    plot(verb) if isinstance(verb, Plot) else train(verb)
