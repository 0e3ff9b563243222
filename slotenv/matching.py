"""Whether an environment shows the game, and makes its frames, that an encoder was trained on."""

from __future__ import annotations

import re
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from slotenv.frames import FramePreset

_POOLING_SKIPS = {  # wrapper class -> attribute that holds its skip; each pools the last two frames
    "MaxAndSkip": "_skip",  # ours
    "MaxAndSkipEnv": "_skip",  # Stable-Baselines3
    "MaxAndSkipObservation": "_skip",  # Gymnasium
    "AtariPreprocessing": "frame_skip",  # Gymnasium
}


def check_game(env_id: str | None, trained_on: str | None, *, user: str) -> None:
    """Warn of frames of another game than an encoder was trained on.

    Frames of all Atari games have one shape, so that nothing else would tell. Other versions of an
    environment count as the same one.

    Args:
        env_id: Where the frames come from, an environment's name in any form; None if unknown.
        trained_on: Where the encoder's came from, ``provenance["env_id"]``; None if unknown.
        user: Name of what asks, for the message.

    Warns:
        UserWarning: If both are known and differ.
    """
    if env_id is None or trained_on is None or env_id == trained_on:
        return
    if _plain_name(env_id) == _plain_name(trained_on):
        return
    warnings.warn(
        f"{user}: this encoder was trained on {_plain_name(trained_on)}, these are frames of "
        f"{_plain_name(env_id)}: its slots will hold nothing that belongs together. Take an "
        f"encoder of {_plain_name(env_id)}, or pretrain one: python -m pretrain run --env ...",
        UserWarning,
        stacklevel=3,
    )


def check_frame_skip(env: gym.Env[Any, Any], preset: FramePreset, *, user: str) -> None:
    """Compare how an Atari environment makes its frames with a preset; pass any other by.

    Args:
        env: The environment with its wrappers.
        preset: The frames that are needed; a plain one says nothing of how they are made.
        user: Name of the class that asks, for the message.

    Raises:
        ValueError: If an agent step is another number of emulator frames.

    Warns:
        UserWarning: If only one of the two takes the maximum of two emulator frames.
    """
    if getattr(env.unwrapped, "ale", None) is None or preset.name == "plain":
        return
    skip, pooled = _skip_and_pooling(env)
    env_id = env.spec.id if env.spec is not None else "ALE/Pong-v5"
    hint = f'slotenv.make_env("{env_id}", encoder.preprocess) builds the right environment.'
    compare_frames(skip, pooled, preset, user=user, hint=hint)


def compare_frames(
    skip: int | str, pooled: bool, preset: FramePreset, *, user: str, hint: str
) -> None:
    """Compare a frame skip and pooling with a preset, as :func:`check_frame_skip` does."""
    if skip != preset.frame_skip:
        raise ValueError(
            f"{user}: this encoder was trained on frames {preset.frame_skip} emulator frames apart "
            f"(preset {preset.name!r}), these are {skip} apart. {hint}"
        )
    if pooled != preset.max_pool:
        kinds = {True: "the maximum of two emulator frames", False: "single emulator frames"}
        warnings.warn(
            f"{user}: this encoder was trained on {kinds[preset.max_pool]} (preset "
            f"{preset.name!r}), these are {kinds[pooled]}: small objects may flicker or look "
            f"different. {hint}",
            UserWarning,
            stacklevel=4,
        )


class FrameNumberCheck:
    """Compares the frame skip with a preset's once steps are taken, by the emulators' own count.

    For environments whose make-up cannot be seen from outside. It looks at the first two steps
    after a reset, where each environment's info has ``episode_frame_number``.

    Args:
        preset: The frames that are needed.
        user: Name of the class that asks, for the message.
    """

    def __init__(self, preset: FramePreset, *, user: str) -> None:
        self._preset, self._user = preset, user
        self._numbers: NDArray[Any] | None = None
        self._open = preset.name != "plain"

    def reset(self) -> None:
        """Forget the step before."""
        self._numbers = None

    def step(self, numbers: Any, ended: NDArray[np.bool_]) -> None:
        """Take note of a step.

        Args:
            numbers: (n,) frames since the start of each episode, or None if that is not known.
            ended: (n,) episodes that ended with this step.

        Raises:
            ValueError: If a step took another number of frames.
        """
        if not self._open or numbers is None:
            return
        before, self._numbers = self._numbers, np.where(ended, -1, numbers)
        if before is None:
            return
        going = (before >= 0) & ~ended
        self._open = not going.any()
        skips = (numbers - before)[going]
        other = skips[skips != self._preset.frame_skip]
        if len(other):
            hint = f"Make the environment with a frame skip of {self._preset.frame_skip}."
            pooled = self._preset.max_pool
            compare_frames(int(other[0]), pooled, self._preset, user=self._user, hint=hint)


def _plain_name(env_id: str) -> str:
    """Return ALE's name of a game, and of others the id without module and version."""
    # Only here: it loads ale_py, which who has other environments may go without.
    from slotenv.environments import UnknownEnvironment, atari_game

    try:
        game = atari_game(env_id)
    except UnknownEnvironment:  # a bare word that is no game
        game = None
    return game or re.sub(r"-v\d+$", "", env_id.rpartition(":")[2])


def _skip_and_pooling(env: gym.Env[Any, Any]) -> tuple[int | str, bool]:
    """Return emulator frames per step (in words if random), and whether frames are pooled."""
    own: Any = getattr(env.unwrapped, "_frameskip", 1)
    skip, pooled = 1, False
    layer: gym.Env[Any, Any] = env
    while isinstance(layer, gym.Wrapper):
        factor = int(getattr(layer, _POOLING_SKIPS.get(type(layer).__name__, ""), 1))
        skip, pooled = skip * factor, pooled or factor > 1
        layer = layer.env
    if isinstance(own, int):
        return skip * own, pooled
    low, high = own  # drawn anew each step, the upper end excluded
    return f"{skip * low} to {skip * (high - 1)} (random)", pooled
