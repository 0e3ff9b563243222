"""Variants of the encoder of objects, each one ingredient away from another.

Used by ``variants.py``. A variant is a way to fit and its steps
(:class:`slotenv.encoders.object_mixture.fit.Steps`), of which some are replaced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from variant_fits import (
    Encode,
    Frames,
    Sample,
    colour_centroids,
    eight_numbers,
    fine_tuned,
    first_start,
    likeliest_start,
    several_starts,
)

from slotenv.encoders.object_mixture.fit import FINAL, MAX_SLOTS, Steps
from slotenv.encoders.object_mixture.foreground import Background, fit_background
from slotenv.encoders.object_mixture.mixture import Assignment, Mixture, Runs, assign
from slotenv.encoders.palette import Palette
from slotenv.encoders.readout import fit_readout, read_slots


class Variant(NamedTuple):
    """A title for tables, a way to fit, its steps, and whether slots tell looks as well."""

    title: str
    fit: Callable[[Sample, Steps], Encode]
    steps: Steps = FINAL
    looks: bool = True

    def encoder(self, sample: Sample) -> Encode:
        """Fit it, and return what encodes frames."""
        encode = self.fit(sample, self.steps)
        return encode if self.looks else lambda frames: place_only(encode, frames)


def place_only(encode: Encode, frames: Frames) -> NDArray[np.float32]:
    """Return presence and place of slots, (B, K, 3)."""
    return np.ascontiguousarray(encode(frames)[..., :3])


def not_dropped(mixture: Mixture) -> Mixture:
    """Keep rare slots."""
    return mixture


def not_changed(mixture: Mixture, found: Assignment) -> Mixture:
    """Keep slots as they are."""
    return mixture


def not_balanced(runs: Runs, num_colours: int) -> Tensor:
    """Have every pixel count alike."""
    return runs.weights


def fit_as_pooled(frames: Frames, palette: Palette, *, pooled: bool, most_usual: int) -> Background:
    """Leave blended colours as they are."""
    return fit_background(frames, palette, most_usual=most_usual)


AT_HOME = partial(assign, look_around=(1.0,))
ONE_USUAL = partial(fit_background, most_usual=1)
ALL_KEPT = partial(fit_readout, fewest=0.0)

# From final to simple: each takes out one ingredient more.
_USUAL = replace(FINAL, fit_background=ONE_USUAL)
_POOLED = replace(_USUAL, fit_background=partial(fit_as_pooled, most_usual=1))
_DOUBLES = replace(_POOLED, part_doubles=not_changed)
_ALL = replace(_DOUBLES, merge=not_changed, drop_rare=not_dropped, fit_readout=ALL_KEPT)
_FIXED = replace(_ALL, assign=AT_HOME)

UP: dict[str, Variant] = {
    "centroids": Variant("colour centroids, K = 8, over the mode", colour_centroids),
    "fixed": Variant("mixture of colour x row x column", first_start, _FIXED, looks=False),
    "inferred": Variant("+ place inferred in each frame", first_start, _ALL, looks=False),
    "merged": Variant("+ merging and dropping", first_start, _DOUBLES, looks=False),
    "parted": Variant("+ doubles put back", first_start, _POOLED, looks=False),
    "unpooled": Variant("+ pooled colours undone", first_start, _USUAL, looks=False),
    "usual": Variant("+ several usual colours at a place", first_start, looks=False),
    "first_start": Variant("+ looks", first_start),
    "final": Variant("+ starts chosen by time contrast = final form", several_starts),
}
"""From simple to final, each with one ingredient more than the one before it."""

WITHOUT: dict[str, Variant] = {
    "no_merging": Variant("no merging", several_starts, Steps(merge=not_changed)),
    "no_dropping": Variant(
        "no dropping", several_starts, Steps(drop_rare=not_dropped, fit_readout=ALL_KEPT)
    ),
    "no_parting": Variant(
        "doubles left as they are", several_starts, Steps(part_doubles=not_changed)
    ),
    "pooled": Variant(
        "pooled colours as they are",
        several_starts,
        Steps(fit_background=partial(fit_as_pooled, most_usual=3)),
    ),
    "four_looks": Variant(
        "three rounds of looking around",
        several_starts,
        Steps(assign=partial(assign, look_around=(1.0, 0.25, 0.04, 0.0))),
    ),
    "enough": Variant(
        "half present with 0.3 of the usual mass, not 0.15",
        several_starts,
        Steps(
            fit_readout=partial(fit_readout, enough=0.3),
            read_slots=partial(read_slots, enough=0.3),
        ),
    ),
    "same_look": Variant(
        "looks that change by a pixel are told",
        several_starts,
        Steps(fit_readout=partial(fit_readout, same_look=(0.006, 0.005, 0.02))),
    ),
    "one_usual": Variant(
        "one usual colour at a place", several_starts, Steps(fit_background=ONE_USUAL)
    ),
    "no_wide": Variant(
        "no exception for colours that cover much",
        several_starts,
        Steps(fit_background=partial(fit_background, wide=2.0)),
    ),
    "unbalanced": Variant("no balancing of pixels", several_starts, Steps(balance=not_balanced)),
    "at_home": Variant("no place inferred in each frame", several_starts, Steps(assign=AT_HOME)),
    "one_look": Variant(
        "one round of looking around",
        several_starts,
        Steps(assign=partial(assign, look_around=(1.0, 0.0))),
    ),
    "all_at_once": Variant(
        "all slots added at once",
        several_starts,
        Steps(added=(MAX_SLOTS, *(0 for _ in FINAL.added[1:]))),
    ),
    "no_looks": Variant("no looks: presence, x, y", several_starts, looks=False),
    "first_start": UP["first_start"]._replace(title="first start only"),
    "likeliest": Variant("starts chosen by held-out likelihood", likeliest_start),
    "eight": Variant("log mass and slant as well: 8 numbers a slot", eight_numbers),
    "tuned_saliency": Variant(
        "fine-tuned: saliency", partial(fine_tuned, diversity=0.0, likelihood=0.0)
    ),
    "tuned_diversity": Variant(
        "fine-tuned: saliency, diversity", partial(fine_tuned, diversity=1.0, likelihood=0.0)
    ),
    "tuned_likelihood": Variant(
        "fine-tuned: saliency, diversity, likelihood",
        partial(fine_tuned, diversity=1.0, likelihood=1.0),
    ),
}
"""The final form with one ingredient taken out or replaced."""

VARIANTS = UP | WITHOUT
