"""DQN on slots, for ``python -m rl_zoo3.train --algo dqn -conf slotenv.zoo.dqn``.

The zoo's settings for Atari, with slots in place of stacked grey frames.
"""

from typing import Any

from slotenv.zoo import encoder_from_environment

_DQN: dict[str, Any] = {
    "env_wrapper": [
        {"slotenv.zoo.with_slots": {"encoder": encoder_from_environment(), "motion": True}}
    ],
    "policy": "MlpPolicy",
    "policy_kwargs": {"net_arch": [128, 128]},
    "n_timesteps": 1e7,
    "buffer_size": 100_000,
    "learning_rate": 1e-4,
    "batch_size": 32,
    "learning_starts": 100_000,
    "target_update_interval": 1_000,
    "train_freq": 4,
    "gradient_steps": 1,
    "exploration_fraction": 0.1,
    "exploration_final_eps": 0.01,
}

hyperparams = {"atari": _DQN, "default": dict(_DQN)}
