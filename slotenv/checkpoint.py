"""Encoder folders: ``model.safetensors``, ``config.json`` and a model card, loaded strictly.

``config.json`` names the architecture, rebuilds it without the weights, and carries the frame
preset, where the weights come from, the SHA-256 of the weights and a digest of itself: so it is the
manifest of the folder. A folder is saved and replaced without a moment at which a reader or a kill
finds it broken (:func:`slotenv.atomic.write_folder`); loading writes nothing. No pickle is read or
written.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, cast

import huggingface_hub
import safetensors
import safetensors.torch
import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from slotenv import __version__, ready, records
from slotenv.atomic import next_index, read_file, write_folder
from slotenv.encoder_config import FORMAT, Config
from slotenv.encoders import ENCODERS, SlotEncoder
from slotenv.model_card import model_card

CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
_REMEDY = "copy the whole encoder folder again, or pretrain again"
_OURS = (CONFIG, WEIGHTS, CARD)
_MOST_CONFIG = 1 << 24  # bytes
_MOST_WEIGHTS = 1 << 32  # bytes: a thousand times the largest encoder's


def save(encoder: SlotEncoder, folder: str | PathLike[str], *, card: str | None = None) -> Path:
    """Write an encoder folder, or put an encoder in the place of the one that is there.

    Args:
        encoder: What to write.
        folder: Where, made if missing.
        card: Content of its README; default: :func:`model_card`.

    Returns:
        The folder.

    Raises:
        FileExistsError: If something else than an encoder or an empty folder is there.
        ValueError: If the encoder could not be loaded again: weights that are not finite, or
            ``provenance`` that has no JSON form.
    """
    path = Path(folder)
    _check_replaceable(path)
    encoder.check_weights()
    state = {name: t.detach().cpu().contiguous() for name, t in encoder.state_dict().items()}
    weights = safetensors.torch.save(state)
    config = {
        "format": FORMAT,
        "slotenv_version": __version__,
        "architecture": encoder.architecture,
        "kwargs": encoder.architecture_kwargs(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "provenance": encoder.provenance,
    }
    text = records.dumps(config, indent=2) + "\n"
    remedy = "change encoder.provenance"
    where = f"what would be {path / CONFIG}"
    records.loads(text, Config, where=where, remedy=remedy, newest=FORMAT)
    readme = model_card(encoder) if card is None else card
    write_folder(path, {WEIGHTS: weights, CONFIG: text, CARD: readme}, index=CONFIG)
    return path


def load(folder: str | PathLike[str]) -> SlotEncoder:
    """Rebuild an encoder from its folder, in evaluation mode on the CPU.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the folder is damaged, of another version, or the weights do not fit.
    """
    path = Path(folder)
    config, content = _read_both(path)
    with torch.random.fork_rng(devices=[]):  # fresh weights must not use up the caller's numbers
        try:
            encoder = build(config)
        except ValueError as error:
            raise ValueError(f"{path / CONFIG}: {error}") from error
    weights = path / WEIGHTS
    try:
        state = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{weights} is no safetensors file ({error}): {_REMEDY}") from error
    _check_state(encoder, state, weights)
    encoder.load_state_dict(state)
    try:
        encoder.check_weights()
    except ValueError as error:
        raise ValueError(f"{weights}: {error}: {_REMEDY}") from error
    encoder.provenance = dict(config.get("provenance", {}))
    return encoder.eval()


def read_config(folder: str | PathLike[str]) -> dict[str, Any]:
    """Read and check ``config.json``; the weights are looked at only if a save was cut short.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is damaged, no slot encoder's or from a newer version.
    """
    path = Path(folder)
    if next_index(path, CONFIG).is_file() and (path / WEIGHTS).is_file():
        return cast(dict[str, Any], _read_both(path)[0])
    return cast(dict[str, Any], _read_index(path / CONFIG))


def is_saved(folder: Path) -> bool:
    """Whether a save into a folder came to its end; after a kill in one, it is to be done again."""
    return (folder / CONFIG).is_file() and not next_index(folder, CONFIG).exists()


def build(config: Mapping[str, Any]) -> SlotEncoder:
    """Make the module that a config describes, with fresh weights.

    Raises:
        ValueError: If there is no such architecture, or the config does not fit it.
    """
    where = f"an encoder's {CONFIG}"
    known = records.check(config, Config, where=where, remedy=_REMEDY)
    name = known["architecture"]
    if name not in ENCODERS:
        raise ValueError(f"no encoder named {name!r}; this slotenv has {', '.join(ENCODERS)}")
    try:
        return ENCODERS[name](**cast(dict[str, Any], known["kwargs"]))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where} does not fit encoder {name!r} ({error}): {_REMEDY}") from error


def _read_index(path: Path) -> Config:
    try:
        return records.read(path, Config, remedy=_REMEDY, newest=FORMAT)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path.parent} has no {CONFIG}: it is no encoder folder (a run folder holds one in "
            "encoder/ when its training has ended)"
        ) from error


def _read_both(path: Path) -> tuple[Config, bytes]:
    """Return a config and the weights that belong to it, also while the folder is being replaced.

    Another process may replace both between two looks; nothing is damaged while something changes.
    """
    before = None
    while True:
        try:
            weights = read_file(path / WEIGHTS, limit=_MOST_WEIGHTS)
        except FileNotFoundError as error:
            _read_index(path / CONFIG)
            raise FileNotFoundError(
                f"{path} has no {WEIGHTS}: copy the whole encoder folder"
            ) from error
        found = [hashlib.sha256(weights).hexdigest()]
        for index in (path / CONFIG, next_index(path, CONFIG)):
            with suppress(FileNotFoundError):
                config = _read_index(index)
                if config["weights_sha256"] == found[0]:
                    return config, weights
                found.append(config["weights_sha256"])
        if found == before:
            break
        before = found
    _read_index(path / CONFIG)
    raise ValueError(
        f"{path / WEIGHTS} is not the file that {CONFIG} was written with (checksum differs): it "
        f"is damaged or from another encoder; {_REMEDY}"
    )


def find_folder(name: str | PathLike[str], *, revision: str | None = None, **hub: Any) -> Path:
    """Return the encoder folder that a name means, downloading it if need be.

    Args:
        name: A folder here, which goes before all else; one of :func:`slotenv.ready.names`; or an
            id on the hub.
        revision: Branch, tag or commit on the hub.
        **hub: For :func:`huggingface_hub.snapshot_download`.

    Raises:
        TypeError: If the name is no text or path.
        FileNotFoundError: If there is none of them.
    """
    if not isinstance(name, str | PathLike):
        raise TypeError(
            "an encoder is named by a folder, a hub id or a game that has a ready-made one, got "
            f"{type(name).__name__}"
        )
    path = Path(name)
    for folder in (path, path / "encoder"):
        has_config = _is_file(folder / CONFIG) or _is_file(next_index(folder, CONFIG))
        if has_config and (_is_file(folder / WEIGHTS) or _is_encoder_config(folder / CONFIG)):
            return folder
    if _exists(path):
        raise FileNotFoundError(
            f"{path} holds no encoder: neither it nor its subfolder encoder/ has the {CONFIG} of "
            "one (a run folder has it when its training has ended)" + _hidden(path)
        )
    if (game := ready.find(str(name))) is not None:
        return ready.folder(game)
    try:
        allow = [CONFIG, WEIGHTS, CARD]
        return Path(
            huggingface_hub.snapshot_download(
                str(name), revision=revision, allow_patterns=allow, **hub
            )
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        short = str(name) if len(str(name)) <= 200 else f"{str(name)[:200]}..."
        raise FileNotFoundError(
            f"no encoder {short!r}: there is no such folder here, {ready.listing()}, and the "
            f"hub does not give it either ({type(error).__name__}). Make one with: "
            f"python -m pretrain run --out {short}"
        ) from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _hidden(path: Path) -> str:
    """Say so if a folder stands before the ready-made encoder of its name."""
    if (game := ready.find(str(path))) is None:
        return ""
    return f". The encoder of that name in the package is slotenv.ready.folder({game!r})"


def _is_encoder_config(path: Path) -> bool:
    """Tell an encoder's config, a damaged one too, from what others call ``config.json``."""
    try:
        content = read_file(path, limit=_MOST_CONFIG)
    except (OSError, ValueError):
        return False
    return b'"architecture"' in content and b'"weights_sha256"' in content


def _check_replaceable(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise FileExistsError(f"{path} is a file: choose a new folder for the encoder")
    index = next_index(path, CONFIG)
    hidden = re.compile(r"\.(.+)\.[\w-]+\.tmp")  # what a killed save left
    names = {
        p.name for p in path.iterdir() if not ((m := hidden.fullmatch(p.name)) and m[1] in _OURS)
    }
    foreign = names - {*_OURS, index.name}
    if names and not foreign and not any(map(_is_encoder_config, (path / CONFIG, index))):
        foreign = names
    if foreign:
        raise FileExistsError(
            f"{path} holds {', '.join(sorted(foreign)[:3])}, which no encoder folder has: "
            "choose an empty or new folder"
        )


def _check_state(encoder: SlotEncoder, state: dict[str, Any], path: Path) -> None:
    expected = encoder.state_dict()
    missing, extra = expected.keys() - state.keys(), state.keys() - expected.keys()
    if missing or extra:
        raise ValueError(
            f"{path} does not fit its config: missing weights {sorted(missing)}, "
            f"unknown weights {sorted(extra)}"
        )
    for name, tensor in expected.items():
        if state[name].shape != tensor.shape or state[name].dtype != tensor.dtype:
            raise ValueError(
                f"{path}: {name} is {state[name].dtype} {tuple(state[name].shape)}, the config "
                f"needs {tensor.dtype} {tuple(tensor.shape)}"
            )
