"""Object slots of two environments that are not Atari's, probed against their true state.

    pip install -e ".[outside]"
    python examples/studies/slots_outside_atari.py --out outside.jsonl

The frames are what ``render`` draws, made smaller: smooth edges, rotating bodies, a moon of another
shape in every episode. The encoder is fitted as it is for Atari, on a random agent's frames; linear
probes then read from its slots, on other episodes, where things are on the screen. Beside it: the
same probes on 21 x 16 averaged pixels, and on Slot Contrastive Networks' encoder untrained.
``slotenv.ObjectSlotObservation(make(world), encoder)`` is what an agent would use.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import gymnasium as gym
import numpy as np
import torch
from gymnasium.wrappers import AddRenderObservation, ResizeObservation
from numpy.typing import NDArray

from pretrain.drawing.estimate import number
from pretrain.runtime.resumable import Row
from slotenv import records
from slotenv.atomic import write_atomic
from slotenv.encoders import ObjectEncoder, ObjectMixtureEncoder, SlotMapEncoder
from slotenv.frames import plain
from slotenv.markdown import table as markdown_table
from slotenv.probe import Encode, label_accuracies, read_features
from slotenv.probe.scores import ols_predictions, ridge_predictions, standardise

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # frames are drawn in memory: no screen needed

NOTE = (
    "Positions on the screen of two environments outside Atari, R2 of linear probes on test "
    "episodes;\n`python examples/studies/slots_outside_atari.py`. Single labels: ridge. Acrobot "
    "starts anywhere."
)

Point = tuple[float, float]


def lander_places(env: Any) -> list[Point]:
    """Return where the lander and its legs are, in widths and heights of the screen."""
    bodies = (env.lander, *env.legs)
    return [(body.position[0] / 20, 1 - body.position[1] / (400 / 30)) for body in bodies]


def acrobot_places(env: Any) -> list[Point]:
    """Return where the elbow and the tip of the two links are."""
    upper, lower = env.state[0], env.state[0] + env.state[1]
    elbow = (math.sin(upper), math.cos(upper))  # below the fixed joint; each link is 1 long
    tip = (elbow[0] + math.sin(lower), elbow[1] + math.cos(lower))
    return [(x / 4.4 + 0.5, y / 4.4 + 0.5) for x, y in (elbow, tip)]


class World(NamedTuple):
    """An environment, the size of its frames (height, width), and what is where in them.

    ``start`` are the options of its resets.
    """

    env_id: str
    size: tuple[int, int]
    objects: tuple[str, ...]
    places: Callable[[Any], list[Point]]
    start: dict[str, float] | None = None


# A random agent hardly lifts the acrobot: it starts anywhere instead of hanging.
ANYWHERE = {"low": -1.5, "high": 1.5}
WORLDS = (
    World("LunarLander-v3", (200, 300), ("lander", "leg 1", "leg 2"), lander_places),
    World("Acrobot-v1", (200, 200), ("elbow", "tip"), acrobot_places, ANYWHERE),
)


class Play(NamedTuple):
    """Distinct frames in the order they were played, and the truth behind them.

    Attributes:
        pictures: (N, H, W, 3) uint8.
        places: (N, O, 2) x and y of every object, 0 to 1 on the screen.
        episode: (N,) number of the episode.
    """

    pictures: NDArray[np.uint8]
    places: NDArray[np.float64]
    episode: NDArray[np.int64]


class Pictures:
    """The frames alone, as the probe reads them."""

    def __init__(self, play: Play) -> None:
        self._pictures, self.episode = play.pictures, play.episode
        self.ram = np.zeros((len(play.pictures), 0), np.uint8)  # there is no console

    def __len__(self) -> int:
        return len(self._pictures)

    def frames(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Return frames by index."""
        chosen: NDArray[np.uint8] = self._pictures[indices]
        return chosen


def make(world: World, episode_steps: int | None = None) -> gym.Env[NDArray[np.uint8], Any]:
    """Make the environment with small renderings as observations."""
    env = gym.make(world.env_id, render_mode="rgb_array", max_episode_steps=episode_steps)
    small: gym.Env[NDArray[np.uint8], Any] = ResizeObservation(
        AddRenderObservation(env, render_only=True), world.size
    )
    return small


def play(world: World, steps: int, episode_steps: int, seed: int) -> Play:
    """Let a random agent play; of frames that are equal, the first is kept."""
    seen: set[bytes] = set()
    pictures, places, episodes = [], [], []
    with make(world, episode_steps) as env:
        env.action_space.seed(seed)
        frame, _ = env.reset(seed=seed, options=world.start)
        episode = 0
        for _ in range(steps):
            if (content := frame.tobytes()) not in seen:
                seen.add(content)
                pictures.append(frame)
                places.append(world.places(env.unwrapped))
                episodes.append(episode)
            frame, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                frame, _ = env.reset(options=world.start)
                episode += 1
    return Play(np.stack(pictures), np.array(places), np.array(episodes))


def pixels(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Average frames over a coarse grid: one slot of 21 x 16 x 3 numbers."""
    small = [cv2.resize(frame, (16, 21), interpolation=cv2.INTER_AREA) for frame in frames]
    return (np.stack(small) / 255.0).astype(np.float32).reshape(len(frames), 1, -1)


def probe(encode: Encode, played: Play, objects: tuple[str, ...]) -> Iterator[Row]:
    """Yield, for each coordinate, how well ridge regression and least squares read it.

    Fitted on the first 7 of 10 episodes, ridge's strength chosen on the next, scored on the last 2;
    only where the object's middle is on the screen.
    """
    slots = read_features(encode, Pictures(played)).slots
    episode, count = played.episode, len(played.episode)
    first, second = episode[count * 7 // 10], episode[count * 8 // 10]
    parts = (episode < first, (episode >= first) & (episode < second), episode >= second)
    if not all(part.any() for part in parts):
        raise SystemExit(f"{episode[-1] + 1} episodes are too few to cut in three: play more steps")
    features = standardise(slots.reshape(count, -1), np.flatnonzero(parts[0])).features
    for i, name in enumerate(objects):
        place = played.places[:, i]
        there = ((place > 0) & (place < 1)).all(axis=1)
        train, validation, test = (np.flatnonzero(part & there) for part in parts)
        ols, _ = ols_predictions(features[train], place[train], features[test])
        ridge, _ = ridge_predictions(
            features[train], place[train], features[validation], place[validation], features[test]
        )
        scores = (label_accuracies(place[test], predicted) for predicted in (ridge, ols))
        for axis, ridge_score, ols_score in zip("xy", *scores, strict=True):
            yield {"label": f"{name} {axis}", "ridge": ridge_score, "least_squares": ols_score}


def rows_of(world: World, options: argparse.Namespace) -> Iterator[Row]:
    """Fit and probe in one environment; yield a row for each kind of features."""
    steps, length = (150, 15) if options.quick else (options.frames, 200)
    sample = play(world, steps, length, options.seed).pictures
    preset = plain(*world.size)
    fitted = [
        kind.from_frames(
            sample[:-1],
            next_frames=sample[1:][: kind.fit_pairs],  # in time, but for a few ends of episodes
            preprocess=preset,
            seed=options.seed,
        )
        for kind in (ObjectEncoder, ObjectMixtureEncoder)
    ]
    torch.manual_seed(options.seed)
    untrained = SlotMapEncoder(num_slots=8, slot_dim=32, preprocess=preset)
    # Another seed, other episodes: the encoder has seen none of these.
    played = play(world, 2 * steps, length, 1_000_000 + options.seed)
    methods: dict[str, tuple[int, Encode]] = {
        "objects": (fitted[0].num_slots, fitted[0].encode),
        "object mixture": (fitted[1].num_slots, fitted[1].encode),
        "pixels 21 x 16": (1, pixels),
        "SCN, untrained": (untrained.num_slots, untrained.encode),
    }
    for method, (num_slots, encode) in methods.items():
        scores = list(probe(encode, played, world.objects))
        row: Row = {"env": world.env_id, "method": method, "num_slots": num_slots}
        row |= {"seed": options.seed, "fit_frames": len(sample), "probe_frames": len(played[0])}
        for kind in ("ridge", "least_squares"):
            row[kind] = float(np.mean([score[kind] for score in scores]))
            row[f"{kind}_by_label"] = {s["label"]: float(s[kind]) for s in scores}
        yield row


def table(rows: list[Row]) -> str:
    """Return the rows of one environment as Markdown."""
    labels = list(rows[0]["ridge_by_label"])
    lines = []
    for row in rows:
        numbers = [row["ridge"], row["least_squares"], *row["ridge_by_label"].values()]
        lines.append([row["method"], row["num_slots"], *map(number, numbers)])
    headings = [f"{rows[0]['env']} (R2)", "K", "ridge", "least squares", *labels]
    return "\n".join(markdown_table(headings, lines))


def main() -> None:
    """Fit, probe and print a table for each environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--frames", type=int, default=2_000, help="to fit on; twice as many probe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file for the rows; tables go beside it, as .md")
    parser.add_argument("--quick", action="store_true", help="few frames of short episodes")
    options = parser.parse_args()
    rows: list[Row] = []
    tables = []
    for world in WORLDS:
        try:
            own = list(rows_of(world, options))
        except gym.error.DependencyNotInstalled as error:
            raise SystemExit(
                f"{world.env_id} cannot be drawn here: pip install -e '.[outside]' ({error})"
            ) from error
        rows += own
        tables.append(table(own))
        print(tables[-1] + "\n", flush=True)
    if options.out:
        records.write_lines(options.out, rows)
        write_atomic(options.out.with_suffix(".md"), "\n\n".join([NOTE, *tables]) + "\n")


if __name__ == "__main__":
    main()
