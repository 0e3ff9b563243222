"""Speed on this machine, as ratios within one run: ``make benchmarks``.

Each part does the same work in two ways, one after the other, and prints frames per second of both
and their ratio beside the floor it is meant to reach. Run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ale_py
import numpy as np
import torch
from plain_form import plain_encode, plain_training

from pretrain.config import TrainConfig
from pretrain.data.collect import collect, collect_shard
from pretrain.data.store import DataDescription, FrameStore
from pretrain.data.writer import create
from pretrain.training.batches import BatchReader, PairSampler, prefetched, split_episodes
from pretrain.training.encoders import build
from pretrain.training.step import TrainingStep
from slotenv.environments import make_env, preset_for

PAIRS = 128


def seconds(work: Callable[[], object], *, repeats: int = 1) -> float:
    """Return the shortest time of several."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def line(what: str, rate: float, base: str, base_rate: float, floor: float | None) -> None:
    """Print one comparison."""
    wanted = "" if floor is None else f"  (floor {floor:g}x)"
    print(
        f"{what:<44}{rate:>10,.0f}/s   {base}: {base_rate:,.0f}/s   {rate / base_rate:.2f}x{wanted}"
    )


def describe(game: str, steps: int) -> DataDescription:
    """Describe a small data set under the paper's preset."""
    return DataDescription(
        env_id=game, preset=preset_for(game, "scn").to_dict(), seed=0, num_steps=steps
    )


def bare_loop(game: str, steps: int) -> None:
    """Four emulator frames, two screens and the RAM a step, nothing else."""
    env = make_env(game, preset_for(game, "scn"))
    env.reset(seed=0)
    ale: Any = env.unwrapped.ale  # type: ignore[attr-defined]
    actions = ale.getMinimalActionSet()
    rng = np.random.default_rng(0)
    for _ in range(steps):
        action = actions[rng.integers(len(actions))]
        for _ in range(3):
            ale.act(action)
        ale.getScreenRGB()
        ale.act(action)
        ale.getScreenRGB()
        ale.getRAM()
        if ale.game_over():
            ale.reset_game()


def benchmark_collection(game: str, folder: Path) -> None:
    """Compare collection with the bare emulator, on one core, and with a worker per core."""
    steps = 5_000
    description = describe(game, steps)
    create(folder / "one", description)
    bare = steps / seconds(lambda: bare_loop(game, steps))
    ours = steps / seconds(lambda: collect_shard(folder / "one", description, 0))
    line("collection and store, one core", ours, "bare emulator", bare, 0.7)
    cores = os.cpu_count() or 1
    many = 4 * cores * steps
    rate = many / seconds(lambda: collect(folder / "many", describe(game, many), workers=cores))
    line(f"collection, {cores} workers, start-up included", rate, "one core", ours, None)


def benchmark_training(store: FrameStore) -> None:
    """Compare the training loop with the plain form, and reading with what training consumes."""
    config = TrainConfig(method="scn")
    encoder, objective = build(config, 3, store, np.arange(len(store)))
    rows, _ = split_episodes(store.episode, validation=0.2, seed=0)
    sampler = PairSampler(rows, batch_size=PAIRS, seed=0)
    reader = BatchReader(store, encoder, torch.device("cpu"))
    cores = os.cpu_count() or 1

    def ours(updates: int) -> None:
        optimizer = torch.optim.Adam([*encoder.parameters(), *objective.parameters()], lr=3e-4)
        step = TrainingStep(encoder, objective, "float32")
        with prefetched(lambda u: reader(sampler(u)), 0, updates) as batches:
            for batch in batches:
                optimizer.zero_grad(set_to_none=True)
                step(batch).loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    def pairs(updates: int) -> Iterator[tuple[Any, Any]]:
        for update in range(updates):
            yield store.frames(sampler(update)), store.frames(sampler(update) + 1)

    torch.set_num_threads(max(cores - 1, 1))
    ours(5)
    rate = 2 * PAIRS * 60 / seconds(lambda: ours(60))
    torch.set_num_threads(cores)
    list(plain_training(encoder, objective, pairs(1), 3e-4))
    plain = (
        2 * PAIRS * 3 / seconds(lambda: list(plain_training(encoder, objective, pairs(3), 3e-4)))
    )
    line("training", rate, "plain form", plain, 2.5)
    read = 2 * PAIRS * 10 / seconds(lambda: [list(pairs(10))])
    line("reading random frames, one thread", read, "training consumes", rate, 5)
    prepared = 2 * PAIRS * 10 / seconds(lambda: [reader(sampler(u)) for u in range(10)])
    line("reading and indexing windows, one thread", prepared, "training consumes", rate, None)


def benchmark_encoding(store: FrameStore) -> None:
    """Encode frames on one core, beside ordinary convolutions."""
    torch.set_num_threads(1)
    encoder, _ = build(TrainConfig(method="scn"), 3, store, np.arange(len(store)))
    encoder.eval()
    for batch in (1, 8, 64):
        frames = store.frames(np.arange(512))[np.linspace(0, 511, batch).astype(int)]
        repeats = max(64 // batch, 4)

        def ordinary(frames: Any = frames) -> None:
            with torch.no_grad():
                plain_encode(encoder, frames)  # type: ignore[arg-type]

        def ours(frames: Any = frames) -> None:
            encoder.encode(frames)

        rate, plain = (batch / seconds(work, repeats=repeats) for work in (ours, ordinary))
        line(f"encoding, SCN's encoder, one core, batch {batch}", rate, "dense", plain, None)
    encoder.requires_grad_(False)
    for batch in (1, 8):
        steps = [store.frames(np.arange(batch) * 1_000 + t) for t in range(400)]
        for frames in steps[:200]:
            encoder.encode(frames)
        rate = batch * 200 / seconds(lambda steps=steps: [encoder.encode(f) for f in steps[200:]])  # type: ignore[misc]
        plain = (
            batch * 20 / seconds(lambda steps=steps: [plain_encode(encoder, f) for f in steps[:20]])
        )  # type: ignore[misc]
        line(f"the same, frozen, {batch} games step by step", rate, "dense", plain, None)


def main() -> None:
    """Run all parts for the games named on the command line (Pong)."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games", nargs="*", default=["Pong"])
    for game in parser.parse_args().games:
        print(f"{game}, {os.cpu_count()} cores")
        with tempfile.TemporaryDirectory() as folder:
            benchmark_collection(game, Path(folder))
            store = FrameStore(Path(folder) / "many")
            benchmark_training(store)
            benchmark_encoding(store)


if __name__ == "__main__":
    main()
