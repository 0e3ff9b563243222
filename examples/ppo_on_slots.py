"""PPO on slots: the agent of the README's curves, from an encoder to a film.

    python examples/ppo_on_slots.py
    python -m pretrain watch --encoder pong --env Pong --agent ppo_on_slots.zip --hold --out p.gif

Slots are encoded in the environments, once per step and in one batch, with velocity, and hidden
objects stay where they were last seen.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy

import slotenv
from slotenv import SlotEncoder, SlotExtractor, ready
from slotenv.encoders import SlotMapEncoder
from slotenv.environments import game_key
from slotenv.sb3 import make_slot_vec_env


def main() -> None:
    """Train, evaluate and save an agent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="Pong", help="any pixel environment")
    parser.add_argument("--encoder", help="folder or hub id; default: the package's of this game")
    parser.add_argument("--steps", type=int, default=800_000)
    parser.add_argument("--attention", action="store_true", help="read slots with attention")
    parser.add_argument("--out", type=Path, default=Path("ppo_on_slots.zip"))
    parser.add_argument("--quick", action="store_true", help="a minute's try, even without encoder")
    options = parser.parse_args()

    game = game_key(options.env) or ""
    if options.encoder or game in ready.names():
        encoder = SlotEncoder.from_pretrained(options.encoder or game)
    elif options.quick:  # untrained slots, only to see everything run
        preset = slotenv.preset_for(options.env)
        encoder = SlotMapEncoder(num_slots=3, slot_dim=8, preprocess=preset)
    else:
        parser.error("give --encoder (python -m pretrain run makes one), or --quick")

    make = partial(
        make_slot_vec_env,
        options.env,
        encoder,
        n_envs=2 if options.quick else 8,
        hold=encoder.slot_fields is not None,
        flatten=not options.attention,
    )
    venv = make(seed=0)
    model = PPO(
        "MlpPolicy",
        venv,
        policy_kwargs=(
            SlotExtractor.policy_kwargs(attention=True)
            if options.attention
            else {"net_arch": [256, 256], "activation_fn": torch.nn.ReLU}
        ),
        n_steps=128 if options.quick else 512,
        batch_size=64 if options.quick else 512,
        n_epochs=10,
        learning_rate=lambda left: 5e-4 * left,
        ent_coef=0.03,
        seed=0,
        verbose=1,
        device="cpu",
    )
    model.learn(256 if options.quick else options.steps)
    model.save(options.out)
    if not options.quick:
        games = make(seed=1000, training=False)
        mean, std = evaluate_policy(model, games, n_eval_episodes=16)
        print(f"return: {mean:.1f} +- {std:.1f} over 16 games")
    print(f"agent: {options.out}")


if __name__ == "__main__":
    main()
