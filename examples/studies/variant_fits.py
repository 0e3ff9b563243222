"""Ways to fit the encoder of objects to frames: as pretraining does, and otherwise.

Used by ``variants_of_objects.py``. Each takes a :class:`Sample`, most of them the steps of the fit
as well, and returns what encodes frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slotenv.encoders.base import SlotOutput, silent
from slotenv.encoders.object_mixture import ObjectMixtureEncoder
from slotenv.encoders.object_mixture.fit import (
    FINAL,
    FIT_FRAMES,
    MAX_SLOTS,
    PALETTE_FRAMES,
    Parts,
    Steps,
    fit_parts,
    spread,
)
from slotenv.encoders.object_mixture.foreground import fit_background
from slotenv.encoders.object_mixture.mixture import Assignment, Runs, assign, balance
from slotenv.encoders.palette import fit_palette
from slotenv.encoders.readout import (
    LOOK_QUANTILES,
    MASS,
    PLACE,
    SQUARES,
    fit_readout,
    read_slots,
)
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


def several_starts(
    sample: Sample, steps: Steps = FINAL, worth: Callable[[Parts], float] | None = None
) -> Encode:
    """Fit as pretraining does: the start whose slots tell best what comes next, or worth most."""
    return _encode(_fit(sample, sample.after[:PAIRS], steps, worth), steps)


def first_start(sample: Sample, steps: Steps = FINAL) -> Encode:
    """Take the first start as it is."""
    return _encode(_fit(sample, None, steps), steps)


def likeliest_start(sample: Sample, steps: Steps = FINAL) -> Encode:
    """Take, of the same starts, the one under which frames it was not fitted to are likeliest."""
    # Starts are fitted to the first of every few frames: these come after the second of them.
    others = spread(sample.after[1:], FIT_FRAMES)

    def worth(parts: Parts) -> float:
        runs = parts.background.foreground(others)
        weights = balance(runs, len(parts.mixture.outlier))  # as starts are fitted
        return float(mean_log_likelihood(assign(parts.mixture, runs), weights))

    return several_starts(sample, steps, worth)


def colour_centroids(sample: Sample, steps: Steps = FINAL) -> Encode:
    """Give the most frequent foreground colours a slot each: presence, mean x, mean y.

    What is background is the one most usual colour of a place; there are no steps to take.
    """
    palette = fit_palette(spread(sample.frames, PALETTE_FRAMES))
    background = fit_background(sample.frames, palette, most_usual=1)
    found = background.foreground(spread(sample.frames, FIT_FRAMES))
    counts = np.bincount(found.colours.flatten(), found.weights.flatten(), len(palette.colours))
    chosen = np.argsort(-counts, kind="stable")[:_CENTROIDS]

    def encode(frames: Frames) -> NDArray[np.float32]:
        features, colours, weights = (part.numpy() for part in background.foreground(frames))
        rows, columns = np.moveaxis(features[..., PLACE], -1, 0)  # (B, R)
        slots = np.zeros((len(frames), len(chosen), 3), np.float32)
        for slot, colour in enumerate(chosen):
            weight = weights * (colours == colour)  # (B, R)
            mass = np.maximum(weight.sum(1), 1e-6)
            slots[:, slot, 0] = weight.any(1)
            slots[:, slot, 1] = (weight * columns).sum(1) / mass
            slots[:, slot, 2] = (weight * rows).sum(1) / mass
        return slots

    return encode


def eight_numbers(sample: Sample, steps: Steps = FINAL) -> Encode:
    """Add log mass and slant to what a slot says, relative to what is usual as the other looks."""
    parts = _fit(sample, sample.after[:PAIRS], steps)
    num_slots = len(parts.mixture.weight)

    def read(frames: Frames) -> tuple[Tensor, Tensor]:
        runs = parts.background.foreground(frames)
        mixture = parts.mixture.normalised()
        found = assign(mixture, runs)
        slots = read_slots(mixture.home, parts.readout, found.moments)
        mass = found.moments[..., MASS].clamp(min=1e-4)
        row, column = (found.moments[..., PLACE] / mass.unsqueeze(-1)).unbind(-1)
        row2, column2 = (found.moments[..., SQUARES] / mass.unsqueeze(-1)).unbind(-1)
        product = runs.features[..., PLACE].prod(-1) * runs.weights  # (B, R)
        crossed = torch.einsum("bkr,br->bk", found.posterior[:, :-1], product) / mass
        deviations = ((row2 - row**2) * (column2 - column**2)).clamp(min=1e-16).sqrt()
        slant = (crossed - row * column) / (deviations + 1e-6)
        return slots, torch.stack([mass.log(), slant], -1)

    slots, numbers = read(spread(sample.frames, FIT_FRAMES))
    middle, half = torch.zeros(num_slots, 2), torch.zeros(num_slots, 2)
    for k in range(num_slots):
        if (there := slots[:, k, 0] > 0.5).any():
            low, high = torch.quantile(numbers[there, k], torch.tensor(LOOK_QUANTILES), dim=0)
            middle[k], half[k] = (low + high) / 2, (high - low) / 2
    half[half <= _LEAST_CHANGE] = 0.0

    def encode(frames: Frames) -> NDArray[np.float32]:
        slots, numbers = read(frames)
        more = ((numbers - middle) / torch.where(half > 0, half, 1.0)).clamp(-1, 1) * (half > 0)
        return torch.cat([slots, slots[..., :1] * more], -1).numpy()

    return encode


def fine_tuned(
    sample: Sample, steps: Steps = FINAL, *, diversity: float, likelihood: float
) -> Encode:
    """Train the fitted mixture on with SCN's losses, and measure anew what is usual.

    Args:
        sample: With the next frame of every frame.
        steps: Of the fit before.
        diversity: Weight of SCN's L2 on centred slots; L1 (saliency) has weight 1.
        likelihood: Weight of the negative log likelihood of a foreground pixel.
    """
    parts = _fit(sample, sample.after[:PAIRS], steps)
    sizes, state = parts.sizes_and_state()
    model = ObjectMixtureEncoder(**sizes, preprocess=sample.preset)
    model.load_state_dict(state)
    both = [model.prepare(one) for one in (sample.frames, sample.after)]
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
        slots = [SlotOutput(read_slots(mixture.home, model.readout, one.moments)) for one in found]
        loss = objective(Transition(slots[0], slots[1], torch.zeros(len(chosen)))).loss
        if likelihood:
            loss = loss - likelihood * mean_log_likelihood(found[0], pair[0].weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        every = max(len(sample.frames) // FIT_FRAMES, 1)
        usual, _ = fit_readout(
            assign(model.mixture, Runs._make(f[::every] for f in both[0])).moments
        )
        for name, value in usual._asdict().items():
            model.get_buffer(name).copy_(value)
    return model.eval().encode


def mean_log_likelihood(found: Assignment, weights: Tensor) -> Tensor:
    """Return the log density of a pixel, its mean over pixels that weigh (B, R)."""
    return (found.logits.logsumexp(1) * weights).sum() / weights.sum()


def _fit(
    sample: Sample,
    after: Frames | None,
    steps: Steps,
    worth: Callable[[Parts], float] | None = None,
) -> Parts:
    return fit_parts(
        sample.frames,
        after,
        pooled=sample.preset.max_pool is not False,
        max_slots=MAX_SLOTS,
        seed=sample.seed,
        announce=silent,
        steps=steps,
        worth=worth,
    )


def _encode(parts: Parts, steps: Steps) -> Encode:
    """Encode as an encoder of these parts does, with other steps perhaps."""
    mixture = parts.mixture.normalised()

    def encode(frames: Frames) -> NDArray[np.float32]:
        found = steps.assign(mixture, parts.background.foreground(frames))
        return steps.read_slots(mixture.home, parts.readout, found.moments).numpy()

    return encode
