"""Whether an environment shows the game, and makes its frames, that an encoder was trained on.

``user`` is the name of the class that asks, for messages; ``trained_on`` an encoder's
``provenance["env_id"]``. It and ``env_id`` may have any form, or be None where unknown.
"""

import inspect
import re
import warnings
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import Space
from gymnasium.error import ClosedEnvironmentError
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from slotenv.frames import FramePreset
from slotenv.games import in_this_process, name_of

_SKIPS = {  # wrapper class -> attribute that holds its skip; all pool frames, ours if told to
    "AtariStack": "frame_skip",
    "MaxAndSkipEnv": "_skip",  # Stable-Baselines3
    "MaxAndSkipObservation": "_skip",  # Gymnasium
    "AtariPreprocessing": "frame_skip",  # Gymnasium
}
_KNOWN = ("gymnasium", "stable_baselines3", "slotenv")
"""Packages whose other wrappers take one step in each of theirs."""

_CHECKED_STEPS = 8
"""Enough to notice a frame skip that is drawn anew for each step. Later steps are not looked at:
some wrappers act more often now and then."""


def check_wrapped(env: object, kind: type, *, user: str) -> None:
    """Raise a TypeError unless an environment is of the kind that a wrapper is for."""
    if not isinstance(env, kind):
        raise TypeError(
            f"{user} wraps one {kind.__module__.partition('.')[0]}.{kind.__name__}, got "
            f"{type(env).__name__}. There is slotenv.ObjectSlotObservation for a gymnasium.Env, "
            "slotenv.vector.ObjectSlotObservation for a gymnasium.vector.VectorEnv, "
            "slotenv.sb3.VecObjectSlotObservation for a VecEnv of Stable-Baselines3."
        )


def check_open(closed: bool, *, user: str) -> None:
    """Raise a ClosedEnvironmentError if an environment was closed."""
    if closed:
        raise ClosedEnvironmentError(f"{user}: this environment was closed: make a new one")


def check_actions(actions: Any, count: int, space: Space[Any], *, user: str) -> None:
    """Raise a ValueError unless there is one action per environment and, if numbers, it exists.

    Environments in processes or threads would die or never answer.
    """
    shape = np.shape(actions)
    if shape[:1] != (count,) or (isinstance(space, Discrete) and len(shape) > 1):
        raise ValueError(
            f"{user} needs one action for each of {count} environments, got an array of shape "
            f"{shape}"
        )
    if isinstance(space, Discrete):
        first, past = int(space.start), int(space.start + space.n)
        odd = [action for action in np.ravel(actions).tolist() if not first <= action < past]
        if odd:
            raise ValueError(f"{user} needs actions from {first} to {past - 1}, got {odd[0]}")


def check_game(env_id: str | None, trained_on: str | None, *, user: str) -> None:
    """Warn if an encoder was trained on another game; versions of an environment are the same."""
    if env_id is None or trained_on is None or env_id == trained_on:
        return
    here, there = _plain_name(env_id), _plain_name(trained_on)
    if here == there:
        return
    # A game and an environment of that name are told apart by their ids.
    shown, trained = (here[1], there[1]) if here[1] != there[1] else (env_id, trained_on)
    warnings.warn(
        f"{user}: this encoder was trained on {trained}, these are frames of {shown}: its slots "
        f"mean nothing here. Take an encoder of {shown}, or pretrain one: "
        "python -m pretrain run --env ...",
        UserWarning,
        stacklevel=3,
    )


def check_vector(env: Any, preset: FramePreset, trained_on: str | None, *, user: str) -> None:
    """Compare games and frames of many environments with an encoder's, where they can be seen.

    ``env`` is a ``VectorEnv``, or a ``VecEnv`` of Stable-Baselines3, without its wrappers.
    """
    if envs := in_this_process(env):
        check_environments(envs, preset, trained_on, user=user)
        return
    classes = {cls.__name__: cls for cls in type(env).__mro__}
    spec = getattr(env, "spec", None)
    check_game(None if spec is None else spec.id, trained_on, user=user)
    if not preset.is_atari:
        return
    if "AsyncVectorEnv" in classes:
        known = trained_on if spec is None else None  # else it was compared above
        with env.env_fns[0]() as example:  # as AsyncVectorEnv itself does to learn the spaces
            check_environments([example], preset, known, user=user)
    elif "AtariVecEnv" in classes:  # ours
        made = env.preset
        hint = "Give AtariVecEnv preset=encoder.preprocess."
        compare_frames(made.frame_skip, made.max_pool, preset, user=user, hint=hint)
    elif "AtariVectorEnv" in classes and spec is not None:  # ale-py's, by gymnasium.make_vec
        defaults = inspect.signature(classes["AtariVectorEnv"]).parameters
        skip, pooled = (
            spec.kwargs.get(key, defaults[key].default) for key in ("frameskip", "maxpool")
        )
        hint = f"Pass frameskip={preset.frame_skip}, maxpool={bool(preset.max_pool)} to make_vec."
        compare_frames(skip, pooled, preset, user=user, hint=hint)


def check_environments(
    envs: Sequence[gym.Env[Any, Any]], preset: FramePreset, trained_on: str | None, *, user: str
) -> None:
    """Compare games of environments, and how they make their frames, with an encoder's.

    What wrappers from elsewhere do cannot be seen: :class:`FrameNumberCheck` finds out.
    """
    others = (env for env in envs if not _is_by_id(env, trained_on))
    for name in dict.fromkeys(map(name_of, others)):
        check_game(name, trained_on, user=user)
    if not preset.is_atari:  # such a preset does not say how frames are made
        return
    emulated = [env for env in envs if getattr(env.unwrapped, "ale", None) is not None]
    for (skip, pooled), env in {_skip_and_pooling(env): env for env in emulated}.items():
        compare_frames(skip, pooled, preset, user=user, hint=make_env_hint(env))


def make_env_hint(env: gym.Env[Any, Any]) -> str:
    """Return what to do about frames made in another way, for messages."""
    env_id = env.spec.id if env.spec is not None else "ALE/Pong-v5"
    return (
        f'slotenv.make_env("{env_id}", encoder.preprocess) builds the right environment, where '
        "encoder is what slotenv.SlotEncoder.from_pretrained(name) gives."
    )


def compare_frames(
    skip: int | str | None, pooled: bool | None, preset: FramePreset, *, user: str, hint: str
) -> None:
    """Compare a frame skip, in words if it is random, and pooling; both are None where unknown.

    Raises:
        ValueError: If an agent step is another number of emulator frames.

    Warns:
        UserWarning: If one of the two takes the maximum of two emulator frames, and the other
            single ones.
    """
    if skip is not None and skip != preset.frame_skip:
        raise ValueError(
            f"{user}: this encoder was trained on frames {preset.frame_skip} emulator frames apart "
            f"(preset {preset.name!r}), these are {skip} apart. {hint}"
        )
    trained_on = preset.max_pool
    if pooled is not None and trained_on is not None and pooled != trained_on:
        kinds = {True: "the maximum of two emulator frames", False: "single emulator frames"}
        warnings.warn(
            f"{user}: this encoder was trained on {kinds[trained_on]} (preset "
            f"{preset.name!r}), these are {kinds[pooled]}: small objects may flicker or look "
            f"different. {hint}",
            UserWarning,
            stacklevel=4,
        )


class FrameNumberCheck:
    """Compares the frame skip with a preset's by the emulators' own count, in the first steps.

    This needs no knowledge of the wrappers. ``hint`` says in the message what to do.
    """

    def __init__(self, preset: FramePreset, *, user: str, hint: str | None = None) -> None:
        self._preset, self._user = preset, user
        self._hint = hint or f"Make the environment with a frame skip of {preset.frame_skip}."
        self._numbers: NDArray[Any] | None = None
        self._to_check = _CHECKED_STEPS if preset.is_atari else 0

    def reset(self, numbers: NDArray[Any] | None = None) -> None:
        """Start from these frame numbers (n,), or forget the step before."""
        self._numbers = numbers

    def step(self, numbers: NDArray[Any] | None, ended: NDArray[np.bool_]) -> None:
        """Raise a ValueError if a step took another number of frames.

        ``numbers`` (n,) are frames since the start of each episode, negative where that is not
        known, or None; ``ended`` (n,) episodes that ended with it, perhaps before its last frame.
        """
        if self._to_check <= 0 or numbers is None:
            return
        before, self._numbers = self._numbers, np.where(ended, -1, numbers)
        if before is None:
            return
        going = (before >= 0) & (self._numbers >= 0)
        self._to_check -= bool(going.any())
        for skip in (numbers - before)[going]:
            compare_frames(int(skip), None, self._preset, user=self._user, hint=self._hint)


def _is_by_id(env: gym.Env[Any, Any], trained_on: str | None) -> bool:
    """Return whether it was made by the id of training: one's own, for a mode of a game, say."""
    if env.spec is None or trained_on is None:
        return False
    return _plain_name(env.spec.id) == _plain_name(trained_on)


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
        names = [cls.__name__ for cls in type(env).__mro__]
        if (skipper := next((name for name in names if name in _SKIPS), None)) is not None:
            times = int(getattr(env, _SKIPS[skipper]))
            skip *= times
            pooled = pooled or (times > 1 and getattr(env, "max_pool", True))
        known = known and type(env).step.__module__.split(".")[0] in _KNOWN
        env = env.env
    if not known:
        # On top of an emulator that skips, there are no consecutive frames to be pooled.
        return None, pooled if pooled or own != 1 else None
    if isinstance(own, int):
        return skip * own, pooled
    low, high = own  # drawn anew each step, the upper end excluded
    return f"{skip * low} to {skip * (high - 1)} (random)", pooled
