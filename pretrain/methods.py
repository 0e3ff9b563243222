"""Methods by name: an encoder, an objective and their settings. A new one is a line here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
        held: Whether benchmarks probe slots as they are with ``hold``: a hidden object stays where
            it was last seen. The encoder is that of :func:`plain_form`.
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


def plain_form(name: str) -> str:
    """Return the method whose slots a ``held`` one holds; of another its own name."""
    held = METHODS[name]
    for other, method in METHODS.items():
        if not method.held and replace(held, title=method.title, held=False) == method:
            return other
    return name


def check_is_trained_by(name: str) -> None:
    """Raise ValueError if a name says how slots are probed, and is trained as another one is."""
    if METHODS[name].held:
        plain = plain_form(name)
        raise ValueError(
            f"{name} is no method of its own: it is {plain} with its slots held when they are "
            f"probed. Give --method {plain}, and --hold to run or probe"
        )


def check_can_hold(name: str) -> None:
    """Raise ValueError unless the slots of a method can be held."""
    from slotenv.encoders import ENCODERS  # loads PyTorch, which --help does not wait for

    if ENCODERS[METHODS[name].encoder].slot_fields is None:
        raise ValueError(
            f"slots of method {name!r} cannot be held: their numbers have no names, so nothing "
            "says where an object is. Leave out --hold, or give --method objects"
        )
