"""Frames per second of the ready-made encoders of objects, on one core, eight frames at a time.

Beside each, SCN's encoder on the same frames. Run it on an otherwise idle machine:
``make benchmarks``.
"""

from __future__ import annotations

import argparse
import time

import ale_py
import numpy as np
import torch
from numpy.typing import NDArray

from slotenv import SlotEncoder, make_env
from slotenv.encoders import SlotMapEncoder
from slotenv.labels import labelled_games

BATCH = 8
FLOOR = 2_000


def random_play(encoder: SlotEncoder, game: str, steps: int) -> NDArray[np.uint8]:
    """Return frames (steps, H, W, 3) of random play."""
    env = make_env(game, encoder.preprocess)
    generator = np.random.default_rng(0)
    frame, _ = env.reset(seed=0)
    frames = []
    for _ in range(steps):
        frames.append(frame)
        frame, _, terminated, truncated, _ = env.step(generator.integers(env.action_space.n))  # type: ignore[attr-defined]
        if terminated or truncated:
            frame, _ = env.reset()
    env.close()
    return np.stack(frames)


def rate(encoder: SlotEncoder, frames: NDArray[np.uint8]) -> float:
    """Return frames per second over all frames, the faster of two passes."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        for i in range(0, len(frames), BATCH):
            encoder.encode(frames[i : i + BATCH])
        seconds.append(time.perf_counter() - start)
    return len(frames) / min(seconds)


def main() -> None:
    """Measure the games named on the command line, or all."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games", nargs="*", default=list(labelled_games("pixel")))
    slow = []
    for game in parser.parse_args().games:
        encoder = SlotEncoder.from_pretrained(game)
        frames = random_play(encoder, game, 640)
        objects = rate(encoder, frames)
        scn = SlotMapEncoder(num_slots=encoder.num_slots, preprocess=encoder.preprocess).eval()
        base = rate(scn, frames[: 20 * BATCH])
        print(
            f"objects, {game:<20}{encoder.num_slots:>3} slots{objects:>10,.0f}/s   "
            f"SCN: {base:,.0f}/s   {objects / base:.1f}x",
            flush=True,
        )
        slow += [game] * (objects < FLOOR)
    print(f"below {FLOOR:,}/s: {', '.join(slow) or 'none'}")


if __name__ == "__main__":
    main()
