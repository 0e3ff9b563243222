"""A wrapper that writes the true coordinates of a game's objects into ``info``."""

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv

from slotenv.environments import read_ram
from slotenv.games import name_of
from slotenv.labels import labels_for

_LABELS, _PRESENT = "labels", "labels_present"


class RecordLabels(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Writes the true coordinates of a game's objects into ``info``, with each reset and step.

    ``info["labels"]`` is a dict from the name of a coordinate, such as ``"ball_x"``, to a float;
    ``info["labels_present"]``, with the same keys, says whether the object is on the screen. Where
    it is not, its number means nothing. Both are read from the console's RAM at the moment of the
    last emulator frame of the observation. The observations stay as they are, so the order of this
    and other wrappers does not matter.

    For a vector environment, wrap each environment in it: ``gym.make_vec(..., wrappers=
    [RecordLabels])``. Gymnasium then makes an array of each number, ``infos["labels"]["ball_x"]``
    of shape (n,), and under ``SAME_STEP`` those of last frames are in ``infos["final_info"]``. An
    ``AtariVectorEnv`` gives no RAM.

    Args:
        env: A game of ALE's.
        view: ``"pixel"``: left and top edge of objects in pixels of the screen. ``"scn"``: the raw
            bytes that the paper scores. See :func:`slotenv.labels.labels_for`.

    Raises:
        TypeError: If it is a vector environment, no environment, or no game of ALE's.
        ValueError: If the game has no labels under this view, or ``info`` has labels already.

    Example:
        >>> env = RecordLabels(gym.make("ALE/Pong-v5"))  # doctest: +SKIP
        >>> env.reset(seed=0)  # doctest: +SKIP
        >>> info = env.step(0)[-1]  # doctest: +SKIP
        >>> info["labels"]["player_y"], info["labels_present"]["ball_x"]  # doctest: +SKIP
        (96.0, False)
    """

    def __init__(self, env: gym.Env[Any, Any], *, view: str = "pixel") -> None:
        if isinstance(env, VectorEnv):
            raise TypeError(
                "RecordLabels reads the RAM of one game, and this is a vector environment: wrap "
                "each of its environments, gymnasium.make_vec(..., vectorization_mode='sync', "
                "wrappers=[slotenv.RecordLabels]). AtariVectorEnv gives no RAM."
            )
        if not isinstance(env, gym.Env):
            raise TypeError(f"RecordLabels needs a gymnasium.Env, got {type(env).__name__}")
        RecordConstructorArgs.__init__(self, view=view)
        gym.Wrapper.__init__(self, env)
        name = name_of(env)
        if name is None or read_ram(env) is None:
            raise TypeError(
                f"RecordLabels reads the RAM of an Atari game, and {name or env.unwrapped} has "
                'none: give it a game of ALE\'s, such as gymnasium.make("ALE/Pong-v5")'
            )
        self._labels = labels_for(name, view)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode."""
        obs, info = self.env.reset(seed=seed, options=options)
        return obs, self._with_labels(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Act."""
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated, truncated, self._with_labels(info)

    def _with_labels(self, info: dict[str, Any]) -> dict[str, Any]:
        if _LABELS in info:
            raise ValueError(
                'info["labels"] is there already: wrap an environment in RecordLabels once'
            )
        ram = read_ram(self.env)
        assert ram is not None
        read, names = self._labels.read(ram), self._labels.names
        labels = dict(zip(names, read.values[0].tolist(), strict=True))
        present = dict(zip(names, read.presence[0].tolist(), strict=True))
        return {**info, _LABELS: labels, _PRESENT: present}
