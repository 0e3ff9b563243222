"""PPO on slots, for ``python -m rl_zoo3.train --algo ppo -conf slotenv.zoo.ppo``.

The settings of the agent on slots in ``examples/studies/learning_curves.py``, for slots that say
where their object is; others have no usual scale and want rl-zoo3's ``normalize`` as well.
"""

from typing import Any

from torch import nn

from slotenv.zoo import encoder_from_environment

_PPO: dict[str, Any] = {
    "env_wrapper": [
        {"slotenv.zoo.with_slots": {"encoder": encoder_from_environment(), "motion": True}}
    ],
    "policy": "MlpPolicy",
    "policy_kwargs": {"net_arch": [256, 256], "activation_fn": nn.ReLU},
    "n_envs": 8,
    "n_timesteps": 1e7,
    "n_steps": 512,
    "batch_size": 512,
    "n_epochs": 10,
    "learning_rate": "lin_5e-4",  # falls to 0
    "ent_coef": 0.03,
}

hyperparams = {"atari": _PPO, "default": dict(_PPO)}
