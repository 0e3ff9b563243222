"""PPO on slots in one file, in the style of CleanRL: PyTorch alone, on ALE's vector environment.

    python examples/cleanrl_ppo_slots.py --game pong --total-timesteps 1000000

The frames of all environments are encoded in one batch. Slots come with their motion, and hidden
objects stay where they were last seen. ``--logdir runs/cleanrl`` writes curves for TensorBoard.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from ale_py.roms import get_all_rom_ids
from ale_py.vector_env import AtariVectorEnv
from gymnasium.spaces import Discrete
from torch import Tensor, nn
from torch.distributions import Categorical
from torch.utils.tensorboard import SummaryWriter

from slotenv.vector import ObjectSlotObservation


@dataclass
class Args:
    """PPO on slots of an Atari game."""

    game: str = "pong"
    """Game as ale-py names its ROM, such as ms_pacman."""
    encoder: str | None = None
    """Folder or hub id of an encoder; default: the one that comes with the package."""
    total_timesteps: int = 1_000_000
    """Steps of all environments together."""
    learning_rate: float = 5e-4
    """At the start; it falls to 0 in a line."""
    num_envs: int = 8
    """Games that are played at a time."""
    num_steps: int = 512
    """Steps of each game between two updates."""
    gamma: float = 0.99
    """Discount."""
    gae_lambda: float = 0.95
    """Lambda of the generalised advantage estimate."""
    update_epochs: int = 10
    """Passes over the steps in an update."""
    minibatch_size: int = 512
    """Steps in a gradient step."""
    clip_coef: float = 0.2
    """Clip range of the policy's ratio."""
    ent_coef: float = 0.03
    """Weight of the entropy."""
    vf_coef: float = 0.5
    """Weight of the value's loss."""
    max_grad_norm: float = 0.5
    """Upper limit of the gradient's norm."""
    seed: int = 0
    """Decides the games and the agent."""
    logdir: Path | None = None
    """Where curves for TensorBoard go; default: nowhere."""
    out: Path = Path("cleanrl_ppo_slots.pt")
    """Where the agent's weights go."""
    quick: bool = False
    """Two short updates, to see everything run."""


class Agent(nn.Module):
    """An actor and a critic on flat slots (B, N)."""

    def __init__(self, inputs: int, actions: int) -> None:
        super().__init__()
        self.critic = nn.Sequential(*hidden(inputs), layer(256, 1, std=1.0))
        self.actor = nn.Sequential(*hidden(inputs), layer(256, actions, std=0.01))

    def forward(self, obs: Tensor) -> tuple[Categorical, Tensor]:
        """Return the distribution of actions and the values (B,)."""
        return Categorical(logits=self.actor(obs)), self.critic(obs).squeeze(-1)


def hidden(inputs: int) -> list[nn.Module]:
    """Return two hidden layers of 256."""
    return [layer(inputs, 256), nn.ReLU(), layer(256, 256), nn.ReLU()]


def layer(inputs: int, outputs: int, std: float = 2**0.5) -> nn.Linear:
    """Return a linear layer with orthogonal weights and no bias at the start."""
    linear = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(linear.weight, std)
    nn.init.zeros_(linear.bias)
    return linear


def make_envs(args: Args) -> ObjectSlotObservation:
    """Return the games, seen as flat slots; an ended one starts anew within the same step."""
    envs = AtariVectorEnv(
        args.game,
        args.num_envs,
        img_height=210,
        img_width=160,
        grayscale=False,
        stack_num=1,
        reward_clipping=False,
        autoreset_mode="SameStep",
    )
    # The wrapper knows the game of environments that were made by gymnasium.make_vec only.
    encoder = args.encoder or args.game
    return ObjectSlotObservation(envs, encoder, flatten=True, motion=True, hold=True)


def advantages_of(rewards: Tensor, dones: Tensor, values: Tensor, args: Args) -> Tensor:
    """Return the generalised advantage estimate (T, n).

    Args:
        rewards: (T, n) of each step.
        dones: (T, n) whether the episode ended with the step.
        values: (T + 1, n) of what was seen before each step, and after the last.
        args: Discounts.
    """
    advantages = torch.zeros_like(rewards)
    last = torch.zeros_like(rewards[0])
    for t in reversed(range(len(rewards))):
        goes_on = 1.0 - dones[t]
        delta = rewards[t] + args.gamma * goes_on * values[t + 1] - values[t]
        last = advantages[t] = delta + args.gamma * args.gae_lambda * goes_on * last
    return advantages


def update(
    agent: Agent, optimizer: torch.optim.Optimizer, steps: dict[str, Tensor], args: Args
) -> None:
    """Go over the steps, each (B, ...), some times."""
    for _ in range(args.update_epochs):
        order = torch.randperm(len(steps["obs"]))
        for start in range(0, len(order), args.minibatch_size):
            rows = order[start : start + args.minibatch_size]
            part = {name: values[rows] for name, values in steps.items()}
            policy, values = agent(part["obs"])
            ratio = (policy.log_prob(part["actions"]) - part["log_probs"]).exp()
            gain = part["advantages"]
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            clipped = ratio.clamp(1 - args.clip_coef, 1 + args.clip_coef)
            policy_loss = -torch.min(gain * ratio, gain * clipped).mean()
            value_loss = 0.5 * (values - part["returns"]).square().mean()
            entropy = policy.entropy().mean()
            loss = policy_loss + args.vf_coef * value_loss - args.ent_coef * entropy
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
            optimizer.step()


def main(args: Args) -> None:
    """Train an agent and save it."""
    if args.game not in get_all_rom_ids():
        raise SystemExit(f"ale-py has no ROM {args.game!r}: name it like ms_pacman")
    if args.quick:
        args.num_envs, args.num_steps, args.minibatch_size, args.total_timesteps = 2, 32, 32, 128
    torch.manual_seed(args.seed)
    writer = None if args.logdir is None else SummaryWriter(str(args.logdir))
    envs = make_envs(args)
    shape = (args.num_steps, args.num_envs)
    (inputs,) = envs.single_observation_space.shape or ()
    assert isinstance(envs.single_action_space, Discrete)
    agent = Agent(inputs, int(envs.single_action_space.n))
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)

    obs = torch.zeros((*shape, inputs))
    actions = torch.zeros(shape, dtype=torch.int64)
    log_probs, rewards, dones = torch.zeros(shape), torch.zeros(shape), torch.zeros(shape)
    values = torch.zeros((args.num_steps + 1, args.num_envs))
    running, finished = np.zeros(args.num_envs), deque[float](maxlen=20)
    next_obs = torch.from_numpy(envs.reset(seed=args.seed)[0])
    start, per_update = time.perf_counter(), args.num_envs * args.num_steps
    num_updates = args.total_timesteps // per_update
    for i in range(num_updates):
        optimizer.param_groups[0]["lr"] = (1 - i / num_updates) * args.learning_rate
        for t in range(args.num_steps):
            obs[t] = next_obs
            with torch.no_grad():
                policy, values[t] = agent(next_obs)
                actions[t] = policy.sample()
                log_probs[t] = policy.log_prob(actions[t])
            seen, reward, terminated, truncated, _ = envs.step(actions[t].numpy())
            next_obs, done = torch.from_numpy(seen), terminated | truncated
            rewards[t] = torch.from_numpy(np.sign(reward))
            dones[t] = torch.from_numpy(done)
            running += reward
            finished.extend(running[done].tolist())
            running[done] = 0
        with torch.no_grad():
            values[-1] = agent(next_obs)[1]
        advantages = advantages_of(rewards, dones, values, args)
        steps = {
            "obs": obs,
            "actions": actions,
            "log_probs": log_probs,
            "advantages": advantages,
            "returns": advantages + values[:-1],
        }
        update(agent, optimizer, {k: v.flatten(0, 1) for k, v in steps.items()}, args)
        step = (i + 1) * per_update
        speed = step / (time.perf_counter() - start)
        mean = float(np.mean(finished)) if finished else None
        said = (
            "no game has ended" if mean is None else f"return {mean:.1f} over {len(finished)} games"
        )
        print(f"step {step:,}: {said}, {speed:.0f} steps/s")
        if writer is not None:
            if mean is not None:
                writer.add_scalar("charts/episodic_return", mean, step)
            writer.add_scalar("charts/SPS", speed, step)
    envs.close()
    torch.save(agent.state_dict(), args.out)
    print(f"agent: {args.out}")


if __name__ == "__main__":
    main(tyro.cli(Args))
