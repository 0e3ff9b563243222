"""The flags of every verb: one frozen dataclass each; a field's sentence is its ``--help``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from slotenv.encoders import ENCODERS
from slotenv.objectives import OBJECTIVES


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How an encoder is pretrained. Defaults are the paper's, but for the number of updates."""

    encoder: str = "slot_maps"
    """Architecture, a name in slotenv.encoders.ENCODERS."""
    objective: str = "scn"
    """Loss, a name in slotenv.objectives.OBJECTIVES."""
    num_slots: int | None = None
    """Slots K. Default: the paper's, the number of labelled objects (so it knows the labels), where
    the game has labels, else 8."""
    slot_dim: int = 32
    """Numbers in a slot, D."""
    diversity_weight: float = 1.0
    """Weight of the diversity loss L2; 0 leaves it out (the paper's Loss1Only)."""
    share_projection: bool = True
    """One bilinear matrix for both losses, or one for each."""
    updates: int = 6_000
    """Optimiser steps. The paper's are 62,500 (100 epochs of 80,000 pairs)."""
    batch_size: int = 128
    """Pairs per update; the other pairs of a batch are the negatives."""
    learning_rate: float = 3e-4
    """Adam's step size."""
    validate_every: int = 250
    """Updates between two validations; the weights with the lowest validation loss are kept."""
    validation_share: float = 0.2
    """Share of the frames, whole episodes of them, held out for validation."""
    seed: int = 0
    """Decides initial weights, split and order of the pairs."""
    device: str = "auto"
    """cpu, cuda, or auto: cuda where there is one."""
    precision: Literal["auto", "float32", "bf16"] = "auto"
    """auto: bf16 autocast on a GPU and on processors with bf16 instructions, else float32."""
    threads: int | None = None
    """CPU threads of the training step; default: all cores."""

    def __post_init__(self) -> None:
        _check_name("encoder", self.encoder, ENCODERS)
        _check_name("objective", self.objective, OBJECTIVES)
        if self.batch_size < 2:
            raise ValueError(
                f"batch_size must be at least 2 (negatives come from the batch), got {self.batch_size}"
            )
        for name in ("updates", "validate_every", "slot_dim"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.validation_share < 1:
            raise ValueError(f"validation_share must lie between 0 and 1, got {self.validation_share}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads must be at least 1, got {self.threads}")


def _check_name(what: str, name: str, table: dict[str, Any]) -> None:
    if name not in table:
        raise ValueError(f"no {what} named {name!r}; there are: {', '.join(table)}")
