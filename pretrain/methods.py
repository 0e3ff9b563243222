"""Methods: an encoder, an objective and their settings. A new one of the package is a line here.

A method from outside the package is a :class:`Method` that holds its classes. It is given in place
of a name, and travels to other processes and machines with the configuration that holds it.
"""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

if TYPE_CHECKING:  # they load PyTorch, which --help does not wait for
    from slotenv.encoders import SlotEncoder
    from slotenv.objectives import Objective


@dataclass(frozen=True)
class Method:
    """What is trained, and how.

    Attributes:
        name: As ``--method``, folders and rows have it: letters, digits and underscores.
        title: As tables show it.
        encoder: A class, or a name in :data:`slotenv.encoders.ENCODERS`.
        objective: A class, or a name in :data:`slotenv.objectives.OBJECTIVES`; None: the encoder
            stays as it was initialised, or fitted to frames.
        settings: Keyword arguments of the objective.

    Raises:
        ValueError: If the name has other characters.
    """

    name: str
    title: str
    _: KW_ONLY
    encoder: str | type[SlotEncoder] = "slot_maps"
    objective: str | type[Objective] | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+", self.name):
            raise ValueError(
                f"a method is named by letters, digits and underscores, not {self.name!r}"
            )

    @property
    def encoder_class(self) -> type[SlotEncoder]:
        """The class of the encoder."""
        from slotenv.encoders import ENCODERS
        from slotenv.encoders.saving import register

        if isinstance(self.encoder, str):
            return ENCODERS[self.encoder]
        register(self.encoder)  # Ray may have copied it without running its definition
        return self.encoder

    @property
    def objective_class(self) -> type[Objective] | None:
        """The class of the objective."""
        from slotenv.objectives import OBJECTIVES

        return OBJECTIVES[self.objective] if isinstance(self.objective, str) else self.objective

    @property
    def encoder_name(self) -> str:
        """The encoder's name, in records."""
        return self.encoder if isinstance(self.encoder, str) else self.encoder.architecture

    @property
    def objective_name(self) -> str | None:
        """The objective's name, in records: of a class from outside, what the class is called."""
        if self.objective is None or isinstance(self.objective, str):
            return self.objective
        return self.objective.__qualname__


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("random", "Random-CNN"),
        Method("scn", "SCN", objective="scn"),
        Method("loss1only", "SCN Loss1Only", objective="scn", settings={"diversity_weight": 0.0}),
        Method("slot_attention_random", "Slot Attention, untrained", encoder="slot_attention"),
        Method(
            "slot_attention",
            "Slot Attention, reconstruction",
            encoder="slot_attention",
            objective="reconstruction",
        ),
        Method(
            "slot_attention_contrast",
            "Slot Attention, contrastive",
            encoder="slot_attention",
            objective="scn",
            # Slots compete for places instead of being told apart.
            settings={"diversity_weight": 0.0, "standardise": True},
        ),
        Method("cswm", "C-SWM", objective="cswm"),
        Method("stdim_random", "ST-DIM, untrained", encoder="global_vector"),
        Method("stdim", "ST-DIM", encoder="global_vector", objective="st_dim"),
        Method("object_mixture", "Object mixture", encoder="object_mixture"),
        Method("objects", "Objects", encoder="objects"),
        Method("supervised", "Supervised", objective="supervised"),
    )
}
"""Every method that ``--method`` names."""

HELD = {f"{method}_held": method for method in ("objects", "object_mixture")}
"""Names in benchmarks of methods whose slots are held when they are probed (``--hold`` of ``run``
and ``probe``: a hidden object stays where it was last seen), and the method that is trained."""

MethodFlag = Annotated[
    str | Method,
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="STR",
        instance_from_str=lambda given: given[0],
        is_instance=lambda value: isinstance(value, str | Method),
        str_from_instance=lambda value: [value if isinstance(value, str) else value.name],
    ),
]
"""A name in :data:`METHODS`, as the command line gives it, or a method from outside."""


def find_method(method: str | Method) -> Method:
    """Return the method that a name means, or one from outside as it is.

    Raises:
        ValueError: If there is none of that name, or one from outside has the name of another.
    """
    if isinstance(method, Method):
        if METHODS.get(method.name, method) != method:
            raise ValueError(f"there is another method {method.name!r}: give yours another name")
        return method
    if method in HELD:
        raise ValueError(
            f"{method} is no method of its own: it is {HELD[method]} with its slots held when they "
            f"are probed. Give --method {HELD[method]}, and --hold to run or probe"
        )
    if method not in METHODS:
        raise ValueError(f"no method named {method!r}; there are: {', '.join(METHODS)}")
    return METHODS[method]
