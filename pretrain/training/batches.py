"""From a store to training batches: which pairs, in which order, one batch ahead of the loop."""

from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pretrain.data.store import FrameStore
from slotenv.encoders import SlotEncoder

_AHEAD = 3  # batches kept ready

T = TypeVar("T")


class TransitionBatch(NamedTuple):
    """B pairs of consecutive moments, of which this process encodes b, its share.

    Attributes:
        frames: What the encoder's ``prepare`` made of the F distinct frames of the b pairs.
        rows_t: (b,) int64, which of the F is each pair's frame at time t.
        rows_tp1: (b,) int64, which is the one after it.
        actions_t: (B, ...) actions taken at the frames t.
        ram_t: (B, 128) uint8, if asked for.
        frames_t: (B, H, W, 3) uint8, if asked for.
    """

    frames: Any
    rows_t: Tensor
    rows_tp1: Tensor
    actions_t: Tensor
    ram_t: Tensor | None = None
    frames_t: Tensor | None = None


def pair_starts(episode: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows t for which row t + 1 is the next step of the same episode."""
    return np.flatnonzero(episode[:-1] == episode[1:])


def split_episodes(
    episode: NDArray[np.int64], *, validation: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split transitions into training and validation by episode.

    Args:
        episode: (N,) episode of each row.
        validation: Share of rows, at least, whose whole episodes go to validation; of a single
            episode, its last part.
        seed: Decides which episodes.

    Returns:
        Rows t of the training pairs and of the validation pairs.
    """
    starts = pair_starts(episode)
    ids, counts = np.unique(episode, return_counts=True)
    if len(ids) == 1:
        cut = int(len(starts) * (1 - validation))
        return starts[:cut], starts[cut + 1 :]
    order = np.random.default_rng([seed, 1]).permutation(len(ids))
    before = np.cumsum(counts[order]) - counts[order]
    chosen = ids[order[before < validation * len(episode)]]
    if len(chosen) == len(ids):
        chosen = chosen[:-1]
    held_out = np.isin(episode[starts], chosen)
    return starts[~held_out], starts[held_out]


class PairSampler:
    """The pairs of every update, as a pure function of the seed and the update's number.

    An epoch is a permutation of all runs of pairs, cut into batches; the incomplete rest is left
    out. Where runs begin differs from epoch to epoch.

    Args:
        starts: Rows t to draw from, ascending.
        batch_size: Pairs in a batch.
        seed: Decides the permutations.
        run_length: Consecutive rows in a run; fewer where the rows leave no more.

    Raises:
        ValueError: If there are fewer pairs than one batch needs.
    """

    def __init__(
        self, starts: NDArray[np.int64], *, batch_size: int, seed: int, run_length: int = 1
    ) -> None:
        if len(starts) < batch_size:
            raise ValueError(
                f"a batch needs {batch_size} pairs, the data has {len(starts)}: collect more "
                "frames or lower the batch size"
            )
        self._starts, self._batch_size, self._seed = starts, batch_size, seed
        self._run_length = run_length
        self.batches_per_epoch = len(starts) // batch_size
        self._epoch, self._order = -1, starts

    def __call__(self, update: int) -> NDArray[np.int64]:
        """Return the rows t of one update."""
        epoch, batch = divmod(update, self.batches_per_epoch)
        if epoch != self._epoch:
            rng = np.random.default_rng([self._seed, 2, epoch])
            first = self._run_length - int(rng.integers(self._run_length))
            gaps = np.flatnonzero(np.diff(self._starts) != 1) + 1
            runs: list[NDArray[np.int64]] = []
            for stretch in np.split(self._starts, gaps):
                runs.extend(np.split(stretch, range(first, len(stretch), self._run_length)))
            order = [runs[i] for i in rng.permutation(len(runs))]
            self._epoch, self._order = epoch, np.concatenate(order)
        return self._order[batch * self._batch_size : (batch + 1) * self._batch_size]


class BatchReader:
    """Reads the pairs of an update from a store and prepares them for an encoder.

    On a GPU the whole data set is kept there as bytes (100,000 Atari frames are 10 GB). ``reads``
    is what batches carry besides: ``"ram"``, ``"frames"``. ``share`` turns a number of pairs into
    those that this process encodes, all by default.
    """

    def __init__(
        self,
        store: FrameStore,
        encoder: SlotEncoder,
        device: torch.device,
        reads: Collection[str] = (),
        share: Callable[[int], slice] = slice,
    ) -> None:
        self._store, self._encoder, self._device, self._reads = store, encoder, device, reads
        self._share = share
        self._resident: Tensor | None = None
        if device.type == "cuda":
            resident = torch.empty((len(store), *store.preset.shape), dtype=torch.uint8)
            for start in range(0, len(store), 1024):
                rows = np.arange(start, min(start + 1024, len(store)))
                resident[start : start + len(rows)] = torch.from_numpy(store.frames(rows))
            self._resident = resident.to(device)

    def __call__(self, rows: NDArray[np.int64]) -> TransitionBatch:
        """Return the transitions that start at these rows."""
        own = rows[self._share(len(rows))]
        distinct, places = np.unique(np.concatenate([own, own + 1]), return_inverse=True)
        rows_t, rows_tp1 = torch.from_numpy(places).to(self._device).chunk(2)
        raw = self._raw(distinct)
        prepared = raw if self._resident is not None else self._encoder.prepare(raw.numpy())
        actions, ram = (
            torch.from_numpy(column[rows]).to(self._device)
            for column in (self._store.actions, self._store.ram)
        )
        frames_t = None
        if "frames" in self._reads:
            frames_t = raw[rows_t] if len(own) == len(rows) else self._raw(rows)
        ram_t = ram if "ram" in self._reads else None
        return TransitionBatch(prepared, rows_t, rows_tp1, actions, ram_t, frames_t)

    def _raw(self, rows: NDArray[np.int64]) -> Tensor:
        if self._resident is None:
            return torch.from_numpy(self._store.frames(rows))
        return self._resident[torch.from_numpy(rows).to(self._device)]


@contextmanager
def prefetched(make: Callable[[int], T], start: int, stop: int) -> Iterator[Iterator[T]]:
    """Make the items ``start`` to ``stop - 1`` in a thread, in order, a few ahead of the reader.

    An error in the thread is raised where its item is read.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="prefetch")

    def items() -> Iterator[T]:
        ready: deque[Future[T]] = deque()
        for number in range(start, stop):
            ready.append(thread.submit(make, number))
            if len(ready) > _AHEAD:
                yield ready.popleft().result()
        while ready:
            yield ready.popleft().result()

    try:
        yield items()
    finally:
        thread.shutdown(cancel_futures=True)
