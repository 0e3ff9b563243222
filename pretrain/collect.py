"""Collection of a player's frames, in worker processes, resumable at any moment.

Each shard is a stream of its own, seeded by (seed, shard): so the bytes do not depend on the number
of workers or on interruptions, and a missing shard can be made at any time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import ale_py
import numpy as np

from pretrain.lock import alone_in
from pretrain.players import check_player, make_player
from pretrain.progress import Progress
from pretrain.store import (
    DataDescription,
    Shard,
    StoreError,
    compress_frame,
    create,
    finish,
    remove_leftovers,
    write_shard,
)
from slotenv.environments import make_env, read_ram
from slotenv.frames import FramePreset

_TICK = 100  # steps between two reports of a worker


def collect(folder: Path, description: DataDescription, *, workers: int | None = None) -> str:
    """Collect what is missing of a data set.

    Args:
        folder: Where the data set lies or will lie.
        description: What to collect.
        workers: Processes; by default one per core, at most one per missing shard. With 1, this
            process does the work itself.

    Returns:
        Checksum of the complete set.

    Raises:
        StoreError: If the folder holds something else or a damaged shard.
        FolderInUse: If another process collects into it.
        ValueError: If the player cannot play this environment.
        OSError: If the disk is full; nothing that was collected is lost.
        KeyboardInterrupt: On Ctrl-C; the same call goes on from there.
    """
    check_player(description.player, description.env_id)
    if create(folder, description):
        with alone_in(folder):
            remove_leftovers(folder)
            missing = create(folder, description)  # another process may have come to its end
            _collect(folder, description, missing, workers)
    return finish(folder)


def _collect(
    folder: Path, description: DataDescription, missing: list[int], workers: int | None
) -> None:
    workers = min(workers or os.cpu_count() or 1, max(len(missing), 1))
    total = description.num_steps
    done = total - sum(description.shard_length(shard) for shard in missing)
    with Progress("collect", total=total, start=done, unit="frames") as progress:
        if workers == 1:
            for shard in missing:
                collect_shard(folder, description, shard, tick=progress.advance)
        else:
            _in_processes(folder, description, missing, workers, progress)


def collect_shard(
    folder: Path,
    description: DataDescription,
    shard: int,
    *,
    tick: Callable[[int], object] = lambda steps: None,
) -> None:
    """Let the player play one shard's stream and write it."""
    preset = FramePreset.from_dict(description.preset)
    length = description.shard_length(shard)
    seeds = np.random.SeedSequence([description.seed, shard]).generate_state(2) >> 1
    frames, actions, rewards, episodes, rams = [], [], [], [], []
    with make_env(description.env_id, preset) as env:
        player = make_player(description.player, env, description.env_id, int(seeds[1]))
        frame, _ = env.reset(seed=int(seeds[0]))
        episode = 0
        for step in range(length):
            ram = read_ram(env)
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
    num_bytes = ram_rows.shape[1]
    if num_bytes and length > _TICK and (ram_rows == ram_rows[0]).all():
        raise StoreError(
            "the emulator's RAM never changes, so labels would be wrong: this happens with ale-py "
            "0.9 under numpy 2; install ale-py >= 0.11.1"
        )
    write_shard(
        folder,
        shard,
        Shard(
            frames=b"".join(frames),
            sizes=np.array([len(f) for f in frames], np.int64),
            actions=np.asarray(actions),
            rewards=np.asarray(rewards, np.float32),
            episode=np.asarray(episodes, np.int32),
            ram=ram_rows,
        ),
    )


def _in_processes(
    folder: Path, description: DataDescription, missing: list[int], workers: int, progress: Progress
) -> None:
    # Spawned, not forked: a fork of a process that has used torch can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        futures = {
            pool.submit(collect_shard, folder, description, shard): description.shard_length(shard)
            for shard in missing
        }
        for future in as_completed(futures):
            future.result()
            progress.advance(futures[future])
    except BrokenProcessPool as error:
        raise RuntimeError(
            "a collection worker was killed (out of memory?): run the same command again, or with "
            "fewer --workers"
        ) from error
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    # Ctrl-C reaches the whole process group; the parent alone decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)


def _end_with_parent() -> None:
    # Without this, the workers of a parent that was killed would wait for work forever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
