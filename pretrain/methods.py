"""Methods by name: an encoder, an objective and their settings. A new one is a line here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Method:
    """What is trained, and how.

    Attributes:
        title: As tables show it.
        encoder: Name in :data:`slotenv.encoders.ENCODERS`.
        objective: Name in :data:`slotenv.objectives.OBJECTIVES`; None: the encoder stays as it was
            initialised, or fitted to frames.
        settings: Keyword arguments of the objective.
        held: Whether probes see slots as they are with ``hold``: a hidden object stays where it was
            last seen. The encoder is the same.
    """

    title: str
    encoder: str = "slot_maps"
    objective: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    held: bool = False


METHODS: dict[str, Method] = {
    "random": Method(title="Random-CNN"),
    "scn": Method(title="SCN", objective="scn"),
    "loss1only": Method(title="SCN Loss1Only", objective="scn", settings={"diversity_weight": 0.0}),
    "slot_attention_random": Method(title="Slot Attention, untrained", encoder="slot_attention"),
    "slot_attention": Method(
        title="Slot Attention, reconstruction", encoder="slot_attention", objective="reconstruction"
    ),
    "slot_attention_contrast": Method(
        title="Slot Attention, contrastive",
        encoder="slot_attention",
        objective="scn",
        # Slots compete for places instead of being told apart.
        settings={"diversity_weight": 0.0, "standardise": True},
    ),
    "cswm": Method(title="C-SWM", objective="cswm"),
    "stdim_random": Method(title="ST-DIM, untrained", encoder="global_vector"),
    "stdim": Method(title="ST-DIM", encoder="global_vector", objective="st_dim"),
    "objects": Method(title="Object mixture", encoder="object_mixture"),
    "objects_held": Method(title="Object mixture, held", encoder="object_mixture", held=True),
    "supervised": Method(title="Supervised", objective="supervised"),
}
"""Every method that ``--method`` names."""
