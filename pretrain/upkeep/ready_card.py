"""The README of a ready-made encoder."""

from __future__ import annotations

from typing import Any

from slotenv import SlotEncoder, markdown
from slotenv.checkpoint import PICTURE
from slotenv.environments import atari_game
from slotenv.probe import METRICS

_KINDS = {
    "plain": "pixel labels",
    "held": "pixel labels, hidden objects where they were last seen (`hold=True`)",
}
_TRUTHS = {"ocatari": "OCAtari's boxes", "labels": "pixel labels"}
_CARD = """\
---
library_name: slotenv
license: mit
tags: [reinforcement-learning, object-centric, slots, atari]
---

# {name}: {encoder.num_slots} object slots

Fitted without labels to {fitted:,} of {made[frames]:,} frames of a random agent: half \
of them single frames, as `gym.make("ALE/{name}-v5")` gives them, half the maximum of two, as \
agents are often trained on. Either will do. A slot is {encoder.slot_dim} numbers{fields}.

![What slots see in one frame]({picture})

```python
import ale_py  # registers the games
import gymnasium as gym
import slotenv

env = slotenv.ObjectSlotObservation(gym.make("ALE/{name}-v5"))
```

Frames are {frames.height} x {frames.width}.

## What the slots hold

In {judged[frames]:,} single frames of other random play, {judged[present_slots]:.1f} of the \
{encoder.num_slots} slots see something on average, and {judged[foreground]:.1%} of the screen \
differs from the background. Sizes are width x height, places the median of the middle, in pixels. \
`env.boxes` has them for each frame; `encoder.describe(frames)` made this table.

{slots}

## How good it is

{accuracy}

Made and measured by

```
{made[command]}
```
"""
_UNKNOWN = """\
How accurate the slots are was not measured: there is no truth about where objects are in this \
game. Look at the picture."""


def card(game: str, encoder: SlotEncoder) -> str:
    """Return the README of a game's encoder, with ``command`` and ``judged`` in its provenance."""
    judged = encoder.provenance["judged"]
    parts = [*encoder.provenance.get("warnings", ()), *_probe(judged), *_detection(judged)]
    if not (judged["probe"] or judged["detection"]):
        parts.append(_UNKNOWN)
    return _CARD.format(
        name=atari_game(game),
        encoder=encoder,
        fitted=min(encoder.fit_frames, encoder.provenance["frames"]),
        fields="" if encoder.slot_fields is None else f": {', '.join(encoder.slot_fields)}",
        frames=encoder.preprocess,
        picture=PICTURE,
        made=encoder.provenance,
        judged=judged,
        slots="\n".join(_slots(judged)),
        accuracy="\n\n".join(parts),
    )


def _slots(judged: dict[str, Any]) -> list[str]:
    """Return the table of what each slot held."""
    lines = []
    for number, slot in enumerate(judged["slots"]):
        x, y, speed = ("-" if slot[name] is None else slot[name] for name in ("x", "y", "speed"))
        lines.append([number, slot["name"], f"{slot['present']:.0%}", x, y, speed])
    return markdown.table(["slot", "holds", "seen in", "x", "y", "pixels a step"], lines, words=2)


def _probe(judged: dict[str, Any]) -> list[str]:
    """Return the part about the probe, none if there was no probe."""
    if not judged["probe"]:
        return []
    lines = [
        [_KINDS[kind], *(_shown(scores.get(metric)) for metric in METRICS)]
        for kind, scores in judged["probe"].items()
    ]
    headings = ["slots against", *(metric.replace("_", " ") for metric in METRICS)]
    return [
        f"A linear probe of the slots against true coordinates, {judged['probe_frames']:,} single "
        f"frames of seed {judged['seed']:,} (R2 on test frames):",
        "\n".join(markdown.table(headings, lines)),
    ]


def _detection(judged: dict[str, Any]) -> list[str]:
    """Return the part about detection, none if that was not measured."""
    return [
        f"Slots against true boxes, F1: {_shown(f1)} ({_TRUTHS[truth]})."
        for truth, f1 in judged["detection"].items()
    ]


def _shown(score: float | None) -> str:
    return "-" if score is None else f"{score:.3f}"
