"""What was found of objects and their slots over time, as plain values that survive JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Identity:
    """How well slots keep one object, or all objects together.

    Attributes:
        present: Frames in which the object is on the screen.
        assigned: Those of them in which a slot was found for it.
        changes: Those of them in which it is another slot than the last one in that episode.
        doubles: Those of them in which the last slot is still at the object and holds no other: the
            object lies in two slots, and now the other one is nearer.
        offset: x and y from the label's point to the slot's middle in pixels, as found; None for
            axes that were not looked at, and for all objects together.
    """

    present: int
    assigned: int
    changes: int
    doubles: int
    offset: tuple[float | None, float | None] = (None, None)

    @property
    def share(self) -> float | None:
        """Share of frames with the object in which it has a slot; None if it is never there."""
        return self.assigned / self.present if self.present else None

    @property
    def changes_per_thousand(self) -> float | None:
        """Changes per 1,000 assigned frames, 0 is best; None if it never has a slot."""
        return 1000 * self.changes / self.assigned if self.assigned else None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and both ratios as plain JSON values."""
        ratios = {"share": self.share, "changes_per_thousand": self.changes_per_thousand}
        return {**asdict(self), "offset": list(self.offset), **ratios}


@dataclass(frozen=True, kw_only=True)
class IdentityReport:
    """Outcome of :func:`slotenv.probe.identity.slot_identity`.

    Attributes:
        objects: By object's name.
        overall: All objects together: the sums of their frames and changes.
        num_slots: K.
        frames: N.
        episodes: Episodes that the frames come from.
        radius: In pixels.
        still_axes: Whether objects were taken to stand still along axes without a label.
    """

    objects: dict[str, Identity]
    overall: Identity
    num_slots: int
    frames: int
    episodes: int
    radius: float
    still_axes: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        objects = {name: found.to_dict() for name, found in self.objects.items()}
        return {**asdict(self), "objects": objects, "overall": self.overall.to_dict()}
