"""Memory, file descriptors and threads over a million steps and a thousand openings.

Each form of wrapper is stepped, and each opening repeated, in rounds; after every round the process
is looked at. Over the second half a line is fitted: what it rises by must stay below a bound.

    python tests/campaign/soak.py --count 1000000 --openings 1000
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import prepare
import torch
from children import Child, Send, in_lanes
from gymnasium.vector import SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv
from tally import Tally, arguments, end
from verbs import ENV, frames_of_sprites

import slotenv
import slotenv.sb3
import slotenv.vector
from pretrain.data.store import FrameStore
from slotenv import ObjectSlotObservation, SlotEncoder, SlotExtractor

ROUNDS = 40
"""Looks at the process; the first half of them is for caches to fill."""
MOST_KILOBYTES = 2_048.0
"""Resident memory may rise by this over the second half: pages of the allocator, no leak. A leak
of one frame of 84 x 84 in a hundred steps would be 2 MB after 10,000."""
MOST_HANDLES = 0
"""File descriptors and threads may not rise at all."""
ENVS = 4
HANG = 3_600.0

Work = Callable[[int], object]
"""Does so many steps or openings."""


class Look(NamedTuple):
    """What a process holds."""

    kilobytes: int
    descriptors: int
    threads: int


def main() -> int:
    """Run the part."""
    parser = arguments(__doc__, count=1_000_000, seconds=1_200)
    parser.add_argument("--openings", type=int, default=1_000)
    parser.add_argument("--only", choices=[*STEPPED, *OPENED], help="one form alone")
    args = parser.parse_args()
    only = [args.only] if args.only else None
    return end(run(args.count, args.openings, args.lanes, args.folder, only))


def run(
    steps: int, openings: int, lanes: int, folder: Path | None = None, only: list[str] | None = None
) -> Tally:
    """Step and open; return the counts."""
    root = prepare.working_folder(folder)
    prepare.warm()
    inputs = prepare.inputs(root, {"sprites", "objects", "maps"})
    shares = sum(share for name, share in _SHARES.items() if only is None or name in only)
    jobs = [(name, round(steps * _SHARES[name] / shares)) for name in STEPPED]
    jobs += [(name, openings // _SLOWER.get(name, 1)) for name in OPENED]
    jobs = [job for job in jobs if only is None or job[0] in only]
    tally = Tally("soak")

    def work(job: tuple[str, int]) -> tuple[str | None, str]:
        log = Path(tempfile.mkstemp(dir=root)[1])
        ended = Child(lambda send: _soak(*job, inputs, send), log=log).finish(HANG)
        if ended.code != 0 or not ended.answers:
            return f"ended with {ended.code}: {ended.text[-500:]}", ""
        return ended.answers[0]

    for (name, count), (failed, said) in in_lanes(
        jobs, work, lanes=lanes, log=root / "log.txt", seconds=HANG
    ):
        sys.stdout.write(f"{name}: {count:,} in {said}\n")
        what = "steps" if name in STEPPED else "openings"
        where = f"{name}: {failed}" if failed else None
        tally.add(name, what, failed=where, repeat=f'--only "{name}"')
        tally.rows[name][what] += 0 if failed else count - 1
    return tally


def _soak(name: str, count: int, inputs: Path, send: Send) -> None:
    began, looks = time.monotonic(), []
    with contextlib.closing((STEPPED | OPENED)[name](inputs)) as works:
        work = next(works)
        for _ in range(ROUNDS):
            work(max(count // ROUNDS, 1))
            looks.append(_look())
    rises = [_rise([getattr(look, field) for look in looks]) for field in Look._fields]
    said = f"{time.monotonic() - began:.0f} s, {looks[-1].kilobytes >> 10} MB, {rises[0]:+.0f} KB"
    failed = None
    if rises[0] > MOST_KILOBYTES:
        failed = f"memory rises by {rises[0]:.0f} KB over {count // 2:,}"
    elif max(rises[1:]) > MOST_HANDLES + 0.5:
        failed = f"descriptors and threads rise by {rises[1]:.1f} and {rises[2]:.1f}"
    send((failed, said))


def _look() -> Look:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    numbers = {
        line.split(":")[0]: line.split()[1] for line in status.splitlines() if len(line.split()) > 1
    }
    return Look(int(numbers["VmRSS"]), len(os.listdir("/proc/self/fd")), int(numbers["Threads"]))


def _rise(values: list[int]) -> float:
    """Rise of the line through the second half of the values, from its start to its end."""
    half = np.array(values[len(values) // 2 :], np.float64)
    return float(np.polyfit(np.arange(len(half)), half, 1)[0] * (len(half) - 1))


def _single(inputs: Path, **options: Any) -> Iterator[Work]:
    env = ObjectSlotObservation(gym.make(ENV), str(inputs / "objects"), **options)
    env.reset(seed=0)
    action = [0]

    def work(count: int) -> None:
        for _ in range(count):
            action[0] = (action[0] + 1) % 4
            _, _, terminated, truncated, _ = env.step(action[0])
            if terminated or truncated:
                env.reset()

    try:
        yield work
    finally:
        env.close()


def _vector(inputs: Path) -> Iterator[Work]:
    envs = slotenv.vector.ObjectSlotObservation(
        SyncVectorEnv([lambda: gym.make(ENV)] * ENVS), str(inputs / "objects"), motion=True
    )
    envs.reset(seed=0)

    def work(count: int) -> None:
        for i in range(count // ENVS):
            envs.step(np.full(ENVS, i % 4))

    yield work
    envs.close()


def _sb3(inputs: Path) -> Iterator[Work]:
    venv = slotenv.sb3.VecObjectSlotObservation(
        DummyVecEnv([lambda: gym.make(ENV)] * ENVS), str(inputs / "objects"), hold=True
    )
    yield from _stepped(venv)


def _atari(inputs: Path) -> Iterator[Work]:
    yield from _stepped(slotenv.sb3.make_slot_vec_env("Pong", "pong", n_envs=ENVS, seed=0))


def _stepped(venv: Any) -> Iterator[Work]:
    venv.reset()

    def work(count: int) -> None:
        for i in range(count // ENVS):
            venv.step(np.full(ENVS, i % 4))

    yield work
    venv.close()


def _extractor(inputs: Path) -> Iterator[Work]:
    space = gym.spaces.Box(0, 255, (3, 84, 84), np.uint8)
    extractor = SlotExtractor(space, encoder=str(inputs / "objects"))
    frames = torch.from_numpy(frames_of_sprites(16)).permute(0, 3, 1, 2).float() / 255

    def work(count: int) -> None:
        for _ in range(count // len(frames)):
            extractor(frames)

    yield work


def _opening(make: Callable[[Path], object]) -> Callable[[Path], Iterator[Work]]:
    def opening(inputs: Path) -> Iterator[Work]:
        def work(count: int) -> None:
            for _ in range(count):
                make(inputs)

        yield work

    return opening


def _open_wrapper(inputs: Path) -> None:
    env = ObjectSlotObservation(gym.make(ENV), str(inputs / "objects"))
    env.reset(seed=0)
    env.close()


def _open_atari(inputs: Path) -> None:
    venv = slotenv.sb3.make_slot_vec_env("Pong", "pong", n_envs=2)
    venv.reset()
    venv.close()


STEPPED: dict[str, Callable[[Path], Iterator[Work]]] = {
    "plain": _single,
    "flatten": lambda inputs: _single(inputs, flatten=True),
    "motion": lambda inputs: _single(inputs, motion=True),
    "hold": lambda inputs: _single(inputs, hold=True),
    "keep_pixels": lambda inputs: _single(inputs, keep_pixels=True),
    "vector": _vector,
    "Stable-Baselines3": _sb3,
    "Atari": _atari,
    "extractor": _extractor,
}
_SHARES = dict.fromkeys(STEPPED, 1.0) | {"vector": 3.0, "Stable-Baselines3": 3.0, "extractor": 3.0}
_SLOWER = {"Atari environments": 5}  # such an opening takes half a second
OPENED: dict[str, Callable[[Path], Iterator[Work]]] = {
    "from_pretrained": _opening(lambda inputs: SlotEncoder.from_pretrained(inputs / "objects")),
    "FrameStore": _opening(lambda inputs: FrameStore(inputs / "sprites").frames([0, 150])),
    "wrapper": _opening(_open_wrapper),
    "Atari environments": _opening(_open_atari),
}

if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main())
