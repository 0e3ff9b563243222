"""An encoder of the sprites whose slots have named numbers, and tracking written as one says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from fake_envs import COLOURS
from numpy.typing import NDArray
from torch import Tensor, nn

from slotenv.encoders import SlotEncoder, SlotOutput
from slotenv.frames import FramePreset

FIELDS = ("shade", "presence", "y", "x")


class SpotEncoder(SlotEncoder):
    """Slot k says where the pixels of sprite k are; sprites fade and come back as they walk."""

    architecture = "spots"
    slot_fields = FIELDS

    def __init__(self, *, preprocess: FramePreset | dict[str, Any], **_: Any) -> None:
        super().__init__(num_slots=len(COLOURS), slot_dim=len(FIELDS), preprocess=preprocess)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> SlotOutput:
        return SlotOutput(torch.stack([self._slots(image) for image in images]))

    def _slots(self, image: Tensor) -> Tensor:
        rows = []
        for colour in torch.from_numpy(COLOURS.astype(np.float32)):
            there = ((image * 255).round() == colour[:, None, None]).all(0).nonzero().float()
            y, x = there.mean(0) if len(there) else torch.zeros(2)
            presence = (((y + x) % 16 - 8).abs() / 5 - 0.3).clamp(0, 1)
            rows.append(torch.stack([presence * colour[0], presence, presence * y, presence * x]))
        return self.scale * torch.stack(rows)


class TrackedByHand:
    """One environment's slots over time, one number after the other."""

    def __init__(self, *, hold: bool, motion: bool) -> None:
        self.hold, self.motion = hold, motion
        self.cases: set[str] = set()

    def observe(self, slots: NDArray[np.float32], *, first: bool) -> NDArray[np.float32]:
        """Return what is shown of slots (3, 4)."""
        if first:
            self.last: dict[int, list[float]] = {}
            self.before: set[int] = set()
            self.unseen = dict.fromkeys(range(len(slots)), 0)
        rows, seen = [], set()
        for k, (_, presence, *_) in enumerate(slots.tolist()):
            numbers = slots[k].tolist()
            row, velocity = list(numbers), [0.0, 0.0]
            if presence > 0.5:
                whole = [number / presence for number in numbers]
                if k in self.before:
                    velocity = [4 * (whole[i] - self.last[k][i]) for i in (3, 2)]
                self.cases.add("known" if k in self.before else "appears")
                self.last[k], self.unseen[k] = whole, 0
                seen.add(k)
            else:
                self.unseen[k] += 1
                if self.unseen[k] > 16 and self.last.pop(k, None):
                    self.cases.add("forgotten")
                elif k in self.last:
                    self.cases.add("half held" if presence > 0 else "held")
                else:
                    self.cases.add("never seen")
            if self.hold:
                row = list(self.last.get(k, [0.0] * 4))
                row[1] = presence
            rows.append(row + (velocity if self.motion else []))
        self.before = seen
        return np.array(rows, np.float32)
