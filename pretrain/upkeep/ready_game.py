"""One game's ready-made encoder: fitted, judged and written, unless that is done."""

from __future__ import annotations

import ast
import hashlib
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ale_py
import torch
from PIL import Image
from threadpoolctl import threadpool_limits

from pretrain.config import TrainConfig
from pretrain.drawing.files import to_png
from pretrain.training.batches import pair_starts
from pretrain.training.encoders import differences, provenance
from pretrain.training.sample import draw_sample, mix_samples
from pretrain.upkeep.plays import recorded_play
from pretrain.upkeep.ready_card import card
from pretrain.upkeep.ready_figures import Figures, figures_to_have, judge
from slotenv import SlotEncoder, encoders
from slotenv.checkpoint import CARD, PICTURE, is_saved, read_config
from slotenv.encoders import FittedEncoder, ObjectEncoder
from slotenv.encoders.saving import save

_FITS = ("objects.fit", "diagnosis")  # modules that decide its weights and warnings
_SEED = 0  # of the play, the sample and the fit
_MOST_PICTURE = 12_000  # bytes: an eighth of an encoder's folder
_PALETTES = (256, 128, 64, 32, 16)  # colours, of which the most are kept that fit


@dataclass(frozen=True, kw_only=True)
class Game:
    """What is to be made of one game.

    Attributes:
        name: In ALE's spelling.
        out: Folder of the encoders' folders.
        data: Folder of frames.
        frames: Frames of random play that the encoder's are drawn from.
        probe_frames: Frames of the probe, where there are labels.
        detection: Folder of ``upkeep detection``, which need not be there.
        command: What makes it, for its card.
        code: Digest of the code that fits, as :func:`code_digest` gives it.
    """

    name: str
    out: Path
    data: Path
    frames: int
    probe_frames: int
    detection: Path
    command: str
    code: str

    @property
    def key(self) -> str:
        """The game's key."""
        return self.name.lower()

    @property
    def folder(self) -> Path:
        """The encoder's folder."""
        return self.out / self.key

    @property
    def made(self) -> dict[str, Any]:
        """All that decides the weights; the same frames come from the same numbers."""
        return {
            "frames": self.frames,
            "seed": _SEED,
            "fit_frames": ObjectEncoder.fit_frames,
            "code": self.code,
            "ale_py": ale_py.__version__,
        }

    def figures(self) -> Figures:
        """Return what decides the figures of the encoder that is there, if there is one."""
        there = self._there()
        weights = there["weights_sha256"] if there else None
        return figures_to_have(
            self.key, weights, probe_frames=self.probe_frames, detection=self.detection
        )

    def is_fitted(self) -> bool:
        """Whether the encoder that is there is the one that would be made."""
        return not differences(self._provenance().get("made", {}), self.made)

    def is_judged(self) -> bool:
        """Whether it has been judged as it would be, and drawn.

        What ``upkeep detection`` found is only read, so that it is not worth judging again.
        """
        judged = self._provenance().get("judged", {})
        wanted = {name: value for name, value in self.figures().items() if name != "detection"}
        is_drawn = "slots" in judged and (self.folder / PICTURE).exists()
        return is_drawn and self.is_fitted() and not differences(judged, wanted)

    def is_done(self) -> bool:
        """Whether it has also the card that would be written."""
        if not (self.is_judged() and (self.folder / CARD).exists()):
            return False
        if differences(self._provenance()["judged"], self.figures()):
            return False
        text = card(self.key, SlotEncoder.from_pretrained(self.folder))
        return (self.folder / CARD).read_text() == text

    def _there(self) -> dict[str, Any]:
        return read_config(self.folder) if is_saved(self.folder) else {}

    def _provenance(self) -> dict[str, Any]:
        made: dict[str, Any] = self._there().get("provenance", {})
        return made


def code_digest() -> str:
    """Return a digest of the code that fits an encoder of objects: other code, other slots.

    Comments, docstrings and layout do not count, nor does what only reads a fitted encoder.
    """
    digest = hashlib.sha256()
    for path in fitting_files():
        digest.update(bare_code(path.read_text()).encode())
    return digest.hexdigest()


def fitting_files() -> list[Path]:
    """Return the modules that fit and diagnose, and those of encoders that they import."""
    folder = Path(encoders.__path__[0])
    wanted, found = [*_FITS], set()
    while wanted:
        path = folder.joinpath(*wanted.pop().split(".")).with_suffix(".py")
        if path.exists() and path not in found:
            found.add(path)
            wanted += _imported(path.read_text(), encoders.__name__)
    return sorted(found)


def _imported(source: str, package: str) -> set[str]:
    """Return what a module imports of a package: names of modules below it, with dots."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}."):
            inside = str(node.module).removeprefix(package).removeprefix(".")
            names |= {inside, *(f"{inside}.{alias.name}".lstrip(".") for alias in node.names)}
    return names - {""}


def bare_code(source: str) -> str:
    """Return what Python makes of a module's source, without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.ClassDef() | ast.FunctionDef() if ast.get_docstring(node):
                del node.body[0]
    return ast.dump(tree)


def make_game(game: Game, threads: int | None = None) -> str:
    """Make a game's encoder, and say in a line how it came out.

    Raises:
        ValueError: If its folder holds something else, or the game cannot be collected or fitted.
    """
    if threads is not None:
        torch.set_num_threads(threads)
        threadpool_limits(threads)
    encoder = SlotEncoder.from_pretrained(game.folder) if game.is_fitted() else _fit(game)
    assert isinstance(encoder, FittedEncoder)
    if game.is_judged():
        picture = (game.folder / PICTURE).read_bytes()
        figures = encoder.provenance["judged"] | {"detection": game.figures()["detection"]}
    else:
        figures, drawn = judge(encoder, game.key, game.figures(), game.data)
        picture = small_png(drawn)
        encoder.provenance |= {"command": game.command, "made": game.made}
    encoder.provenance["judged"] = figures
    text = card(game.key, encoder)
    folder = save(encoder, game.folder, card=text, picture=picture)
    size = sum(path.stat().st_size for path in folder.iterdir())
    said = [f"{encoder.num_slots} slots, {figures['present_slots']:.1f} present"]
    said += [f"R2 {kind} {s['ridge_accuracy']:.2f}" for kind, s in figures["probe"].items()]
    said += [f"F1 {truth} {f1:.2f}" for truth, f1 in figures["detection"].items() if f1 is not None]
    return ", ".join([*said, f"{size / 1000:.0f} kB", *encoder.provenance.get("warnings", ())])


def small_png(picture: Image.Image) -> bytes:
    """Return a PNG of at most 12 kB, or the smallest that fewer colours make."""
    for colours in _PALETTES:
        file = to_png(picture, colours)
        if len(file) <= _MOST_PICTURE:
            break
    return file


def _fit(game: Game) -> ObjectEncoder:
    """Fit an encoder to single frames and to the maximum of two alike."""
    single, pooled = (
        recorded_play(game.data, game.name, preset=preset, frames=frames, seed=_SEED)
        for preset, frames in {
            "v5": game.frames - game.frames // 2,
            "scn": game.frames // 2,
        }.items()
    )
    count, pairs = ObjectEncoder.fit_frames // 2, ObjectEncoder.fit_pairs // 2
    sample = mix_samples(
        [
            draw_sample(store, pair_starts(store.episode), count, pairs=pairs, seed=_SEED)
            for store in (single, pooled)
        ],
        seed=_SEED,
    )
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the provenance keeps what they say
        encoder = ObjectEncoder.from_frames(
            sample.frames,
            next_frames=sample.next_frames,
            preprocess=replace(single.preset, max_pool=None),
            seed=_SEED,
        )
    seconds = time.monotonic() - began
    made = provenance(single, TrainConfig(seed=_SEED), updates=0, seconds=seconds, device="cpu")
    both = {"frames": game.frames, "pooled_data_checksum": pooled.checksum}
    encoder.provenance = {**encoder.provenance, **made, **both}
    return encoder.eval()
