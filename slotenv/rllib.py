"""RLlib: a connector piece that turns the frames of environments into object slots."""

import os
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.spaces import Box

from slotenv.encoders import SlotEncoder
from slotenv.lazy_encoder import LazyEncoder
from slotenv.tracking import Memory, Tracking

try:
    from ray.rllib.connectors.connector_v2 import ConnectorV2
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f'slotenv.rllib needs RLlib ({error}): pip install "slotenv[rllib]", in an environment of '
        "its own, for it pins Gymnasium"
    ) from error

_USER = "SlotConnector"


class SlotConnector(ConnectorV2):
    """Replaces the frames that an environment runner sees by their slots, in one batch.

    It is an env-to-module piece for environments of one agent, on RLlib's new API stack. The
    episodes, and so the learner, hold slots as well. Slots are what
    :class:`slotenv.ObjectSlotObservation` shows, whose arguments mean the same here, but for
    ``flatten``: RLlib's own networks need vectors. Motion and what is held start anew with each
    episode. The frames' game and frame skip are not checked.

    Args:
        encoder: A ready-made encoder (``"pong"``), a folder, a hub id, or one in memory.
        flatten: Whether slots are one vector, (K * D,).
        motion: Whether slots say how they move.
        hold: Whether hidden objects that flicker stay where they were last seen.
        device: Where the encoder's weights are put.

    Raises:
        ValueError: If slots cannot be held, or frames are of another size than those the encoder
            was trained on.
        TypeError: If frames are not uint8.
        FileNotFoundError: If there is no such encoder.

    Example:
        >>> PPOConfig().environment("ALE/Pong-v5").env_runners(  # doctest: +SKIP
        ...     env_to_module_connector=lambda *_, **__: SlotConnector("pong", motion=True)
        ... )
    """

    def __init__(
        self,
        encoder: str | os.PathLike[str] | SlotEncoder,
        *,
        flatten: bool = True,
        motion: bool = False,
        hold: bool = False,
        device: str | torch.device = "cpu",
        **spaces: Any,
    ) -> None:
        self._encoder = LazyEncoder(encoder, device=device, user=_USER)
        self._tracking = Tracking(
            slot_dim=self._encoder.slot_dim,
            fields=self._encoder.slot_fields,
            hold=hold,
            motion=motion,
        )
        count, width = self._encoder.num_slots, self._tracking.width
        self._shape = (count * width,) if flatten else (count, width)
        self._memories: dict[str, Memory] = {}  # of episodes that go on, by their id
        super().__init__(**spaces)

    def recompute_output_observation_space(
        self, input_observation_space: gym.Space[Any], input_action_space: gym.Space[Any]
    ) -> gym.Space[Any]:
        """Return the space of slots, Box of float32.

        Raises:
            TypeError: If frames are not uint8.
            ValueError: If they are of another size than the encoder's.
        """
        if input_observation_space is not None:
            self._encoder.preprocess.check_space(input_observation_space, user=_USER)
        return Box(-np.inf, np.inf, self._shape, np.float32)

    def __call__(self, *, batch: dict[str, Any], episodes: list[Any], **_: Any) -> dict[str, Any]:
        """Replace the last observation of each episode; ``batch`` is left as it is."""
        episodes = list(self.single_agent_episode_iterator(episodes))
        frames = np.stack([episode.get_observations(-1) for episode in episodes])
        slots = self._encoder.encode(frames).slots.numpy()
        shown = self._follow(slots, [episode.id_ for episode in episodes])
        for episode, observation in zip(episodes, shown, strict=True):
            episode.set_observations(
                at_indices=-1, new_data=observation.reshape(self._shape).copy()
            )
            episode.observation_space = self.observation_space
        return batch

    def _follow(self, slots: Any, ids: list[str]) -> Any:
        """Return slots (n, K, width) of episodes, and remember these."""
        nothing = Memory._make(field[0] for field in Memory.empty(slots[:1]))
        known = [self._memories.get(episode, nothing) for episode in ids]
        before = Memory(*(np.stack(part) for part in zip(*known, strict=True)))
        first = np.array([episode not in self._memories for episode in ids])
        encoder = self._encoder
        shown, now = self._tracking.follow(
            slots, before, first, alike=encoder.alike_slots, held=encoder.held_slots
        )
        if now is not None:
            each = map(Memory._make, zip(*now, strict=True))
            self._memories = dict(zip(ids, each, strict=True))
        return shown
