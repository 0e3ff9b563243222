"""From frames to all that an encoder of objects is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.modes import exact
from slotenv.encoders.object_mixture.assignment import Mixture, Runs, assign, run_features
from slotenv.encoders.object_mixture.diagnosis import diagnose
from slotenv.encoders.object_mixture.fit import fit_mixture, refit_mixture
from slotenv.encoders.object_mixture.foreground import (
    Background,
    ForegroundRuns,
    extend_background,
    fit_background,
)
from slotenv.encoders.object_mixture.palette import fit_palette
from slotenv.encoders.object_mixture.readout import Readout, fit_readout, read_slots
from slotenv.encoders.object_mixture.time_contrast import time_contrast
from slotenv.frames import FramePreset

MAX_RUNS = 384
_FIT_FRAMES = 400
_FIT_RUNS = 200
_PALETTE_FRAMES = 200
_STARTS = 4
_COST_OF_A_SLOT = 0.01  # nats of time contrast
_NEVER = -12.0  # log probability of a colour that a slot has not had
_NEW = -6.0  # and of one that belongs to no slot yet

_Fields = TypeVar("_Fields", Mixture, Readout)


class Parts(NamedTuple):
    """What an encoder of objects is made of.

    Attributes:
        mixture: K slots.
        readout: What is usual for each of them.
        background: What is no object, and the palette.
        warnings: What is wrong with the frames, in sentences.
    """

    mixture: Mixture
    readout: Readout
    background: Background
    warnings: tuple[str, ...] = ()

    def state(self) -> dict[str, Tensor]:
        """Return the weights of the encoder that is made of it."""
        return {
            **self.mixture._asdict(),
            "usual_mass": self.readout.mass,
            "moves": self.readout.moves,
            "look": self.readout.look,
            "look_range": self.readout.look_range,
            "palette": torch.from_numpy(self.background.palette.colours),
            "usual_colours": torch.from_numpy(self.background.usual),
        }


def check_sample(
    preset: FramePreset, frames: NDArray[np.uint8], next_frames: NDArray[np.uint8] | None = None
) -> None:
    """Raise unless these are frames to find objects in, of that preset.

    Raises:
        TypeError: If frames are not uint8.
        ValueError: If they have another shape, there are none, or more next frames than frames.
    """
    preset.check_frames(frames)
    if len(frames) == 0:
        raise ValueError("an encoder of objects needs frames to find them in, got none")
    if next_frames is None:
        return
    preset.check_frames(next_frames)
    if len(next_frames) > len(frames):
        raise ValueError(
            f"next_frames are those after the first frames, got {len(next_frames)} of them for "
            f"{len(frames)} frames"
        )


@exact
def fit_parts(
    frames: NDArray[np.uint8],
    next_frames: NDArray[np.uint8] | None,
    *,
    pooled: bool,
    max_slots: int,
    seed: int,
    announce: Callable[[str], object],
) -> Parts:
    """Find the objects in frames.

    Where slots start is random. With ``next_frames`` several starts are tried, and the slots that
    tell best what comes next are kept, fewer before more where there is little between them.

    Args:
        frames: (N, H, W, 3) uint8, at least one.
        next_frames: (M, H, W, 3) uint8, one step after the first M of the frames.
        pooled: Whether each frame is the maximum of two.
        max_slots: Upper limit of K.
        seed: Decides where slots start.
        announce: Called with a line about progress now and then.
    """
    palette = fit_palette(_some(frames, _PALETTE_FRAMES))
    background = fit_background(frames, palette, pooled=pooled)
    chosen = _some(frames, _FIT_FRAMES)
    found = background.foreground(chosen, max_runs=MAX_RUNS)
    runs, thinned = _of(background, found), _runs(background, chosen, _FIT_RUNS)
    generator = torch.Generator().manual_seed(seed)
    starts = _STARTS if next_frames is not None and len(next_frames) else 1

    def start(number: int) -> Parts:
        mixture = fit_mixture(
            thinned,
            num_colours=len(palette.colours),
            max_slots=max_slots,
            generator=generator,
        )
        readout, kept = fit_readout(assign(mixture, runs))
        if not kept.any():
            kept[mixture.weight.argmax()] = True
        announce(f"objects: start {number} of {starts}, {int(kept.sum())} slots")
        return Parts(_only(kept, mixture), _only(kept, readout), background)

    def diagnosed(parts: Parts) -> Parts:
        return parts._replace(warnings=_warnings(parts, found, frames, max_slots))

    announce(f"objects: background of {len(frames):,} frames, {len(palette.colours)} colours")
    if next_frames is None or starts == 1:
        return diagnosed(start(1))
    moments = (frames[: len(next_frames)], next_frames)
    pairs = [_runs(background, one, MAX_RUNS) for one in moments]

    def value(parts: Parts) -> float:
        mixture, readout = parts.mixture, parts.readout
        slots = [read_slots(mixture, readout, assign(mixture, one)) for one in pairs]
        return time_contrast(*slots) - _COST_OF_A_SLOT * len(mixture.weight)

    return diagnosed(max((start(1 + i) for i in range(starts)), key=value))


@exact
def refit_parts(
    parts: Parts,
    frames: NDArray[np.uint8],
    *,
    max_slots: int,
    seed: int,
    announce: Callable[[str], object],
) -> Parts:
    """Go on fitting to other frames; slots keep their order and the meaning of their numbers.

    Args:
        parts: Where to go on from.
        frames: (N, H, W, 3) uint8, at least one.
        max_slots: Upper limit of K.
        seed: Decides where new slots start.
        announce: Called with a line about progress now and then.
    """
    known = len(parts.mixture.weight)
    palette = fit_palette(_some(frames, _PALETTE_FRAMES), known=parts.background.palette)
    background = extend_background(parts.background, frames, palette)
    announce(f"objects: background of {len(frames):,} frames, {len(palette.colours)} colours")
    chosen = _some(frames, _FIT_FRAMES)
    found = background.foreground(chosen, max_runs=MAX_RUNS)
    mixture = refit_mixture(
        _over_more_colours(parts.mixture, len(palette.colours)),
        _runs(background, chosen, _FIT_RUNS),
        max_slots=max_slots,
        generator=torch.Generator().manual_seed(seed),
    )
    readout, kept = fit_readout(assign(mixture, _of(background, found)))
    kept[:known] = True
    for field, before in zip(readout, parts.readout, strict=True):
        field[:known] = before
    announce(f"objects: {int(kept.sum()) - known} slots more than the {known} there were")
    refitted = Parts(_only(kept, mixture), _only(kept, readout), background)
    return refitted._replace(warnings=_warnings(refitted, found, frames, max_slots))


def as_runs(found: ForegroundRuns, palette: Tensor) -> Runs:
    """Turn a foreground into the tensors that slots compete for, where the palette is.

    Args:
        found: The foreground.
        palette: (C, 3) uint8, RGB.
    """
    runs = (torch.from_numpy(values).to(palette.device) for values in found)
    rows, columns, scatter, colours, weights = runs
    brightness = (palette.float().mean(1) / 255)[colours]
    return Runs(run_features(rows, columns, scatter, brightness), colours, weights)


def _runs(background: Background, frames: NDArray[np.uint8], most: int) -> Runs:
    return _of(background, background.foreground(frames, max_runs=most))


def _of(background: Background, found: ForegroundRuns) -> Runs:
    return as_runs(found, torch.from_numpy(background.palette.colours))


def _warnings(
    parts: Parts, found: ForegroundRuns, frames: NDArray[np.uint8], max_slots: int
) -> tuple[str, ...]:
    said = diagnose(
        found,
        pixels=frames.shape[1] * frames.shape[2],
        num_frames=len(frames),
        num_slots=len(parts.mixture.weight),
        max_slots=max_slots,
        num_colours=len(parts.background.palette.colours),
    )
    return tuple(said)


def _some(frames: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    return frames[:: max(len(frames) // count, 1)]


def _only(kept: Tensor, fields: _Fields) -> _Fields:
    """Return the slots of a mixture or a readout that are kept."""
    chosen = {name: value[kept] for name, value in fields._asdict().items() if name != "outlier"}
    return fields._replace(**chosen)


def _over_more_colours(mixture: Mixture, num_colours: int) -> Mixture:
    """Return a mixture over more colours, those behind as good as never seen."""
    more = num_colours - len(mixture.outlier)
    return mixture._replace(
        colour=F.pad(mixture.colour, (0, more), value=_NEVER).log_softmax(1),
        outlier=F.pad(mixture.outlier, (0, more), value=_NEW),
    )
