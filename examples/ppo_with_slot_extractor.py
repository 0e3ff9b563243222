"""PPO on frames with a pretrained encoder as its features extractor, frozen or fine-tuned.

    python examples/ppo_with_slot_extractor.py
    python examples/ppo_with_slot_extractor.py --encoder runs/pong --finetune

The encoder is saved with the agent. Frozen, it encodes each frame several times: the wrapper of
``ppo_on_slots.py`` is faster then, and the extractor needs no encoder over its slots.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

import slotenv
from slotenv.encoders import SlotMapEncoder


def main() -> None:
    """Train and save an agent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--env", default="ALE/Pong-v5", help="any pixel environment")
    parser.add_argument("--encoder", help="folder or hub id; default: the package's of this game")
    parser.add_argument("--finetune", action="store_true", help="let PPO train the encoder, too")
    parser.add_argument("--attention", action="store_true", help="read slots with attention")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--out", default="ppo_with_slot_extractor.zip")
    parser.add_argument("--quick", action="store_true", help="a minute's try, even without encoder")
    options = parser.parse_args()

    folder = options.encoder or slotenv.ready.find(options.env)
    if folder is None:
        if not options.quick:
            parser.error("give --encoder (python -m pretrain run makes one), or --quick")
        folder = Path(tempfile.mkdtemp()) / "untrained"
        preset = slotenv.preset_for(options.env)
        SlotMapEncoder(num_slots=3, slot_dim=8, preprocess=preset).save_pretrained(folder)

    preset = slotenv.SlotEncoder.from_pretrained(folder).preprocess
    # Plain frames: the policy transposes and scales them, the extractor makes slots of them.
    venv = make_vec_env(
        lambda: slotenv.make_env(options.env, preset), n_envs=1 if options.quick else 8, seed=0
    )
    model = PPO(
        "CnnPolicy",
        venv,
        policy_kwargs=slotenv.SlotExtractor.policy_kwargs(
            folder,
            frozen=not options.finetune,
            attention=options.attention,
            net_arch=[128, 128],
        ),
        n_steps=64 if options.quick else 256,
        batch_size=32 if options.quick else 512,
        n_epochs=2 if options.quick else 4,
        learning_rate=2.5e-4,
        ent_coef=0.01,
        seed=0,
        verbose=1,
        device="auto",
    )
    model.learn(128 if options.quick else options.steps)
    model.save(options.out)
    PPO.load(options.out)  # needs no encoder folder
    print(f"agent: {options.out}")


if __name__ == "__main__":
    main()
