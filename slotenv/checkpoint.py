"""Encoder folders: ``model.safetensors``, ``config.json`` and a model card, loaded strictly.

``config.json`` names the architecture, rebuilds it without the weights, and carries the frame
preset, where the weights come from, the SHA-256 of the weights and a digest of itself: so it is the
manifest of the folder. A folder is saved and replaced without a moment at which a reader or a kill
finds it broken (:func:`slotenv.atomic.write_folder`); loading writes nothing. No pickle is read or
written. Modules are made from folders, and written into them, by :mod:`slotenv.encoders.saving`.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from os import PathLike
from os.path import exists, isfile  # False for names that no file can have, unlike Path's
from pathlib import Path
from typing import Annotated, Any, NotRequired, cast

import huggingface_hub
import safetensors
import safetensors.torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from pydantic import AfterValidator
from torch import Tensor
from typing_extensions import TypedDict

from slotenv import ready, records
from slotenv.atomic import next_index, read_file, write_folder
from slotenv.frames import FramePreset
from slotenv.records import Count, Positive, Sha256, Text
from slotenv.version import __version__

FORMAT = 2  # has a digest; 1, of slotenv 0.1.0, has none
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"
PICTURE = "slots.png"
"""What a card shows of an encoder, where it shows anything."""
REMEDY = "copy the whole encoder folder again, or pretrain again"
_IN_RUNS = "a run folder holds its encoder in encoder/ when its training has ended"
_OURS = [CONFIG, WEIGHTS, CARD, PICTURE]
_MOST_CONFIG = 1 << 24  # bytes
_MOST_WEIGHTS = 1 << 32  # bytes: a thousand times the largest encoder's


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


def write(
    folder: str | PathLike[str],
    state: Mapping[str, Tensor],
    *,
    architecture: Mapping[str, Any],
    provenance: Mapping[str, Any],
    card: str,
    picture: bytes | None = None,
) -> Path:
    """Write an encoder folder, or replace the encoder that is there; return the folder.

    ``state`` are the weights by name, ``architecture`` has the fields of :class:`Config` of that
    name, ``kwargs`` and perhaps ``module``. ``card`` is the content of the README, ``picture`` a
    PNG file that it may show.

    Raises:
        FileExistsError: If something else than an encoder or an empty folder is there.
        ValueError: If the config could not be read again: ``provenance`` that has no JSON form.
    """
    path = Path(folder)
    _check_replaceable(path)
    weights = safetensors.torch.save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    )
    config = {
        "format": FORMAT,
        "slotenv_version": __version__,
        **architecture,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "provenance": provenance,
    }
    text = records.dumps(config, indent=2) + "\n"
    where = f"what would be {path / CONFIG}"
    records.loads(text, Config, where=where, remedy="change encoder.provenance", newest=FORMAT)
    files: dict[str, bytes | str] = {WEIGHTS: weights, CONFIG: text, CARD: card}
    if picture is None:
        (path / PICTURE).unlink(missing_ok=True)  # of the encoder that was there
    else:
        files[PICTURE] = picture
    write_folder(path, files, index=CONFIG)
    return path


def read(folder: str | PathLike[str]) -> tuple[Config, dict[str, Tensor]]:
    """Return the config of an encoder folder and the weights that belong to it.

    A missing file is a FileNotFoundError; a damaged folder or one of a newer version a ValueError.
    """
    path = Path(folder)
    config, content = _read_both(path)
    try:
        return config, safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path / WEIGHTS} is no safetensors file ({error}): {REMEDY}") from error


def read_config(folder: str | PathLike[str]) -> dict[str, Any]:
    """Read and check ``config.json``, as :func:`read` does.

    The weights are looked at only if a save was cut short.
    """
    path = Path(folder)
    cut_short = next_index(path, CONFIG).is_file() and (path / WEIGHTS).is_file()
    config = _read_both(path)[0] if cut_short else _read_index(path / CONFIG)
    return cast(dict[str, Any], config)


def is_saved(folder: Path) -> bool:
    """Whether a save into a folder came to its end; after a kill in one, it is to be done again."""
    return (folder / CONFIG).is_file() and not next_index(folder, CONFIG).exists()


def _read_index(path: Path) -> Config:
    try:
        return records.read(path, Config, remedy=REMEDY, newest=FORMAT)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path.parent} has no {CONFIG}; {_IN_RUNS}") from error


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
            raise FileNotFoundError(f"{path} has no {WEIGHTS}: {REMEDY}") from error
        found = [hashlib.sha256(weights).hexdigest()]
        for index in (path / CONFIG, next_index(path, CONFIG)):
            with suppress(FileNotFoundError):
                config = _read_index(index)
                if config["weights_sha256"] == found[0]:
                    return config, weights
                found.append(config["weights_sha256"])
        if found == before:
            _read_index(path / CONFIG)
            raise ValueError(
                f"{path / WEIGHTS} is damaged or from another encoder (checksum differs): {REMEDY}"
            )
        before = found


def find_folder(name: str | PathLike[str], **hub: Any) -> Path:
    """Return the encoder folder that a name means, or raise a FileNotFoundError.

    The name is that of a folder here, which goes before all else; one of
    :func:`slotenv.ready.names`; or an id on the hub, downloaded with the other arguments of
    :func:`huggingface_hub.snapshot_download`.
    """
    if not isinstance(name, str | PathLike):
        raise TypeError(
            "an encoder is given by the name of a ready-made one, an encoder folder or a hub id, "
            f"got {type(name).__name__}. Save one in memory with encoder.save_pretrained(folder)."
        )
    path = Path(name)
    for folder in (path, path / "encoder"):
        has_config = isfile(folder / CONFIG) or isfile(next_index(folder, CONFIG))
        if has_config and (isfile(folder / WEIGHTS) or _is_encoder_config(folder / CONFIG)):
            return folder
    game = ready.find(str(name))
    if exists(path):
        ours = f". The package has one of that name: slotenv.ready.folder({game!r})" if game else ""
        raise FileNotFoundError(
            f"{path} holds no encoder ({CONFIG}), nor does its encoder/: {_IN_RUNS}{ours}"
        )
    if game is not None:
        return ready.folder(game)
    try:
        return Path(huggingface_hub.snapshot_download(str(name), allow_patterns=_OURS, **hub))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        short = str(name) if len(str(name)) <= 200 else f"{str(name)[:200]}..."
        raise FileNotFoundError(
            f"no encoder {short!r}: there is no such folder here, {ready.listing(short)}, and the "
            f"hub does not give it either ({type(error).__name__}). Make one with: "
            f"python -m pretrain run --env ALE/Pong-v5 --out {short}"
        ) from error


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
    ours = "|".join(map(re.escape, _OURS))
    temporary = re.compile(rf"\.({ours})\.[\w-]+\.tmp")  # what a killed save left
    names = {p.name for p in path.iterdir() if not temporary.fullmatch(p.name)}
    foreign = names - {*_OURS, index.name}
    if names and not foreign and not any(map(_is_encoder_config, (path / CONFIG, index))):
        foreign = names
    if foreign:
        raise FileExistsError(
            f"{path} holds {', '.join(sorted(foreign)[:3])}, which no encoder folder has: "
            "choose an empty or new folder"
        )
