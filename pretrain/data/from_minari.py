"""Frames of a Minari data set, written as a data folder of ours.

Steps follow each other as in the data set, episode after episode. As in all data folders, a shard
is a stream of its own, so an episode that reaches into the next shard goes on there as another one.
"""

import importlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pretrain.data.shards import Shard, compress_frame
from pretrain.data.store import DataDescription
from pretrain.data.writer import completed, create, record_shard, write_shard
from pretrain.runtime.lock import alone_in
from pretrain.runtime.progress import Progress
from slotenv.environments import atari_game, make_env, preset_for
from slotenv.environments.pixels import image_in
from slotenv.frames import FramePreset


def collect_minari(
    path: Path, dataset: str, *, env: str, preset: str | None = None, frames: int
) -> str:
    """Write the first steps of a Minari data set as a data folder, or what is missing of them.

    There is no RAM in it, so encoders can be trained on it and not probed.

    Args:
        path: Data folder, made if missing.
        dataset: Id of a local data set, or its folder. Nothing is downloaded.
        env: The environment whose frames these are, by a name that :func:`slotenv.make_env` takes.
        preset: Name of the frame preset that they were made under; None: by the form of ``env``.
        frames: How many steps, at most those of the data set.

    Returns:
        Checksum of the complete set.

    Raises:
        ValueError: If Minari is not installed; if the data set has no steps or is of another game;
            if its frames or actions are not those of the environment.
        FileNotFoundError: If there is no such data set.
        Damaged: If the folder holds something else or a damaged shard.
        FolderInUse: If another process writes into it.

    Warns:
        UserWarning: If the frames were stored as JPEG.

    Example:
        >>> collect_minari(Path("data"), "atari/pong/expert-v0", env="ALE/Pong-v5", frames=100_000)
        ... # doctest: +SKIP
    """
    source = _load(dataset)
    made_by = preset_for(env, preset)
    key = _check(source, dataset, env, made_by)
    total = int(source.total_steps)
    if total == 0:
        raise ValueError(f"{dataset} has no steps")
    description = DataDescription(
        env_id=env,
        preset=made_by.to_dict(),
        seed=0,
        num_steps=min(frames, total),
        player=f"minari:{source.id}",
    )
    checksum = completed(path, description)
    if checksum is not None:
        return checksum
    if source.storage.jpeg_encoding:
        warnings.warn(
            f"{dataset} holds its frames as JPEG, which blurs edges and changes colours: encoders "
            "are less accurate on such frames, and on those of the environment. To record without "
            "loss: minari.DataCollector(env, jpeg_encoding=False)",
            UserWarning,
            stacklevel=2,
        )
    indices = source.episode_indices
    lengths = [int(m["total_steps"]) for m in source.storage.get_episode_metadata(indices)]
    ends = np.cumsum(lengths)
    with alone_in(path):
        missing = create(path, description)
        done = description.num_steps - sum(map(description.shard_length, missing))
        with Progress(
            "collect", total=description.num_steps, start=done, unit="frames"
        ) as progress:
            for shard in missing:
                start = shard * description.shard_steps
                stop = start + description.shard_length(shard)
                content = _shard(_parts(source, ends, start, stop), key, made_by, dataset)
                record_shard(path, shard, write_shard(path, shard, content))
                progress.advance(stop - start)
        checksum = completed(path, description)
    assert checksum is not None
    return checksum


def _load(dataset: str) -> Any:
    """Return the data set of an id or a folder."""
    try:
        minari = importlib.import_module("minari")
    except ModuleNotFoundError as error:
        raise ValueError('Minari data sets need: pip install "slotenv[minari]"') from error
    folder = Path(dataset)
    if folder.is_dir():
        return minari.MinariDataset(folder / "data" if (folder / "data").is_dir() else folder)
    try:
        return minari.load_dataset(dataset)
    except (FileNotFoundError, ValueError) as error:
        raise FileNotFoundError(
            f"no Minari data set {dataset!r} on this machine: give its folder, or get it with "
            f"minari download {dataset}"
        ) from error


def _check(source: Any, dataset: str, env: str, preset: FramePreset) -> str | None:
    """Return the key of the frames, None without one; raise if they are not the environment's."""
    game, spec = atari_game(env), source.env_spec
    theirs = None if spec is None else atari_game(spec.id)
    if theirs is not None and theirs != game:
        raise ValueError(f"{dataset} is of {theirs}, env is {env}: name the environment it is of")
    found = image_in(source.observation_space)
    if found is None:
        raise ValueError(
            f"{dataset} has observations {source.observation_space}; pretraining needs uint8 "
            "frames (H, W, 3), or a Dict with exactly one such image"
        )
    key, frames = found
    if frames.shape != preset.shape:
        raise ValueError(
            f"{dataset} has frames {frames.shape}, those of {env} are {preset.shape}: record "
            "frames as the environment draws them, neither scaled nor cut"
        )
    with make_env(env, preset) as made:
        actions = made.action_space
    if actions != source.action_space:
        raise ValueError(
            f"{dataset} has actions {source.action_space}, those of {env} are {actions}"
        )
    return key


def _parts(
    source: Any, ends: NDArray[np.int64], start: int, stop: int
) -> Iterator[tuple[Any, slice]]:
    """Yield the episodes that have steps in ``start`` to ``stop``, and which of theirs these are.

    ``ends`` are the numbers of steps up to and including each episode.
    """
    first = int(np.searchsorted(ends, start, side="right"))
    for number in range(first, len(ends)):
        begin = int(ends[number - 1]) if number else 0
        if begin >= stop:
            return
        if begin < ends[number]:
            yield source[number], slice(max(start - begin, 0), min(stop, int(ends[number])) - begin)


def _shard(
    parts: Iterator[tuple[Any, slice]], key: str | None, preset: FramePreset, dataset: str
) -> Shard:
    frames: list[bytes] = []
    actions, rewards, episodes = [], [], []
    for number, (episode, rows) in enumerate(parts):
        observations = episode.observations if key is None else episode.observations[key]
        shown = np.asarray(observations[rows])
        if shown.shape[1:] != preset.shape or shown.dtype != np.uint8:
            raise ValueError(
                f"{dataset}: episode {episode.id} has frames {shown.shape[1:]} of dtype "
                f"{shown.dtype}, its observation space says {preset.shape} uint8"
            )
        frames += map(compress_frame, shown)
        actions.append(np.asarray(episode.actions)[rows])
        rewards.append(np.asarray(episode.rewards, np.float32)[rows])
        episodes.append(np.full(len(shown), number, np.int32))
    count = len(frames)
    return Shard(
        frames=b"".join(frames),
        sizes=np.array([len(frame) for frame in frames], np.int64),
        actions=np.concatenate(actions),
        rewards=np.concatenate(rewards),
        episode=np.concatenate(episodes),
        ram=np.zeros((count, 0), np.uint8),
    )
