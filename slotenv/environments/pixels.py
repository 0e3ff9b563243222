"""The outermost wrapper of environments that slotenv makes."""

import operator
import re
from typing import Any, SupportsIndex

import gymnasium as gym
import numpy as np
from gymnasium import Space
from gymnasium.spaces import Box, Dict
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

OLD_API = (
    "slotenv needs Gymnasium's API: reset(seed=, options=) returns (observation, info), step "
    "(observation, reward, terminated, truncated, info). An environment of the old gym gets it "
    "from shimmy.GymV21CompatibilityV0(env=...) (pip install shimmy): register that."
)


class PixelObservation(gym.Wrapper[NDArray[np.uint8], Any, Any, Any], RecordConstructorArgs):
    """Shows an environment's frames, the only image of a Dict too, and checks each.

    A frame that is not as the observation space says is an error.

    Args:
        env: An environment whose observations are frames, or a Dict with one image.
        env_id: How it was asked for, for messages.

    Raises:
        TypeError: If the observations are something else; the message says how to get renderings.
    """

    def __init__(self, env: gym.Env[Any, Any], env_id: str | None = None) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        self._name = env_id or (str(env.unwrapped) if env.spec is None else env.spec.id)
        space = env.observation_space
        found = image_in(space)
        if found is None:
            raise TypeError(
                f"{self._name} gives observations {space}; slotenv needs uint8 frames (H, W, 3), "
                f"or a Dict with exactly one such image.{self._drawing()}"
            )
        self._key: str | None
        self.observation_space: Space[Any]
        self._key, self.observation_space = found

    def reset(
        self, *, seed: SupportsIndex | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an episode; the seed may be a NumPy integer."""
        whole = None if seed is None else operator.index(seed)
        try:
            result: Any = self.env.reset(seed=whole, options=options)
        except TypeError as error:
            if "unexpected keyword argument" not in str(error):
                raise
            raise TypeError(f"{self._name}: {error}. {OLD_API}") from error
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], dict)):
            raise TypeError(f"reset of {self._name} returned {_kind(result)}. {OLD_API}")
        return self._frame(result[0]), result[1]

    def step(self, action: Any) -> tuple[NDArray[np.uint8], Any, bool, bool, dict[str, Any]]:
        """Act."""
        result: Any = self.env.step(action)
        if not (isinstance(result, tuple) and len(result) == 5):
            raise TypeError(f"step of {self._name} returned {_kind(result)}. {OLD_API}")
        return self._frame(result[0]), *result[1:]

    def _frame(self, observation: Any) -> NDArray[np.uint8]:
        frame = observation if self._key is None else observation[self._key]
        shape = self.observation_space.shape
        if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
            error: type[Exception] = TypeError
        elif frame.shape != shape:
            error = ValueError
        else:
            return frame
        raise error(
            f"{self._name} gave a frame that is {_kind(frame)}, its observation space says uint8 "
            f"{shape}: change the one or the other in the environment"
        )

    def _drawing(self) -> str:
        """Return how to get renderings as observations, if the environment can draw itself."""
        if "rgb_array" not in (self.env.metadata.get("render_modes") or ()):
            return ""
        drawn = "drawn/" + re.sub(r"[^\w-]", "_", self._name.rpartition(":")[2])
        return (
            f" It can draw itself: write this into my_envs.py and use 'my_envs:{drawn}': "
            f"import gymnasium as gym; gym.register({drawn!r}, lambda **kwargs: "
            f"gym.wrappers.AddRenderObservation(gym.make({self._name!r}, render_mode='rgb_array')))"
        )


def image_in(space: Space[Any]) -> tuple[str | None, Box] | None:
    """Return the key and the space of a Dict's only image; key None if the space is an image.

    None if there is no image, uint8 (H, W, 3), or more than one.
    """
    parts = space.spaces.items() if isinstance(space, Dict) else [(None, space)]
    images = [
        (key, part)
        for key, part in parts
        if isinstance(part, Box) and part.dtype == np.uint8 and part.shape[2:] == (3,)
    ]
    return images[0] if len(images) == 1 else None


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return f"a tuple of {len(value)}" if isinstance(value, tuple) else f"a {type(value).__name__}"
