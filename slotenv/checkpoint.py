"""Encoder folders: ``model.safetensors``, ``config.json`` and a model card, loaded strictly.

``config.json`` names the architecture, rebuilds it without the weights, and carries the frame
preset, where the weights come from and their SHA-256, so that a mixed-up folder is recognised.
No pickle is read or written.
"""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any

import huggingface_hub
import safetensors
import safetensors.torch
import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from slotenv import __version__, ready
from slotenv.atomic import atomic_folder, recover_folder, write_atomic
from slotenv.encoders import ENCODERS, SlotEncoder

FORMAT = 1
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
_NEEDED = ("format", "architecture", "kwargs", "weights_sha256", "slotenv_version")


def save(encoder: SlotEncoder, folder: str | PathLike[str], *, card: str | None = None) -> Path:
    """Write an encoder folder, replacing one that is there in a single step.

    Args:
        encoder: What to write.
        folder: Where, made if missing.
        card: Content of its README; default: :func:`model_card`.

    Returns:
        The folder.

    Raises:
        FileExistsError: If something else than an encoder or an empty folder is there.
    """
    path = Path(folder)
    recover_folder(path)
    _check_replaceable(path)
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
    with atomic_folder(path) as temporary:
        write_atomic(temporary / WEIGHTS, weights)
        write_atomic(temporary / CONFIG, json.dumps(config, indent=2) + "\n")
        write_atomic(temporary / CARD, model_card(encoder) if card is None else card)
    return path


def load(folder: str | PathLike[str]) -> SlotEncoder:
    """Rebuild an encoder from its folder, in evaluation mode on the CPU.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the folder is damaged, of another version, or the weights do not fit.
    """
    path = Path(folder)
    config = read_config(path)
    with torch.random.fork_rng(devices=[]):  # fresh weights must not use up the caller's numbers
        encoder = build(config)
    weights = path / WEIGHTS
    if not weights.is_file():
        raise FileNotFoundError(f"{path} has no {WEIGHTS}: copy the whole encoder folder")
    content = weights.read_bytes()
    if hashlib.sha256(content).hexdigest() != config["weights_sha256"]:
        raise ValueError(
            f"{weights} is not the file that {CONFIG} was written with (checksum differs): "
            "it is damaged or from another encoder; copy the folder again or pretrain again"
        )
    try:
        state = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{weights} is no safetensors file: {error}") from error
    _check_state(encoder, state, weights)
    encoder.load_state_dict(state)
    encoder.provenance = config.get("provenance", {})
    return encoder.eval()


def read_config(folder: str | PathLike[str]) -> dict[str, Any]:
    """Read and check ``config.json``, without the weights.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no slot encoder's or from a newer version.
    """
    path = Path(folder) / CONFIG
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} has no {CONFIG}: it is no encoder folder (a run folder holds one in "
            "encoder/ when its training has ended)"
        )
    try:
        config: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    missing = [key for key in _NEEDED if key not in config] if isinstance(config, dict) else _NEEDED
    if missing:
        raise ValueError(f"{path} is no slot encoder's config: it lacks {', '.join(missing)}")
    if config["format"] != FORMAT:
        raise ValueError(
            f"{path} has format {config['format']}, written by slotenv "
            f"{config['slotenv_version']}. This is slotenv {__version__}, which reads format "
            f"{FORMAT}: install that version"
        )
    return config


def build(config: dict[str, Any]) -> SlotEncoder:
    """Make the module that a config describes, with fresh weights."""
    name = config["architecture"]
    if name not in ENCODERS:
        raise ValueError(f"no encoder named {name!r}; this slotenv has {', '.join(ENCODERS)}")
    try:
        return ENCODERS[name](**config["kwargs"])
    except TypeError as error:
        raise ValueError(f"config of encoder {name!r} does not fit: {error}") from error


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
        recover_folder(folder)
        has_weights = (folder / WEIGHTS).is_file()
        if (folder / CONFIG).is_file() and (has_weights or _is_encoder_config(folder / CONFIG)):
            return folder
    if path.exists():
        raise FileNotFoundError(
            f"{path} holds no encoder: neither it nor its subfolder encoder/ has the {CONFIG} of "
            "one (a run folder has it when its training has ended)" + _hidden(path)
        )
    if str(name) in ready.names():
        return ready.folder(str(name))
    try:
        allow = [CONFIG, WEIGHTS, CARD]
        return Path(
            huggingface_hub.snapshot_download(
                str(name), revision=revision, allow_patterns=allow, **hub
            )
        )
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise FileNotFoundError(
            f"no encoder {str(name)!r}: there is no such folder here, {ready.listing()}, and the "
            f"hub does not give it either ({type(error).__name__}). Make one with: "
            f"python -m pretrain run --out {name}"
        ) from error


def _hidden(path: Path) -> str:
    """Say so if a folder stands before the ready-made encoder of its name."""
    if str(path) not in ready.names():
        return ""
    return f". The encoder of that name in the package is slotenv.ready.folder({str(path)!r})"


def model_card(encoder: SlotEncoder) -> str:
    """Return the README of an encoder folder, from what the encoder knows of itself."""
    frames = encoder.preprocess
    lines = [
        "---",
        "library_name: slotenv",
        "license: mit",
        "tags: [reinforcement-learning, object-centric, slots]",
        "---",
        "",
        f"# {encoder.num_slots} object slots of {encoder.slot_dim} numbers",
        "",
        f"A slot encoder of architecture `{encoder.architecture}`, pretrained without labels on "
        f"frames {frames.height} x {frames.width} (preset `{frames.name}`).",
        "",
        "```python",
        "import gymnasium as gym, slotenv",
        f'env = slotenv.ObjectSlotObservation(gym.make("{_env_id(encoder)}"), "this/folder")',
        "```",
        "",
    ]
    if encoder.provenance:
        lines += ["| pretraining | |", "|---|---|"]
        lines += [f"| {key} | {value} |" for key, value in encoder.provenance.items()]
        lines += [""]
    lines += ["Method: Slot Contrastive Networks, https://arxiv.org/abs/2007.09294.", ""]
    return "\n".join(lines)


def _env_id(encoder: SlotEncoder) -> str:
    return str(encoder.provenance.get("env_id", "ALE/Pong-v5"))


def _is_encoder_config(path: Path) -> bool:
    try:
        config = json.loads(path.read_text())
    except ValueError:
        return path.with_name(WEIGHTS).exists()
    return isinstance(config, dict) and ("architecture" in config or "format" in config)


def _check_replaceable(path: Path) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise FileExistsError(f"{path} is a file: choose a new folder for the encoder")
    names = {p.name for p in path.iterdir()}
    foreign = names - {CONFIG, WEIGHTS, CARD}
    if names and not foreign and not (CONFIG in names and _is_encoder_config(path / CONFIG)):
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
