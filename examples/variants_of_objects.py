"""Variants of the encoder of objects, each one ingredient away from another.

Used by ``variants.py``. A variant is a way to fit and a list of changes: names in the encoder's own
modules that mean something else while it is fitted and while it encodes. A name that is gone, or
that its module no longer reads, is an error: such a variant would be the final form unnoticed.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

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

from slotenv.encoders.object_mixture import assignment, encoder, fit, foreground, pipeline, readout
from slotenv.encoders.object_mixture.assignment import Assignment, Mixture, Runs
from slotenv.encoders.object_mixture.foreground import Background, fit_background
from slotenv.encoders.object_mixture.palette import Palette
from slotenv.encoders.object_mixture.readout import Readout, read_slots

Change = tuple[ModuleType, str, Any]


class Variant(NamedTuple):
    """A title for tables, a way to fit, and what differs in the encoder meanwhile."""

    title: str
    fit: Callable[[Sample], Encode]
    changes: tuple[Change, ...] = ()


@contextmanager
def changed(variant: Variant) -> Iterator[None]:
    """Make the changes of a variant, and undo them at the end.

    Raises:
        AttributeError: If a module does not have a name, or has it and does not read it.
    """
    with ExitStack() as stack:
        for module, name, value in variant.changes:
            if not any(
                isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
                for node in ast.walk(ast.parse(inspect.getsource(module)))
            ):
                raise AttributeError(
                    f"{module.__name__} does not read {name}: {variant.title!r} changes nothing"
                )
            stack.enter_context(patch.object(module, name, value))
        yield


# Changes are values, or functions in place of functions.


def _not_merged(mixture: Mixture, found: Assignment) -> Mixture:
    return mixture


def _as_they_are(runs: Runs, num_colours: int) -> Tensor:
    return runs.weights


def _fit_as_pooled(frames: Frames, palette: Palette, *, pooled: bool) -> Background:
    return fit_background(frames, palette)


def _as_pooled(usual: NDArray[np.uint8], palette: Palette, *, pooled: bool) -> Background:
    return Background(usual, palette)


def _place_only(mixture: Mixture, readout: Readout, found: Assignment) -> Tensor:
    return read_slots(mixture, readout, found)[..., :3]


_NO_MERGING: tuple[Change, ...] = ((fit, "_merge", _not_merged),)
_NO_PARTING: tuple[Change, ...] = ((fit, "_part_doubles", _not_merged),)
_POOLED: tuple[Change, ...] = (
    (pipeline, "fit_background", _fit_as_pooled),
    (encoder, "Background", _as_pooled),
)
_NO_DROPPING: tuple[Change, ...] = ((fit, "_DROP", 0.0), (readout, "_FEWEST", 0.0))
_ONE_USUAL: tuple[Change, ...] = ((foreground, "USUAL_COLOURS", 1), (encoder, "USUAL_COLOURS", 1))
_NO_LOOKS: tuple[Change, ...] = ((encoder, "read_slots", _place_only),)  # starts are chosen as ever
_AT_HOME: tuple[Change, ...] = ((assignment, "_LOOK_AROUND", (1.0,)),)
_ONE_LOOK: tuple[Change, ...] = ((assignment, "_LOOK_AROUND", (1.0, 0.0)),)
_ALL_AT_ONCE: tuple[Change, ...] = ((fit, "_FIRST", encoder.MAX_SLOTS), (fit, "_MORE", 0))

UP: dict[str, Variant] = {
    "centroids": Variant("colour centroids, K = 8, over the mode", colour_centroids, _ONE_USUAL),
    "fixed": Variant(
        "mixture of colour x row x column",
        first_start,
        (*_AT_HOME, *_NO_MERGING, *_NO_DROPPING, *_NO_PARTING, *_POOLED, *_ONE_USUAL, *_NO_LOOKS),
    ),
    "inferred": Variant(
        "+ place inferred in each frame",
        first_start,
        (*_NO_MERGING, *_NO_DROPPING, *_NO_PARTING, *_POOLED, *_ONE_USUAL, *_NO_LOOKS),
    ),
    "merged": Variant(
        "+ merging and dropping",
        first_start,
        (*_NO_PARTING, *_POOLED, *_ONE_USUAL, *_NO_LOOKS),
    ),
    "parted": Variant("+ doubles put back", first_start, (*_POOLED, *_ONE_USUAL, *_NO_LOOKS)),
    "unpooled": Variant("+ pooled colours undone", first_start, (*_ONE_USUAL, *_NO_LOOKS)),
    "usual": Variant("+ several usual colours at a place", first_start, _NO_LOOKS),
    "first_start": Variant("+ looks", first_start),
    "final": Variant("+ starts chosen by time contrast = final form", several_starts),
}
"""From simple to final, each with one ingredient more than the one before it."""

WITHOUT: dict[str, Variant] = {
    "no_merging": Variant("no merging", several_starts, _NO_MERGING),
    "no_dropping": Variant("no dropping", several_starts, _NO_DROPPING),
    "no_parting": Variant("doubles left as they are", several_starts, _NO_PARTING),
    "pooled": Variant("pooled colours as they are", several_starts, _POOLED),
    "four_looks": Variant(
        "three rounds of looking around",
        several_starts,
        ((assignment, "_LOOK_AROUND", (1.0, 0.25, 0.04, 0.0)),),
    ),
    "enough": Variant(
        "half present with 0.3 of the usual mass, not 0.15",
        several_starts,
        ((readout, "_ENOUGH", 0.3),),
    ),
    "same_look": Variant(
        "looks that change by a pixel are told",
        several_starts,
        ((readout, "_SAME_LOOK", (0.006, 0.005, 0.02)),),
    ),
    "one_usual": Variant("one usual colour at a place", several_starts, _ONE_USUAL),
    "no_wide": Variant(
        "no exception for colours that cover much", several_starts, ((foreground, "_WIDE", 2.0),)
    ),
    "unbalanced": Variant(
        "no balancing of pixels", several_starts, ((fit, "_balanced", _as_they_are),)
    ),
    "at_home": Variant("no place inferred in each frame", several_starts, _AT_HOME),
    "one_look": Variant("one round of looking around", several_starts, _ONE_LOOK),
    "all_at_once": Variant("all slots added at once", several_starts, _ALL_AT_ONCE),
    "no_looks": Variant("no looks: presence, x, y", several_starts, _NO_LOOKS),
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
