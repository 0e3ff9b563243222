"""Whether an environment shows the game, and makes its frames, that an encoder was trained on.

In all of these, ``user`` is the name of the class that asks, for messages; ``env_id`` an
environment's name in any form, and ``trained_on`` that of an encoder's ``provenance["env_id"]``,
both None where unknown.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import Space
from gymnasium.error import ClosedEnvironmentError
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from slotenv.frames import FramePreset

_SKIPS = {  # wrapper class -> attribute that holds its skip; each pools frames, ours if so told
    "AtariStack": "frame_skip",
    "MaxAndSkipEnv": "_skip",  # Stable-Baselines3
    "MaxAndSkipObservation": "_skip",  # Gymnasium
    "AtariPreprocessing": "frame_skip",  # Gymnasium
}
_KNOWN = ("gymnasium", "stable_baselines3", "slotenv")
"""Packages whose wrappers step once, but for those above."""

_WRAPPERS = (
    "slotenv.ObjectSlotObservation for a gymnasium.Env, slotenv.vector.ObjectSlotObservation for a "
    "gymnasium.vector.VectorEnv, slotenv.sb3.VecObjectSlotObservation for a VecEnv of "
    "Stable-Baselines3"
)

_CHECKED_STEPS = 8
"""Steps after which frame numbers have told enough: a skip drawn anew each time shows in that many.
Later ones are not looked at, for there are wrappers that act more often now and then."""


def check_wrapped(env: object, kind: type, *, user: str) -> None:
    """Raise a TypeError unless an environment is of the kind that a wrapper is for."""
    if not isinstance(env, kind):
        raise TypeError(
            f"{user} wraps one {kind.__module__.partition('.')[0]}.{kind.__name__}, got "
            f"{type(env).__name__}. There is {_WRAPPERS}."
        )


def check_open(closed: bool, *, user: str) -> None:
    """Raise a ClosedEnvironmentError if an environment was closed."""
    if closed:
        raise ClosedEnvironmentError(f"{user}: this environment was closed: make a new one")


def check_count(actions: Any, count: int, space: Space[Any], *, user: str) -> None:
    """Raise a ValueError unless there is one action of this space for each environment."""
    shape = np.shape(actions)
    if shape[:1] != (count,) or (isinstance(space, Discrete) and len(shape) > 1):
        raise ValueError(
            f"{user} needs one action for each of {count} environments, got an array of shape "
            f"{shape}"
        )


def check_game(env_id: str | None, trained_on: str | None, *, user: str) -> None:
    """Warn of frames of another game than an encoder was trained on.

    Frames of most Atari games have one shape, so that nothing else would tell. Other versions of an
    environment count as the same one.

    Warns:
        UserWarning: If both are known and differ.
    """
    if env_id is None or trained_on is None or env_id == trained_on:
        return
    here, there = _plain_name(env_id), _plain_name(trained_on)
    if here == there:
        return
    # A game and an environment of that name are told apart by their ids.
    shown, trained = (here[1], there[1]) if here[1] != there[1] else (env_id, trained_on)
    warnings.warn(
        f"{user}: this encoder was trained on {trained}, these are frames of {shown}: its slots "
        f"will hold nothing that belongs together. Take an encoder of {shown}, or pretrain one: "
        "python -m pretrain run --env ...",
        UserWarning,
        stacklevel=3,
    )


def check_environments(
    envs: Iterable[gym.Env[Any, Any]], preset: FramePreset, trained_on: str | None, *, user: str
) -> None:
    """Compare the games of environments and how they make their frames with an encoder's.

    Each game among them counts. A preset that is not Atari's says nothing of how frames are made;
    what wrappers from elsewhere do cannot be seen: :class:`FrameNumberCheck` tells.

    Raises:
        ValueError: If an agent step is another number of emulator frames.

    Warns:
        UserWarning: If only one of the two takes the maximum of two emulator frames, or the game is
            another.
    """
    games: dict[str, None] = {}
    ways: dict[tuple[int | str | None, bool | None], gym.Env[Any, Any]] = {}
    for env in envs:
        if env.spec is not None:
            games[env.spec.id] = None
        if preset.is_atari and getattr(env.unwrapped, "ale", None) is not None:
            ways.setdefault(_skip_and_pooling(env), env)
    for env_id in games:
        check_game(env_id, trained_on, user=user)
    for (skip, pooled), env in ways.items():
        compare_frames(skip, pooled, preset, user=user, hint=make_env_hint(env))


def make_env_hint(env: gym.Env[Any, Any]) -> str:
    """Return what to do about frames made in another way, for messages."""
    env_id = env.spec.id if env.spec is not None else "ALE/Pong-v5"
    return f'slotenv.make_env("{env_id}", encoder.preprocess) builds the right environment.'


def compare_frames(
    skip: int | str | None, pooled: bool | None, preset: FramePreset, *, user: str, hint: str
) -> None:
    """Compare a frame skip and pooling, None where unknown, as :func:`check_environments` does."""
    if skip is not None and skip != preset.frame_skip:
        raise ValueError(
            f"{user}: this encoder was trained on frames {preset.frame_skip} emulator frames apart "
            f"(preset {preset.name!r}), these are {skip} apart. {hint}"
        )
    if pooled is not None and pooled != preset.max_pool:
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

    It decides for wrappers that cannot be seen or are not known. It looks at the first steps, where
    each environment tells how many frames its episode has had. ``hint`` says what to do about other
    frames, for the message.
    """

    def __init__(self, preset: FramePreset, *, user: str, hint: str | None = None) -> None:
        self._preset, self._user = preset, user
        self._hint = hint or f"Make the environment with a frame skip of {preset.frame_skip}."
        self._numbers: NDArray[Any] | None = None
        self._to_check = _CHECKED_STEPS if preset.is_atari else 0

    @property
    def is_open(self) -> bool:
        """Whether there are steps left to look at."""
        return self._to_check > 0

    def reset(self, numbers: Any = None) -> None:
        """Start from these frame numbers (n,), or forget the step before."""
        self._numbers = None if numbers is None else np.asarray(numbers)

    def step(self, numbers: Any, ended: NDArray[np.bool_]) -> None:
        """Take note of a step.

        Args:
            numbers: (n,) frames since the start of each episode, below 0 where that is not known;
                or None.
            ended: (n,) episodes that ended with this step, perhaps before its last frame.

        Raises:
            ValueError: If a step took another number of frames.
        """
        if not self.is_open or numbers is None:
            return
        before, self._numbers = self._numbers, np.where(ended, -1, numbers)
        if before is None:
            return
        going = (before >= 0) & (self._numbers >= 0)
        self._to_check -= bool(going.any())
        skips = (numbers - before)[going]
        other = skips[skips != self._preset.frame_skip]
        if len(other):
            compare_frames(int(other[0]), None, self._preset, user=self._user, hint=self._hint)


def _plain_name(env_id: str) -> tuple[bool, str]:
    """Return whether it is an Atari game, and its name: of others without module and version."""
    # Only here: it loads ale_py, which who has other environments may go without.
    from slotenv.environments import UnknownEnvironment, atari_game

    try:
        game = atari_game(env_id)
    except UnknownEnvironment:  # a bare word that is no game
        game = None
    return game is not None, game or re.sub(r"-v\d+$", "", env_id.rpartition(":")[2])


def _skip_and_pooling(env: gym.Env[Any, Any]) -> tuple[int | str | None, bool | None]:
    """Return emulator frames per step (in words if random), and whether frames are pooled.

    Each is None where a wrapper from elsewhere may have a part in it.
    """
    own: Any = getattr(env.unwrapped, "_frameskip", 1)
    skip, pooled, known = 1, False, True
    while isinstance(env, gym.Wrapper):
        factor, pools = _factor(env)
        skip, pooled = skip * factor, pooled or pools
        known = known and type(env).step.__module__.split(".")[0] in _KNOWN
        env = env.env
    if not known:
        # Whoever skips on top of an emulator that skips cannot pool frames that follow each other.
        return None, pooled if pooled or own != 1 else None
    if isinstance(own, int):
        return skip * own, pooled
    low, high = own  # drawn anew each step, the upper end excluded
    return f"{skip * low} to {skip * (high - 1)} (random)", pooled


def _factor(layer: gym.Wrapper[Any, Any, Any, Any]) -> tuple[int, bool]:
    """Return how many steps a wrapper takes in one, and whether it pools their frames."""
    for cls in type(layer).__mro__:
        if (attribute := _SKIPS.get(cls.__name__)) is not None:
            skip = int(getattr(layer, attribute))
            return skip, skip > 1 and getattr(layer, "max_pool", True)
    return 1, False
