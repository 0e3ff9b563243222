"""Ways to fit the encoder of objects to frames: as pretraining does, and otherwise.

Used by ``variants_of_objects.py``. Each takes a :class:`Sample` and returns what encodes frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.base import SlotOutput
from slotenv.encoders.object_mixture import ObjectMixtureEncoder, fit, pipeline, readout
from slotenv.encoders.object_mixture.assignment import Assignment, Runs, assign
from slotenv.encoders.object_mixture.foreground import fit_background
from slotenv.encoders.object_mixture.palette import fit_palette
from slotenv.encoders.object_mixture.pipeline import Parts, as_runs
from slotenv.encoders.object_mixture.readout import fit_readout, read_slots
from slotenv.frames import FramePreset
from slotenv.objectives import SlotContrastive, Transition

Frames = NDArray[np.uint8]
Encode = Callable[[Frames], NDArray[np.float32]]

PAIRS = 256  # frames with the next one beside them that starts are chosen by, as in pretraining
_CENTROIDS = 8
_BATCH, _RATE = 48, 3e-3  # of fine-tuning
_LEAST_CHANGE = torch.tensor([0.08, 0.05])  # half ranges of log mass and slant that count as one


class Sample(NamedTuple):
    """What every variant is fitted to.

    Attributes:
        frames: (N, H, W, 3).
        after: (N, H, W, 3) one step later; only fine-tuning looks at more than the first 256.
        preset: Of the frames.
        seed: Decides where slots start.
        updates: Of fine-tuning.
    """

    frames: Frames
    after: Frames
    preset: FramePreset
    seed: int
    updates: int = 150


def fitted(sample: Sample) -> ObjectMixtureEncoder:
    """Fit the encoder as pretraining does."""
    return ObjectMixtureEncoder.from_frames(
        sample.frames,
        next_frames=sample.after[:PAIRS],
        preprocess=sample.preset,
        seed=sample.seed,
    ).eval()


def several_starts(sample: Sample) -> Encode:
    """Fit as pretraining does: the start whose slots tell best what comes next."""
    return fitted(sample).encode


def first_start(sample: Sample) -> Encode:
    """Take the first start as it is."""
    return ObjectMixtureEncoder.from_frames(
        sample.frames, preprocess=sample.preset, seed=sample.seed
    ).encode


def likeliest_start(sample: Sample) -> Encode:
    """Take, of the same starts, the one under which frames it was not fitted to are likeliest."""
    starts: list[Parts] = []

    def noted(*parts: Any) -> Parts:
        starts.append(Parts(*parts))
        return starts[-1]

    with patch.object(pipeline, "Parts", noted):
        fitted(sample)
    background = starts[0].background
    palette = torch.from_numpy(background.palette.colours)
    # Starts are fitted to the first of every few frames: these come after the second of them.
    others = pipeline._some(sample.after[1:], pipeline._FIT_FRAMES)
    runs = as_runs(background.foreground(others, max_runs=pipeline.MAX_RUNS), palette)
    weights = fit._balanced(runs, len(palette))  # as starts are fitted

    def value(parts: Parts) -> float:
        return float(mean_log_likelihood(assign(parts.mixture, runs), weights))

    return ObjectMixtureEncoder._made_of(max(starts, key=value), sample.preset).eval().encode


def colour_centroids(sample: Sample) -> Encode:
    """Give the most frequent foreground colours a slot each: presence, mean x, mean y."""
    palette = fit_palette(pipeline._some(sample.frames, pipeline._PALETTE_FRAMES))
    background = fit_background(sample.frames, palette)
    some = pipeline._some(sample.frames, pipeline._FIT_FRAMES)
    found = background.foreground(some, max_runs=pipeline.MAX_RUNS)
    counts = np.bincount(found.colours.reshape(-1), found.weights.reshape(-1), len(palette.colours))
    chosen = np.argsort(-counts, kind="stable")[:_CENTROIDS]

    def encode(frames: Frames) -> NDArray[np.float32]:
        found = background.foreground(frames, max_runs=pipeline.MAX_RUNS)
        slots = np.zeros((len(frames), len(chosen), 3), np.float32)
        for slot, colour in enumerate(chosen):
            weight = found.weights * (found.colours == colour)  # (B, R)
            mass = np.maximum(weight.sum(1), 1e-6)
            slots[:, slot, 0] = weight.any(1)
            slots[:, slot, 1] = (weight * found.columns).sum(1) / mass
            slots[:, slot, 2] = (weight * found.rows).sum(1) / mass
        return slots

    return encode


def eight_numbers(sample: Sample) -> Encode:
    """Add log mass and slant to what a slot says, relative to what is usual as the other looks."""
    model = fitted(sample)

    def found(frames: Frames) -> tuple[Tensor, Tensor]:
        runs = as_runs(model.prepare(frames), model.palette)
        found = assign(model.mixture, runs)
        slots = read_slots(model.mixture, model.readout, found)
        mass = found.moments[..., 0].clamp(min=1e-4)
        row, column, row2, column2 = (found.moments[..., i] / mass for i in range(1, 5))
        product = runs.features[..., 1] * runs.features[..., 2] * runs.weights  # (B, R)
        crossed = torch.einsum("bkr,br->bk", found.posterior[:, :-1], product) / mass
        deviations = ((row2 - row**2) * (column2 - column**2)).clamp(min=1e-16).sqrt()
        slant = (crossed - row * column) / (deviations + 1e-6)
        return slots, torch.stack([mass.log(), slant], -1)

    with torch.no_grad():
        slots, numbers = found(pipeline._some(sample.frames, pipeline._FIT_FRAMES))
    middle, half = torch.zeros(model.num_slots, 2), torch.zeros(model.num_slots, 2)
    for k in range(model.num_slots):
        if (there := slots[:, k, 0] > 0.5).any():
            low, high = torch.quantile(numbers[there, k], torch.tensor(readout._RANGE), dim=0)
            middle[k], half[k] = (low + high) / 2, (high - low) / 2
    half[half <= _LEAST_CHANGE] = 0.0

    @torch.no_grad()
    def encode(frames: Frames) -> NDArray[np.float32]:
        slots, numbers = found(frames)
        more = ((numbers - middle) / torch.where(half > 0, half, 1.0)).clamp(-1, 1) * (half > 0)
        return torch.cat([slots, slots[..., :1] * more], -1).numpy()

    return encode


def fine_tuned(sample: Sample, *, diversity: float, likelihood: float) -> Encode:
    """Train the fitted mixture on with SCN's losses, and measure anew what is usual.

    Args:
        sample: With the next frame of every frame.
        diversity: Weight of SCN's L2 on centred slots; L1 (saliency) has weight 1.
        likelihood: Weight of the negative log likelihood of a foreground pixel.
    """
    model = fitted(sample)
    both = [as_runs(model.prepare(one), model.palette) for one in (sample.frames, sample.after)]
    objective = SlotContrastive(
        slot_dim=model.slot_dim, diversity_weight=diversity, center_diversity=True
    )
    with torch.no_grad():  # a product of equal slots is large from the start
        objective.saliency_projection.weight.copy_(5 * torch.eye(model.slot_dim))
    optimizer = torch.optim.Adam([*model.parameters(), *objective.parameters()], lr=_RATE)
    generator = torch.Generator().manual_seed(sample.seed)
    for _ in range(sample.updates):
        chosen = torch.randperm(len(sample.frames), generator=generator)[:_BATCH]
        pair = [Runs._make(field[chosen] for field in runs) for runs in both]
        mixture = model.mixture
        found = [assign(mixture, runs) for runs in pair]
        slots = [SlotOutput(read_slots(mixture, model.readout, one)) for one in found]
        loss = objective(Transition(slots[0], slots[1], torch.zeros(len(chosen)))).loss
        if likelihood:
            loss = loss - likelihood * mean_log_likelihood(found[0], pair[0].weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        every = max(len(sample.frames) // pipeline._FIT_FRAMES, 1)
        usual, _ = fit_readout(assign(model.mixture, Runs._make(f[::every] for f in both[0])))
        for name, value in zip(("usual_mass", "moves", "look", "look_range"), usual, strict=True):
            model.get_buffer(name).copy_(value)
    return model.encode


def mean_log_likelihood(found: Assignment, weights: Tensor) -> Tensor:
    """Return the log density of a pixel, its mean over pixels that weigh (B, R)."""
    return (found.logits.logsumexp(1) * weights).sum() / weights.sum()
