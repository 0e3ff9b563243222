"""Encoders by the name of their architecture, and their way into folders and back."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from slotenv import checkpoint, records
from slotenv.checkpoint import CONFIG, REMEDY, WEIGHTS
from slotenv.encoder_config import Config
from slotenv.encoders.weights import check_fits
from slotenv.model_card import model_card

if TYPE_CHECKING:
    from slotenv.encoders.base import SlotEncoder

ENCODERS: dict[str, type[SlotEncoder]] = {}
"""Every encoder class that is defined in this process, by its ``architecture``."""


def register(kind: type[SlotEncoder]) -> None:
    """Add a class to :data:`ENCODERS`; defining a subclass of SlotEncoder does it.

    A class that is defined again, as when its module or notebook cell runs again, replaces itself.

    Raises:
        ValueError: If another class has this name.
    """
    known = ENCODERS.setdefault(kind.architecture, kind)
    if _place(known) != _place(kind):
        raise ValueError(
            f"{_place(kind)} cannot be named {kind.architecture!r}, as {_place(known)} is: give it "
            "another architecture"
        )
    ENCODERS[kind.architecture] = kind


def kind_of(config: Mapping[str, Any]) -> type[SlotEncoder]:
    """Return the class of the encoder that a config describes.

    Raises:
        ValueError: If no class of that name is defined in this process.
    """
    name = config["architecture"]
    if name not in ENCODERS:
        said = f"no encoder named {name!r}; this slotenv has {', '.join(ENCODERS)}"
        if "module" in config:
            said += f": first import what defines it, the module {config['module']}"
        raise ValueError(said)
    return ENCODERS[name]


def build(config: Mapping[str, Any]) -> SlotEncoder:
    """Make the module that a config describes, with fresh weights.

    Raises:
        ValueError: If there is no such architecture, or the config does not fit it.
    """
    where = f"an encoder's {CONFIG}"
    known = records.check(config, Config, where=where, remedy=REMEDY)
    make: Any = kind_of(known)
    try:
        encoder: SlotEncoder = make(**known["kwargs"])
    except (TypeError, ValueError) as error:
        name = known["architecture"]
        raise ValueError(f"{where} does not fit encoder {name!r} ({error}): {REMEDY}") from error
    return encoder


def save(encoder: SlotEncoder, folder: str | PathLike[str], *, card: str | None = None) -> Path:
    """Write an encoder as :func:`slotenv.checkpoint.write` does, and return the folder.

    Raises:
        TypeError: If the encoder's class could not be found again.
        ValueError: If weights are not finite; besides, what writing raises.
    """
    kind = type(encoder)
    if "architecture" not in vars(kind):
        raise TypeError(
            f"{kind.__name__} has no name to be loaded by: give the class an `architecture` of its "
            "own, such as its name in small letters"
        )
    encoder.check_weights()
    made = {"architecture": kind.architecture, "kwargs": encoder.architecture_kwargs()}
    if not kind.__module__.startswith("slotenv."):
        # A script's classes are in __main__; in processes that it starts, in __mp_main__.
        made["module"] = kind.__module__.replace("__mp_main__", "__main__")
    return checkpoint.write(
        folder,
        encoder.state_dict(),
        architecture=made,
        provenance=encoder.provenance,
        card=model_card(encoder) if card is None else card,
    )


def load(folder: str | PathLike[str]) -> SlotEncoder:
    """Rebuild an encoder from its folder, in evaluation mode on the CPU.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the folder is damaged, of another version, its class is not defined in this
            process, or the weights do not fit.
    """
    path = Path(folder)
    config, state = checkpoint.read(path)
    with torch.random.fork_rng(devices=[]):  # fresh weights must not use up the caller's numbers
        try:
            encoder = build(config)
        except ValueError as error:
            raise ValueError(f"{path / CONFIG}: {error}") from error
    try:
        check_fits(state, encoder.state_dict())
        encoder.load_state_dict(state)
        encoder.check_weights()
    except ValueError as error:
        raise ValueError(f"{path / WEIGHTS}: {error}: {REMEDY}") from error
    encoder.provenance = dict(config.get("provenance", {}))
    return encoder.eval()


def _place(kind: type[SlotEncoder]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
