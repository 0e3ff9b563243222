"""From frames to all that an encoder of objects is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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
)
from slotenv.encoders.object_mixture.palette import fit_palette
from slotenv.encoders.object_mixture.readout import Readout, fit_readout
from slotenv.encoders.object_mixture.steps import FINAL, Steps
from slotenv.encoders.object_mixture.time_contrast import time_contrast

MAX_RUNS = 384  # of a frame; where there are more they are thinned out, and the rest weighs more
FIT_FRAMES = 400  # spread over all, that the mixture and the readout are fitted to
PALETTE_FRAMES = 200  # spread over all, that colours are taken from
_FIT_RUNS = 200  # as MAX_RUNS, while the mixture is fitted: what takes longest
_STARTS = 4  # where slots start is random: the best of a few is steadier than one
_COST_OF_A_SLOT = 0.01  # nats of time contrast: what a slot must add to be worth having
_NEVER = -12.0  # log probability of a colour that a slot has not had
_NEW = -6.0  # and of one that belongs to no slot yet


class Parts(NamedTuple):
    """What an encoder of objects is made of.

    Attributes:
        mixture: K slots.
        readout: What is usual for each of them.
        background: What is no object, and the palette.
    """

    mixture: Mixture
    readout: Readout
    background: Background

    def state(self) -> dict[str, Tensor]:
        """Return the weights of the encoder that is made of it."""
        return {
            **self.mixture._asdict(),
            **self.readout._asdict(),
            "palette": torch.from_numpy(self.background.palette.colours),
            "usual_colours": torch.from_numpy(self.background.usual),
        }

    def warnings(self, frames: NDArray[np.uint8], max_slots: int) -> list[str]:
        """Say what is wrong with the frames it was fitted to, in sentences."""
        return diagnose(
            self.background.foreground(spread(frames, FIT_FRAMES), max_runs=MAX_RUNS),
            pixels=self.background.usual[..., 0].size,
            num_frames=len(frames),
            num_slots=len(self.mixture.weight),
            max_slots=max_slots,
            num_colours=len(self.background.palette.colours),
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
    steps: Steps = FINAL,
    worth: Callable[[Parts], float] | None = None,
) -> Parts:
    """Find the objects in frames, of which there is one at least.

    Where slots start is random. With ``next_frames``, one step after the first of the frames,
    several starts are tried, and the one of most ``worth`` is kept: by default the one whose slots
    tell best what comes next, fewer before more where there is little between them.
    """
    palette = fit_palette(spread(frames, PALETTE_FRAMES))
    background = steps.fit_background(frames, palette, pooled=pooled)
    num_colours = len(palette.colours)
    announce(f"objects: background of {len(frames):,} frames, {num_colours} colours")
    chosen = spread(frames, FIT_FRAMES)
    runs, thinned = (runs_of(background, chosen, max_runs=most) for most in (MAX_RUNS, _FIT_RUNS))
    generator = torch.Generator().manual_seed(seed)
    starts = _STARTS if next_frames is not None and len(next_frames) else 1

    def start(number: int) -> Parts:
        mixture = fit_mixture(
            thinned,
            num_colours=num_colours,
            max_slots=max_slots,
            generator=generator,
            steps=steps,
        )
        readout, kept = steps.fit_readout(steps.assign(mixture, runs))
        if not kept.any():
            kept[mixture.weight.argmax()] = True
        announce(f"objects: start {number} of {starts}, {int(kept.sum())} slots")
        return Parts(mixture.select(kept), readout.select(kept), background)

    if next_frames is None or starts == 1:
        return start(1)
    pairs = [runs_of(background, one) for one in (frames[: len(next_frames)], next_frames)]

    def foresight(parts: Parts) -> float:
        mixture, readout = parts.mixture, parts.readout
        slots = [steps.read_slots(mixture, readout, steps.assign(mixture, one)) for one in pairs]
        return time_contrast(*slots) - _COST_OF_A_SLOT * len(mixture.weight)

    return max((start(1 + i) for i in range(starts)), key=worth or foresight)


@exact
def refit_parts(
    parts: Parts,
    frames: NDArray[np.uint8],
    *,
    max_slots: int,
    seed: int,
    announce: Callable[[str], object],
) -> Parts:
    """Go on fitting to other frames; slots keep their order and the meaning of their numbers."""
    known = len(parts.mixture.weight)
    palette = fit_palette(spread(frames, PALETTE_FRAMES), known=parts.background.palette)
    background = extend_background(parts.background, frames, palette)
    announce(f"objects: background of {len(frames):,} frames, {len(palette.colours)} colours")
    chosen = spread(frames, FIT_FRAMES)
    mixture = refit_mixture(
        _over_more_colours(parts.mixture, len(palette.colours)),
        runs_of(background, chosen, max_runs=_FIT_RUNS),
        max_slots=max_slots,
        generator=torch.Generator().manual_seed(seed),
    )
    readout, kept = fit_readout(assign(mixture, runs_of(background, chosen)))
    kept[:known] = True
    for field, before in zip(readout, parts.readout, strict=True):
        field[:known] = before
    announce(f"objects: {int(kept.sum()) - known} slots more than the {known} there were")
    return Parts(mixture.select(kept), readout.select(kept), background)


def as_runs(found: ForegroundRuns, palette: Tensor) -> Runs:
    """Turn a foreground into the tensors that slots compete for, where the (C, 3) palette is."""
    runs = (torch.from_numpy(values).to(palette.device) for values in found)
    rows, columns, scatter, colours, weights = runs
    brightness = (palette.float().mean(1) / 255)[colours]
    return Runs(run_features(rows, columns, scatter, brightness), colours, weights)


def runs_of(background: Background, frames: NDArray[np.uint8], *, max_runs: int = MAX_RUNS) -> Runs:
    """Return the foreground of frames (B, H, W, 3) as tensors on the CPU."""
    found = background.foreground(frames, max_runs=max_runs)
    return as_runs(found, torch.from_numpy(background.palette.colours))


def spread(frames: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Return every so many frames, for about ``count`` of them."""
    return frames[:: max(len(frames) // count, 1)]


def _over_more_colours(mixture: Mixture, num_colours: int) -> Mixture:
    """Return a mixture over more colours, those behind as good as never seen."""
    more = num_colours - len(mixture.outlier)
    return mixture._replace(
        colour=F.pad(mixture.colour, (0, more), value=_NEVER).log_softmax(1),
        outlier=F.pad(mixture.outlier, (0, more), value=_NEW),
    )
