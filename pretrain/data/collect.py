"""Collection of a player's frames in worker processes; it can be stopped and resumed at any moment.

Each shard is a stream of its own, seeded by (seed, shard). So the bytes do not depend on the number
of workers or on interruptions, and a missing shard can be made at any time.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete

from pretrain.data.players import check_player, make_player
from pretrain.data.shards import Shard, compress_frame
from pretrain.data.store import DataDescription
from pretrain.data.writer import completed, create, record_shard, write_shard
from pretrain.runtime.lock import alone_in
from pretrain.runtime.pool import in_processes
from pretrain.runtime.progress import Progress
from pretrain.runtime.workers import usable_cores
from slotenv.environments import make_env, preset_for, read_ram
from slotenv.frames import FramePreset

_TICK = 100  # steps between two reports of a worker


def collect_data(
    path: str | Path,
    *,
    env: str,
    preset: str | None = None,
    frames: int,
    seed: int,
    player: str = "random",
    workers: int | None = None,
) -> str:
    """Collect frames of an environment that is given by its name, or what is missing of them.

    Args:
        path: Data folder, made if missing.
        env: Its name, in any form that :func:`slotenv.make_env` takes.
        preset: Name of a frame preset; None: by the form of the name.
        frames: How many, one a step.
        seed: Decides every byte; from 1,000,000 on for frames that encoders are probed on.
        player: ``"random"`` or ``"scripted"``.
        workers: As for :func:`collect`, and so are what is returned and the errors.
    """
    made_by = preset_for(env, preset).to_dict()
    description = DataDescription(
        env_id=env, preset=made_by, seed=seed, num_steps=frames, player=player
    )
    return collect(Path(path), description, workers=workers)


def collect(folder: Path, description: DataDescription, *, workers: int | None = None) -> str:
    """Collect what is missing of a data set.

    Args:
        folder: Where the data set lies or will lie.
        description: What to collect.
        workers: Processes; None: one per core. With 1, this process does the work itself.

    Returns:
        Checksum of the complete set.

    Raises:
        Damaged: If the folder holds something else or a damaged shard.
        FolderInUse: If another process collects into it.
        ValueError: If the player cannot play this environment, its frames are not as its
            observation space says, or its actions are no array of numbers.
        OSError: If the disk is full; nothing that was collected is lost.
        KeyboardInterrupt: On Ctrl-C; the same call goes on from there.
    """
    check_player(description.player, description.env_id)
    checksum = completed(folder, description)
    if checksum is not None:  # nothing is written, not even a lock: the folder may be read-only
        return checksum
    with alone_in(folder):
        missing = create(folder, description)
        workers = min(workers or usable_cores(), max(len(missing), 1))
        total = description.num_steps
        done = total - sum(map(description.shard_length, missing))
        with Progress("collect", total=total, start=done, unit="frames") as progress:
            if workers == 1:
                for shard in missing:
                    digest = collect_shard(folder, description, shard, tick=progress.advance)
                    record_shard(folder, shard, digest)
            else:
                calls = [(folder, description, shard) for shard in missing]
                for i, digest in in_processes(collect_shard, calls, workers, what="collection"):
                    record_shard(folder, missing[i], digest)
                    progress.advance(description.shard_length(missing[i]))
        checksum = completed(folder, description)
    assert checksum is not None
    return checksum


def collect_shard(
    folder: Path,
    description: DataDescription,
    shard: int,
    *,
    tick: Callable[[int], object] = lambda steps: None,
) -> str:
    """Let the player play one shard's stream, write it, and return its SHA-256."""
    preset, env_id = FramePreset.from_dict(description.preset), description.env_id
    length = description.shard_length(shard)
    seeds = np.random.SeedSequence([description.seed, shard]).generate_state(2) >> 1
    frames, actions, rewards, episodes, rams = [], [], [], [], []
    with make_env(env_id, preset) as env:
        if not isinstance(env.action_space, Discrete | Box | MultiDiscrete | MultiBinary):
            raise ValueError(
                f"{env_id} has actions {env.action_space}; a data set keeps one array of numbers "
                "an action (Discrete, Box, MultiDiscrete, MultiBinary): wrap it so that its "
                "actions are one of these"
            )
        player = make_player(description.player, env, env_id, int(seeds[1]))
        frame, _ = env.reset(seed=int(seeds[0]))
        episode = 0
        for step in range(length):
            ram = read_ram(env)
            shape, dtype = getattr(frame, "shape", None), getattr(frame, "dtype", None)
            if shape != preset.shape or dtype != np.uint8:
                raise ValueError(
                    f"{env_id} gave a frame {shape} of dtype {dtype}, its observation space says "
                    f"{preset.shape} uint8: mend the environment's observation_space or its frames"
                )
            frames.append(compress_frame(frame))
            rams.append(np.zeros(0, np.uint8) if ram is None else ram)
            action = player(ram)
            frame, reward, terminated, truncated, _ = env.step(action)
            actions.append(action)
            rewards.append(float(reward))
            episodes.append(episode)
            if terminated or truncated:
                frame, _ = env.reset()
                episode += 1
            if (step + 1) % _TICK == 0:
                tick(_TICK)
    tick(length % _TICK)
    ram_rows = np.stack(rams)
    if ram_rows.shape[1] and length > _TICK and (ram_rows == ram_rows[0]).all():
        raise ValueError(
            "the emulator's RAM never changes, so labels would be wrong: this happens with ale-py "
            "0.9 under numpy 2; install ale-py >= 0.11.1"
        )
    content = Shard(
        frames=b"".join(frames),
        sizes=np.array([len(f) for f in frames], np.int64),
        actions=np.asarray(actions),
        rewards=np.asarray(rewards, np.float32),
        episode=np.asarray(episodes, np.int32),
        ram=ram_rows,
    )
    return write_shard(folder, shard, content)
