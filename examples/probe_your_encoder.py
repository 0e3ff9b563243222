"""Probe any function from frames to (B, K, D) against the true object coordinates in Atari RAM.

    python examples/probe_your_encoder.py

The "encoder" here needs no learning: it knows Pong's colours, and gives for each colour where its
pixels are. Put your own network in its place. ``--encoder`` probes one of slotenv's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import slotenv
from pretrain.data.collect import collect_data
from pretrain.data.store import FrameStore

# Pong's moving things: the agent's paddle, the opponent's, the ball.
COLOURS = np.array([(92, 186, 92), (213, 130, 74), (236, 236, 236)], np.uint8)
FIELD = slice(34, 194)  # rows between the walls, without the score in the same colours


def colour_slots(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn frames (B, 210, 160, 3) into slots (B, 3, 4): mean row and column, size, presence."""
    slots = np.zeros((len(frames), len(COLOURS), 4), np.float32)
    for frame, of_frame in zip(frames[:, FIELD], slots, strict=True):
        for colour, slot in zip(COLOURS, of_frame, strict=True):
            rows, cols = np.nonzero((frame == colour).all(axis=-1))
            if len(rows):
                slot[:] = rows.mean(), cols.mean(), len(rows), 1
    return slots


def main() -> None:
    """Collect frames of random play, probe and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--encoder", help="probe this encoder folder in place of the colours")
    parser.add_argument("--frames", type=int, default=50_000)
    parser.add_argument("--data", type=Path, help="folder for the frames, kept for the next time")
    parser.add_argument("--quick", action="store_true", help="few frames")
    options = parser.parse_args()

    encode, preset = colour_slots, "scn"
    if options.encoder:
        encoder = slotenv.SlotEncoder.from_pretrained(options.encoder)
        encode, preset = encoder.encode, encoder.preprocess.name
    frames = 1_000 if options.quick else options.frames
    data = options.data or Path(tempfile.mkdtemp()) / "data"
    # A seed from 1,000,000 on: no encoder was pretrained on these frames.
    collect_data(data, env="Pong", preset=preset, frames=frames, seed=1_000_000, workers=1)
    # Any object with frames(indices), ram and episode does as well as this store.
    report = slotenv.probe.run_probe(encode, FrameStore(data), game="pong", view="pixel")
    print(report.to_markdown())


if __name__ == "__main__":
    main()
