"""Others at work in the same place: writers, readers, commands, workers."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from attempt import HANG, fresh, judged, start
from children import Child, Send
from contents import leftovers
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from standing import Place, Standing, Wrong
from verbs import ENV, VERBS

from slotenv import ObjectSlotObservation, SlotEncoder

SAVES, WORKERS, STEPS = 40, 8, 30


def two_writers(standing: Standing) -> None:
    """Two processes save into one folder while a third loads: every load sees a whole encoder."""
    made = [_filled(standing.inputs / "maps", value) for value in (0.25, 0.5)]
    made[0].save_pretrained("shared")
    done = Path("done")

    def write(send: Send, encoder: SlotEncoder) -> None:
        for _ in range(SAVES):
            encoder.save_pretrained("shared")
        send("written")

    def read(send: Send) -> None:
        loads = 0
        while not done.exists():
            value = _value(SlotEncoder.from_pretrained("shared"))
            if value not in (0.25, 0.5):
                raise Wrong(f"a mixed encoder: {value}")
            loads += 1
        send(loads)

    reader = Child(read, log=Path("read.txt"))
    writers = [
        Child(partial(write, encoder=encoder), log=Path(f"write-{i}.txt"))
        for i, encoder in enumerate(made)
    ]
    ends = [writer.finish(HANG) for writer in writers]
    done.touch()
    ends.append(reader.finish(HANG))
    for end in ends:
        if end.code != 0:
            raise Wrong(f"ended with {end.code}: {end.text[-500:]}")
    if ends[-1].answers[0] < SAVES // 4:
        raise Wrong(f"only {ends[-1].answers[0]} loads: too few to tell")
    if left := leftovers(Path()):
        raise Wrong(f"left over: {left}")
    SlotEncoder.from_pretrained("shared")


def two_commands(standing: Standing) -> None:
    """The second command in a folder ends in one line; the first is not disturbed."""
    for verb in ("collect", "train"):
        folder = fresh(standing.work / verb, VERBS[verb], standing.inputs)
        first = start(VERBS[verb], folder, log=Path("first.txt"))
        while not (folder / "out" / ".lock").exists():
            if first.wait(0.0):
                break
            time.sleep(0.002)
        second = start(VERBS[verb], folder, log=Path("second.txt"))
        ends = [first.finish(HANG), second.finish(HANG)]
        if failed := judged(ends[0], {0}) or judged(ends[1], {0, 2}):
            raise Wrong(f"{verb} {failed}")


def eight_workers(standing: Standing) -> None:
    """Environments in eight processes give what they give in one."""
    makers = [partial(_environment, str(standing.inputs / "maps"))] * WORKERS
    played = []
    for kind in (SyncVectorEnv, AsyncVectorEnv):
        envs = kind(makers)
        envs.action_space.seed(0)
        observations = [envs.reset(seed=0)[0]]
        observations += [envs.step(envs.action_space.sample())[0] for _ in range(STEPS)]
        envs.close()
        played.append(np.stack([np.array(one) for one in observations]))
    np.testing.assert_array_equal(*played)


def _environment(encoder: str) -> gym.Env:
    return ObjectSlotObservation(gym.make(ENV), encoder)


def _filled(folder: Path, value: float) -> SlotEncoder:
    encoder = SlotEncoder.from_pretrained(folder)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.fill_(value)
    return encoder


def _value(encoder: SlotEncoder) -> float | None:
    """Return the number that all weights are, None if they are not."""
    values = {float(v) for p in encoder.parameters() for v in (p.min(), p.max())}
    return values.pop() if len(values) == 1 else None


BESIDE: dict[str, Place] = {
    "two writers": two_writers,
    "two commands": two_commands,
    "eight workers": eight_workers,
}
