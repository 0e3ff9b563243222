"""What ``config.json`` of an encoder folder holds: declared here, checked when it is read."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator
from typing_extensions import TypedDict

from slotenv import records
from slotenv.frames import FramePreset
from slotenv.records import Count, Positive, Sha256, Text

FORMAT = 2
"""2 has a digest; 1, of slotenv 0.1.0, has none."""


class ArchitectureKwargs(TypedDict):
    """What every architecture is built with; the rest is its own, and checked by it."""

    __pydantic_config__ = records.OPEN  # type: ignore[misc]

    num_slots: Positive
    slot_dim: Positive
    preprocess: Annotated[dict[str, Any], AfterValidator(FramePreset.checked_fields)]


class Provenance(TypedDict, total=False):
    """How weights came about: what the package itself reads, among what anyone may add."""

    __pydantic_config__ = records.OPEN  # type: ignore[misc]

    env_id: Text
    frames: Count
    data_seed: Count
    player: Text
    data_checksum: Text
    method: Text
    title: Text
    objective: Text | None
    settings: dict[str, Any]
    updates: Count
    seed: Count
    train_seconds: float | None
    device: Text
    slotenv: Text
    best_update: Count
    validation_loss: float | None
    warnings: list[Text]


class Config(TypedDict):
    """``config.json``."""

    __pydantic_config__ = records.STRICT  # type: ignore[misc]

    format: Positive
    slotenv_version: Text
    architecture: Text
    module: NotRequired[Text]  # of a class from outside of slotenv: what to import before loading
    kwargs: ArchitectureKwargs
    weights_sha256: Sha256
    provenance: NotRequired[Provenance]
