"""PPO on slots: the wrapper around each environment, and an ordinary MlpPolicy.

    python -m pretrain run --env ALE/Pong-v5 --out runs/pong
    python examples/ppo_on_slots.py --encoder runs/pong
    python -m pretrain watch --encoder runs/pong --agent ppo_on_slots.zip --out ppo.gif

``slotenv.sb3.make_slot_vec_env`` makes a faster environment for many millions of steps.
"""

from __future__ import annotations

import argparse
from typing import Any

import gymnasium as gym
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import slotenv
from slotenv.encoders import SlotMapEncoder
from slotenv.set_extractor import SlotSetExtractor


def main() -> None:
    """Train, evaluate and save an agent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="ALE/Pong-v5", help="any pixel environment")
    parser.add_argument("--encoder", help="encoder folder, run folder or hub id")
    parser.add_argument("--steps", type=int, default=10_000_000)
    parser.add_argument("--attention", action="store_true", help="read slots with attention")
    parser.add_argument("--out", default="ppo_on_slots.zip")
    parser.add_argument("--quick", action="store_true", help="a minute's try, even without encoder")
    options = parser.parse_args()

    encoder: slotenv.SlotEncoder
    if options.encoder:
        encoder = slotenv.SlotEncoder.from_pretrained(options.encoder)
    elif options.quick:  # untrained slots, only to see everything run
        preset = slotenv.preset_for(options.env)
        encoder = SlotMapEncoder(num_slots=3, slot_dim=8, preprocess=preset)
    else:
        parser.error("give --encoder (python -m pretrain run makes one), or --quick")

    def make() -> gym.Env[Any, Any]:
        env = slotenv.make_env(options.env, encoder.preprocess)
        return slotenv.ObjectSlotObservation(env, encoder, motion=True)  # (K, 2D): slots, change

    venv = make_vec_env(make, n_envs=2 if options.quick else 8, seed=0)
    model = PPO(
        "MlpPolicy",
        venv,
        policy_kwargs=(
            SlotSetExtractor.policy_kwargs() if options.attention else {"net_arch": [128, 128]}
        ),
        n_steps=128 if options.quick else 256,
        batch_size=64 if options.quick else 512,
        n_epochs=6,
        learning_rate=lambda left: 7e-4 * left,
        ent_coef=0.01,
        seed=0,
        verbose=1,
        device="cpu",
    )
    model.learn(256 if options.quick else options.steps)
    model.save(options.out)
    if not options.quick:
        mean, std = evaluate_policy(model, venv, n_eval_episodes=10)
        print(f"return: {mean:.1f} +- {std:.1f} over 10 episodes")
    print(f"agent: {options.out}")


if __name__ == "__main__":
    main()
