"""The two lines that turn a game into an agent that sees slots, for every algorithm and form.

    python tests/support/two_lines.py --env ALE/Pong-v5 --steps 3000

trains the agents, moves what they saved, and compares what they do with what they do when they are
loaded in a new process, without the encoder's folder if one was given.
"""

# ruff: noqa: T201

from __future__ import annotations

import argparse
import inspect
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import ale_py
import gymnasium as gym
import numpy as np
import stable_baselines3
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack

from slotenv import ObjectSlotObservation, SlotExtractor

gym.register_envs(ale_py)

SETTINGS: dict[str, dict[str, Any]] = {
    "PPO": {"n_steps": 64, "batch_size": 32, "n_epochs": 2},
    "A2C": {"n_steps": 8},
    "DQN": {"buffer_size": 400, "learning_starts": 32, "target_update_interval": 50},
}
NOTHING_MORE = {"features_extractor_class": SlotExtractor}
FORMS: dict[str, tuple[str, dict[str, bool] | None, int, dict[str, Any]]] = {
    # policy, arguments of the wrapper (None: frames), frames stacked, policy_kwargs
    "slots": ("MlpPolicy", {}, 1, NOTHING_MORE),
    "flat": ("MlpPolicy", {"flatten": True}, 1, NOTHING_MORE),
    "motion": ("MlpPolicy", {"motion": True}, 1, NOTHING_MORE),
    "stacked": ("MlpPolicy", {}, 4, NOTHING_MORE),
    "dict": ("MultiInputPolicy", {"keep_pixels": True}, 1, NOTHING_MORE),
    "dict-stacked": ("MultiInputPolicy", {"keep_pixels": True, "flatten": True}, 2, NOTHING_MORE),
    "attention": ("MlpPolicy", {}, 1, SlotExtractor.policy_kwargs(attention=True)),
    "frames": ("CnnPolicy", None, 1, {}),
    "frames-attention": ("CnnPolicy", None, 2, {"attention": True}),
}
SEEN = 16  # observations on which a loaded agent is compared

# In a process that imports nothing of ours: a saved agent must bring what it needs.
LOAD = """
import sys
import numpy as np, stable_baselines3, torch
torch.set_num_threads(1)
for path in sys.argv[1:]:
    seen = dict(np.load(path.replace(".zip", ".npz")))
    model = getattr(stable_baselines3, path.split("-")[0]).load(path, device="cpu")
    np.save(path.replace(".zip", ".npy"), scores_of(model, seen.pop("array", seen)))
"""


def scores_of(model, seen):
    """Return Q-values or logits of the actions, (B, A)."""
    observations, _ = model.policy.obs_to_tensor(seen)
    if hasattr(model, "q_net"):
        return model.q_net(observations).detach().numpy()
    return model.policy.get_distribution(observations).distribution.logits.detach().numpy()


def make(
    algorithm: str, form: str, env_id: str, encoder: Path | None
) -> tuple[BaseAlgorithm, VecEnv]:
    """Return an agent that has not learned yet, and its environment."""
    policy, shown, stack, kwargs = FORMS[form]

    def one() -> gym.Env[Any, Any]:
        env = gym.make(env_id)
        return env if shown is None else ObjectSlotObservation(env, encoder, **shown)

    venv: VecEnv = DummyVecEnv([one])
    if shown is None:
        kwargs = SlotExtractor.policy_kwargs(encoder, env=venv, **kwargs)
    if stack > 1:
        venv = VecFrameStack(venv, stack)
    build = getattr(stable_baselines3, algorithm)
    settings = {"seed": 0, "device": "cpu", **SETTINGS[algorithm]}
    return build(policy, venv, policy_kwargs=kwargs, **settings), venv


def train(algorithm: str, form: str, out: Path, *, steps: int, **made: Any) -> tuple[str, Any]:
    """Train and save an agent with some observations; return its path and scores of them."""
    model, venv = make(algorithm, form, **made)
    model.learn(steps)
    seen = [venv.reset()]
    for _ in range(SEEN - 1):
        actions, _ = model.predict(seen[-1])
        seen.append(venv.step(actions)[0])
    venv.close()
    arrays = (
        {name: np.concatenate([one[name] for one in seen]) for name in seen[0]}
        if isinstance(seen[0], dict)
        else {"array": np.concatenate(seen)}
    )
    path = out / f"{algorithm}-{form}.zip"
    model.save(path)
    np.savez(path.with_suffix(".npz"), **arrays)
    return path.name, scores_of(model, arrays.pop("array", arrays))


def load(names: list[str], folder: Path) -> dict[str, Any]:
    """Return the scores that agents give in a new process, which is started in their folder."""
    command = [sys.executable, "-c", inspect.getsource(scores_of) + LOAD, *names]
    subprocess.run(command, cwd=folder, check=True, timeout=600)
    return {name: np.load(folder / name.replace(".zip", ".npy")) for name in names}


def main() -> None:
    """Print a line for each agent: its speed, and how far its scores are when it is loaded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="ALE/Pong-v5", help="an environment with an encoder")
    parser.add_argument(
        "--encoder", type=Path, help="a folder; default: the package's of this game"
    )
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--forms", nargs="+", choices=FORMS, default=list(FORMS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        out, moved = Path(work) / "out", Path(work) / "moved"
        out.mkdir()
        expected = {}
        made = {"env_id": options.env, "encoder": options.encoder, "steps": options.steps}
        for algorithm in SETTINGS:
            for form in options.forms:
                start = time.perf_counter()
                name, scores = train(algorithm, form, out, **made)
                expected[name] = scores
                speed = options.steps / (time.perf_counter() - start)
                print(f"{name:28} learned, {speed:.0f} steps/s", flush=True)
        out.rename(moved)
        for name, scores in load(list(expected), moved).items():
            difference = np.abs(scores - expected[name]).max()
            print(f"{name:28} loaded, scores differ by {difference:g}")


if __name__ == "__main__":
    main()
