"""Configs for RL Baselines3 Zoo: its algorithms on slots, without a line of code.

A game's ready-made encoder is taken unless the environment variable ``SLOTENV_ENCODER`` names
another::

    pip install "slotenv[zoo]"
    export SLOTENV_ENCODER=runs/pong  # may be left out
    python -m rl_zoo3.train --algo ppo --env PongNoFrameskip-v4 -conf slotenv.zoo.ppo

``slotenv.zoo.dqn`` is the one for DQN. :data:`PPO_YAML` is the path of a YAML file with the same
settings as ``slotenv.zoo.ppo``, to copy and change. An encoder that was pretrained on
``ALE/Pong-v5`` goes with ``--env ALE/Pong-v5``, one pretrained on ``Pong`` with
``--env PongNoFrameskip-v4``.
"""

from pathlib import Path

from slotenv.zoo.wrapping import VARIABLE, encoder_from_environment, with_slots

PPO_YAML = str(Path(__file__).with_name("ppo.yml"))

__all__ = ["PPO_YAML", "VARIABLE", "encoder_from_environment", "with_slots"]
