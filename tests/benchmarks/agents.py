"""Environment steps per second of agents on slots, beside an agent on pixels, in one run.

Eight games of Pong in one process, frame skip 4. Frames are encoded on one thread; policies act and
learn on as many as PyTorch takes. Run it on an otherwise idle machine: ``make benchmarks``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import ale_py
import numpy as np
import torch
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, VecMonitor

import slotenv.vector
from slotenv import ObjectSlotObservation, SlotEncoder, SlotExtractor, lazy_encoder, make_env
from slotenv.encoders import ObjectEncoder, SlotMapEncoder
from slotenv.frames import SCN
from slotenv.lazy_encoder import one_thread
from slotenv.sb3 import AtariVecEnv, make_slot_vec_env

GAME, GAMES = "Pong", 8
SLOTS = {
    "policy": "MlpPolicy",
    "n_steps": 512,
    "batch_size": 512,
    "n_epochs": 10,
    "policy_kwargs": {"net_arch": [256, 256], "activation_fn": torch.nn.ReLU},
}
"""PPO as in slotenv.zoo."""
EXTRACTOR = {"policy": "CnnPolicy", "n_steps": 256, "batch_size": 512, "n_epochs": 4}
"""PPO as in examples/ppo_with_slot_extractor.py."""
PIXELS = {"policy": "CnnPolicy", "n_steps": 128, "batch_size": 256, "n_epochs": 4}
"""PPO as in rl-zoo3's settings for Atari."""


class Table:
    """Prints a row with each measurement; the first is what the others are compared with."""

    def __init__(self) -> None:
        self._base: float | None = None
        print("\n| | steps/s | beside PPO on pixels |\n|---|---|---|")

    def add(self, what: str, speed: float) -> None:
        """Print a row."""
        self._base = self._base or speed
        print(f"| {what} | {speed:,.0f} | {speed / self._base:.2f} |", flush=True)


class Clock:
    """Adds up the seconds spent in functions."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def around(self, owner: Any, method: str, name: str) -> None:
        """Count what a method of an object takes, under a name."""
        work = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return work(*args, **kwargs)
            finally:
                spent = time.perf_counter() - start
                self.seconds[name] = self.seconds.get(name, 0.0) + spent

        setattr(owner, method, timed)


def rate(step: Callable[[NDArray[np.int64]], object], steps: int) -> float:
    """Return environment steps per second under random actions."""
    rng = np.random.default_rng(0)
    actions = rng.integers(6, size=(steps // GAMES + 20, GAMES))
    for row in actions[:20]:
        step(row)
    start = time.perf_counter()
    for row in actions[20:]:
        step(row)
    return (len(actions) - 20) * GAMES / (time.perf_counter() - start)


def learning_rate(
    venv: VecEnv, settings: dict[str, Any], steps: int, clock: Clock | None = None
) -> float:
    """Return the environment steps per second of PPO."""
    model = PPO(env=venv, seed=0, device="cpu", **settings)
    if clock is not None:
        clock.around(model, "learn", "all")
        clock.around(model, "train", "update")
    start = time.perf_counter()
    model.learn(steps)
    seconds = time.perf_counter() - start
    venv.close()
    return model.num_timesteps / seconds


def one_by_one(wrap: Callable[[Any], Any], steps: int) -> float:
    """Step games one after the other, each with its own wrapper."""
    envs = [wrap(make_env(GAME, SCN)) for _ in range(GAMES)]
    for seed, env in enumerate(envs):
        env.reset(seed=seed)

    def step(actions: NDArray[np.int64]) -> None:
        for env, action in zip(envs, actions, strict=True):
            _, _, terminated, truncated, _ = env.step(int(action))
            if terminated or truncated:
                env.reset()

    return rate(step, steps)


def vector(wrap: Callable[[Any], Any], steps: int) -> float:
    """Step Gymnasium's vector environment."""
    envs = wrap(SyncVectorEnv([partial(make_env, GAME, SCN)] * GAMES))
    envs.reset(seed=0)
    return rate(envs.step, steps)


def venv_rate(venv: VecEnv, steps: int) -> float:
    """Step a VecEnv of Stable-Baselines3."""
    venv.reset()
    found = rate(venv.step, steps)
    venv.close()
    return found


def fitted() -> ObjectEncoder:
    """Fit an encoder of objects to 2,000 frames of random play."""
    venv, rng = AtariVecEnv(GAME, GAMES, preset=SCN), np.random.default_rng(0)
    venv.seed(0)
    frames: Any = venv.reset()
    now, following = [], []
    for i in range(1_000):
        before = frames
        frames, _, dones, _ = venv.step(rng.integers(6, size=GAMES))
        if i % 4 == 0:
            now.append(before[~dones])
            following.append(frames[~dones])
    venv.close()
    start = time.perf_counter()
    with one_thread():
        encoder = ObjectEncoder.from_frames(
            np.concatenate(now), preprocess=SCN, next_frames=np.concatenate(following)
        )
    print(f"objects: K = {encoder.num_slots}, fitted in {time.perf_counter() - start:.0f} s")
    return encoder.eval()


def without_slots(table: Table, steps: int, learned: int) -> None:
    """Measure PPO on pixels, and bare games."""
    atari = make_atari_env(f"{GAME}NoFrameskip-v4", n_envs=GAMES, seed=0)
    pixels = VecFrameStack(atari, 4)
    table.add("PPO, CnnPolicy on 84 x 84 x 4", learning_rate(pixels, PIXELS, learned))
    table.add("bare games, 210 x 160 RGB", one_by_one(lambda env: env, steps))
    table.add("bare games, gymnasium's SyncVectorEnv", vector(lambda envs: envs, steps))
    games = AtariVecEnv(GAME, GAMES, preset=SCN)
    table.add("bare games, AtariVecEnv", venv_rate(games, steps))


def with_slots(table: Table, name: str, encoder: SlotEncoder, steps: int, learned: int) -> str:
    """Measure every way from games to slots and to PPO; return where PPO's time goes."""
    around = partial(ObjectSlotObservation, encoder=encoder)
    table.add(f"{name}: ObjectSlotObservation around each", one_by_one(around, steps))
    batched = partial(slotenv.vector.ObjectSlotObservation, encoder=encoder)
    table.add(f"{name}: slotenv.vector.ObjectSlotObservation", vector(batched, steps))
    fast = partial(make_slot_vec_env, GAME, encoder, n_envs=GAMES)
    table.add(f"{name}: make_slot_vec_env", venv_rate(fast(), steps))
    with tempfile.TemporaryDirectory() as folder:
        encoder.save_pretrained(Path(folder) / "encoder")
        kwargs = SlotExtractor.policy_kwargs(Path(folder) / "encoder", net_arch=[128, 128])
        frames = VecMonitor(AtariVecEnv(GAME, GAMES, preset=SCN))
        settings = {**EXTRACTOR, "policy_kwargs": kwargs}
        extracted = learning_rate(frames, settings, learned)
    clock, venv = Clock(), fast()
    for method in ("step_async", "step_wait", "reset"):
        clock.around(venv.unwrapped, method, "environment")
    clock.around(lazy_encoder, "run", "encoding")
    slots = learning_rate(venv, SLOTS, learned, clock)
    table.add(f"{name}: PPO, MlpPolicy on make_slot_vec_env", slots)
    table.add(f"{name}: PPO, CnnPolicy with SlotExtractor", extracted)
    return shares(name, clock.seconds)


def shares(name: str, seconds: dict[str, float]) -> str:
    """Return a table row of where the time goes, in percent."""
    parts = [seconds[key] for key in ("environment", "encoding", "update")]
    parts.insert(2, seconds["all"] - sum(parts))
    return f"| {name} | " + " | ".join(f"{100 * p / seconds['all']:.0f}" for p in parts) + " |"


def main() -> None:
    """Print both tables."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6_000, help="steps without learning")
    parser.add_argument("--learned", type=int, default=4_096, help="steps of PPO")
    parser.add_argument("--threads", type=int, help="of policies; PyTorch's choice by default")
    options = parser.parse_args()
    threads = options.threads or torch.get_num_threads()
    torch.set_num_threads(threads)
    print(
        f"{GAMES} games of {GAME}, {os.cpu_count()} cores, {threads} threads for policies",
        flush=True,
    )
    torch.manual_seed(0)
    encoders: dict[str, SlotEncoder] = {
        "objects": fitted(),
        "untrained SCN": SlotMapEncoder(num_slots=3, slot_dim=32, preprocess=SCN).eval(),
    }
    table = Table()
    without_slots(table, options.steps, options.learned)
    spent = [
        with_slots(table, name, encoder, options.steps, options.learned)
        for name, encoder in encoders.items()
    ]
    print("\nWhere PPO's time goes on make_slot_vec_env, in percent:\n")
    print("| | environment | encoding | policy in the rollout | update |\n|---|---|---|---|---|")
    print("\n".join(spent))


if __name__ == "__main__":
    main()
