"""Single steps of fitting: when slots are added, and which are parts of one thing."""

from typing import Any

import pytest
import torch
from moving_blocks import scene

from slotenv.encoders.object_mixture import fit
from slotenv.encoders.object_mixture.assignment import Mixture
from slotenv.encoders.object_mixture.foreground import fit_background
from slotenv.encoders.object_mixture.making import as_runs
from slotenv.encoders.object_mixture.palette import fit_palette


@pytest.mark.parametrize("rounds", [2, 3])
def test_no_slot_is_added_in_the_last_round_of_refitting(
    rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is added there would not be fitted to anything."""
    frames = scene(60).frames
    palette = fit_palette(frames)
    found = fit_background(frames, palette).foreground(frames, max_runs=400)
    pixels = as_runs(found, torch.from_numpy(palette.colours))
    generator = torch.Generator().manual_seed(0)
    sizes = {"num_colours": len(palette.colours), "max_slots": 12}
    before = fit.fit_mixture(pixels, generator=generator, **sizes)
    calls = []
    original = fit._add

    def counted(mixture: Mixture, *rest: Any) -> Mixture:
        calls.append(len(mixture.weight))
        return original(mixture, *rest)

    monkeypatch.setattr(fit, "_add", counted)
    monkeypatch.setattr(fit, "_REFIT_ROUNDS", rounds)
    fit.refit_mixture(before, pixels, max_slots=20, generator=generator)
    assert len(calls) == rounds - 1
    assert calls[0] == len(before.weight)


@pytest.mark.parametrize(
    ("moves", "shakes", "one"),
    [
        (0.01, 0.024, True),  # what hardly moves may shake by 0.025, about a pixel
        (0.01, 0.026, False),
        (0.2, 0.041, True),  # what moves by 0.2 may shake by 0.15 * 0.2 + 0.0125 = 0.0425
        (0.2, 0.044, False),
    ],
)
@pytest.mark.parametrize("axis", [0, 1])
def test_parts_of_one_thing_keep_their_distance(
    moves: float, shakes: float, one: bool, axis: int
) -> None:
    frames = 400
    turn = torch.arange(frames) * 2 * torch.pi / frames
    places = torch.zeros(frames, 2, 2)
    # Both move by `moves`, and apart by `shakes`, in standard deviations; the two do not correlate.
    places[:, :, axis] = 2**0.5 * moves * turn.sin()[:, None]
    shaking = 2**0.5 * shakes * (7 * turn).sin()
    places[:, 0, axis] += shaking / 2
    places[:, 1, axis] -= shaking / 2
    least = float(places[:, :, axis].std(0).min())
    limit = max(0.025, 0.15 * least + 0.0125)
    assert (float(shaking.std()) < limit) == one  # the case is on the side that it says
    mixture = Mixture(
        torch.zeros(2, 1),
        torch.zeros(2),
        torch.full((2, 2), 0.1).log(),
        torch.zeros(2, 2),
        torch.zeros(2, 2),
        torch.zeros(1),
    )
    there = torch.ones(frames, 2, dtype=torch.bool)
    assert fit._are_one(list(mixture), there, places, 0, 1) == one
