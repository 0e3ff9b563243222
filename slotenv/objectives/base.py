"""What every pretraining objective is: encoded transitions in, a loss and its parts out."""

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.encoders.base import SlotEncoder, SlotOutput

_EPSILON = 1e-6  # a number of a slot that spreads less over the batch is as good as constant


class Transition(NamedTuple):
    """B encoded transitions.

    Attributes:
        output_t: Encoding of the frames at time t.
        output_tp1: Encoding of the frames one step later, same order.
        actions_t: (B, ...) the actions taken at time t.
        ram_t: (B, 128) uint8 the console's RAM at time t, for objectives that read ``"ram"``.
        frames_t: (B, H, W, 3) uint8 the frames at time t, for objectives that read ``"frames"``.
    """

    output_t: SlotOutput
    output_tp1: SlotOutput
    actions_t: Tensor
    ram_t: Tensor | None = None
    frames_t: Tensor | None = None

    def read(self, name: Literal["ram", "frames"]) -> Tensor:
        """Return ``ram_t`` or ``frames_t``; raise a ValueError if the batch does not carry it."""
        found: Tensor | None = getattr(self, f"{name}_t")
        if found is None:
            raise ValueError(
                f"this objective needs Transition.{name}_t: fill what its `reads` names"
            )
        return found


class DataFacts(NamedTuple):
    """What an objective may know of the data before training starts.

    Attributes:
        env_id: As given by the user.
        num_actions: Number of discrete actions; None where actions are not discrete.
        ram: (N, 128) uint8 of the training moments; (N, 0) where there is no emulator.
        first_action: The lowest of the discrete actions, ``start`` of a ``Discrete`` space.
    """

    env_id: str
    num_actions: int | None
    ram: NDArray[np.uint8]
    first_action: int = 0


class ObjectiveOutput(NamedTuple):
    """What an objective returns.

    Attributes:
        loss: Scalar to minimise.
        metrics: Detached scalars by name; they stay on the device until the caller reads them.
    """

    loss: Tensor
    metrics: dict[str, Tensor]


class Objective(nn.Module, ABC):
    """Base of all objectives. They hold no data, no log and no device."""

    reads: ClassVar[frozenset[Literal["ram", "frames"]]] = frozenset()
    """What a batch must carry besides encodings and actions."""

    @classmethod
    def for_data(cls, encoder: SlotEncoder, facts: DataFacts, **settings: Any) -> Self:
        """Make the objective for an encoder and a data set; what training calls.

        The default hands on ``slot_dim``, the settings that the user gave, and what else of
        ``num_slots``, ``height`` and ``width`` (of a frame) the constructor requires. Override it
        where more is needed, and raise a ValueError if the data lack it.
        """
        frame = encoder.preprocess
        known = {"num_slots": encoder.num_slots, "height": frame.height, "width": frame.width}
        taken = inspect.signature(cls.__init__).parameters.keys() - set(cls.settings())
        required = {name: value for name, value in known.items() if name in taken}
        return cls(slot_dim=encoder.slot_dim, **required, **settings)

    @classmethod
    def settings(cls) -> tuple[str, ...]:
        """Name what a user may set: the constructor's arguments that have a default."""
        parameters = inspect.signature(cls.__init__).parameters.values()
        return tuple(p.name for p in parameters if p.default is not inspect.Parameter.empty)

    @abstractmethod
    def forward(self, transition: Transition) -> ObjectiveOutput:
        """Score a batch of transitions."""


def standardised(slots: Tensor) -> Tensor:
    """Give every number of slots (B, K, D) mean 0 and standard deviation 1 over the batch.

    A number that never changes becomes 0. Where slots are means over many places, an objective that
    reads them as they are learns for long only what all frames have in common.
    """
    spread = slots.std(0, correction=0)
    return (slots - slots.mean(0)) / (spread + _EPSILON)


def diagonal_cross_entropy(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return cross-entropy and accuracy of "row b belongs to column b" over rows of (..., N, N).

    Both are scalars: at chance the loss is ln N; the accuracy, detached, is in [0, 1].
    """
    size = logits.shape[-1]
    target = torch.arange(size, device=logits.device).expand(logits.shape[:-1])
    loss = F.cross_entropy(logits.reshape(-1, size).float(), target.reshape(-1))
    accuracy = (logits.detach().argmax(-1) == target).float().mean()
    return loss, accuracy
