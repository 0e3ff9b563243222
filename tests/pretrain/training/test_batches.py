import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pretrain.data.store import FrameStore
from pretrain.training.batches import (
    BatchReader,
    PairSampler,
    TransitionBatch,
    pair_starts,
    prefetched,
    split_episodes,
)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_pairs_are_steps_within_an_episode(lengths: list[int]) -> None:
    episode = np.repeat(np.arange(len(lengths)), lengths)
    expected = [t for t in range(len(episode) - 1) if episode[t] == episode[t + 1]]
    np.testing.assert_array_equal(pair_starts(episode), expected)


@given(st.lists(st.integers(2, 30), min_size=2, max_size=15), st.integers(0, 5))
def test_no_episode_is_in_both_parts(lengths: list[int], seed: int) -> None:
    episode = np.repeat(np.arange(len(lengths)), lengths)
    train, held_out = split_episodes(episode, validation=0.2, seed=seed)
    assert not set(episode[train]) & set(episode[held_out])
    assert len(held_out)
    assert len(train)
    assert sorted([*train, *held_out]) == list(pair_starts(episode))


def test_validation_gets_its_share_and_depends_on_the_seed() -> None:
    episode = np.repeat(np.arange(50), 20)
    splits = [split_episodes(episode, validation=0.2, seed=s)[1] for s in (0, 0, 1)]
    assert len(splits[0]) == 10 * 19
    np.testing.assert_array_equal(splits[0], splits[1])
    assert set(splits[0]) != set(splits[2])


def test_a_single_episode_is_cut_in_two_that_share_no_frame() -> None:
    train, held_out = split_episodes(np.zeros(101, np.int64), validation=0.2, seed=0)
    frames = {*train, *(train + 1)}
    assert not frames & {*held_out, *(held_out + 1)}
    assert len(train) == 80


def test_an_epoch_holds_every_pair_once_and_epochs_differ() -> None:
    sampler = PairSampler(np.arange(100, 148), batch_size=8, seed=0)
    epochs = [np.concatenate([sampler(e * 6 + i) for i in range(6)]) for e in range(2)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(100, 148))
    assert (epochs[0] != epochs[1]).any()


def test_updates_are_the_same_in_whatever_order_they_are_asked() -> None:
    sampler = PairSampler(np.arange(50), batch_size=8, seed=0)
    forward = [sampler(i) for i in range(12)]
    again = PairSampler(np.arange(50), batch_size=8, seed=0)
    for i in (11, 3, 0, 7):
        np.testing.assert_array_equal(again(i), forward[i])


@given(st.lists(st.integers(2, 30), min_size=1, max_size=8), st.integers(1, 9), st.integers(0, 3))
def test_an_epoch_of_runs_holds_every_pair_once(
    lengths: list[int], run_length: int, seed: int
) -> None:
    starts = pair_starts(np.repeat(np.arange(len(lengths)), lengths))
    sampler = PairSampler(starts, batch_size=1, seed=seed, run_length=run_length)
    for epoch in range(2):
        order = [sampler(epoch * len(starts) + i)[0] for i in range(len(starts))]
        assert sorted(order) == list(starts)
        breaks = np.flatnonzero(np.diff(order) != 1)
        # A stretch of n rows is cut into at most n / run_length runs and two shorter ones.
        stretches = [length - 1 for length in lengths]
        assert len(breaks) + 1 <= sum(n // run_length + 2 for n in stretches)


def test_runs_are_consecutive_and_begin_elsewhere_in_the_next_epoch() -> None:
    sampler = PairSampler(np.arange(100), batch_size=100, seed=0, run_length=8)
    heads = []
    for epoch in range(6):
        order = sampler(epoch)
        heads.append({int(r) % 8 for r in order[1:][np.diff(order) != 1]})
        assert (np.diff(order) == 1).sum() >= 100 - 14
    assert len({min(h) for h in heads}) > 1


def test_too_few_pairs_say_what_is_needed() -> None:
    with pytest.raises(ValueError, match="a batch needs 128 pairs, the data has 5"):
        PairSampler(np.arange(5), batch_size=128, seed=0)


ROWS = np.array([5, 6, 40, 7, 6])  # frames 6 and 7 are in several pairs, 6 starts two


def reads(store: FrameStore, encoder: object, *what: str, **more: object) -> BatchReader:
    return BatchReader(store, encoder, torch.device("cpu"), what, **more)


def prepared_pairs(batch: TransitionBatch) -> list[torch.Tensor]:
    """What the encoder is given, spread out to the frames before and after of each pair."""
    assert len(batch.rows_t) == len(batch.rows_tp1)
    return [batch.frames[batch.rows_t], batch.frames[batch.rows_tp1]]


class Bytes:
    """In place of an encoder: frames are prepared as they are."""

    def prepare(self, frames: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(frames)


@pytest.mark.parametrize(
    "share",
    [slice, lambda n: slice(0, 2), lambda n: slice(2, n), lambda n: slice(n - 1, n)],
    ids=["all", "first", "rest", "last"],
)
def test_a_device_encodes_its_share_and_knows_the_whole_batch(
    store: FrameStore, share: Callable[[int], slice]
) -> None:
    store.ram = np.random.default_rng(0).integers(0, 256, (len(store), 128), np.uint8)
    batch = reads(store, Bytes(), "ram", "frames", share=share)(ROWS)
    own = ROWS[share(len(ROWS))]
    before, after = prepared_pairs(batch)
    np.testing.assert_array_equal(before, store.frames(own))
    np.testing.assert_array_equal(after, store.frames(own + 1))
    assert len(batch.frames) == len({*own, *(own + 1)})  # each frame is there once
    # The objective sees every pair, whoever encodes it.
    np.testing.assert_array_equal(batch.actions_t, store.actions[ROWS])
    np.testing.assert_array_equal(batch.ram_t, store.ram[ROWS])
    np.testing.assert_array_equal(batch.frames_t, store.frames(ROWS))


def test_shares_are_put_together_to_the_batch(store: FrameStore) -> None:
    rows = np.random.default_rng(0).permutation(300)[:12]
    whole = prepared_pairs(reads(store, Bytes())(rows))
    parts = [
        prepared_pairs(reads(store, Bytes(), share=lambda n, r=rank: slice(4 * r, 4 * r + 4))(rows))
        for rank in range(3)
    ]
    for moment in range(2):
        joined = torch.cat([part[moment] for part in parts])
        assert torch.equal(joined, whole[moment])


def test_a_batch_carries_only_what_is_read(store: FrameStore) -> None:
    batch = reads(store, Bytes())(ROWS)
    assert batch.ram_t is None
    assert batch.frames_t is None


def test_prefetched_items_come_in_order() -> None:
    with prefetched(lambda i: i * i, 3, 40) as items:
        assert list(items) == [i * i for i in range(3, 40)]


def test_an_error_in_the_thread_reaches_the_reader() -> None:
    def make(number: int) -> int:
        if number == 4:
            raise OSError("disk gone")
        return number

    with prefetched(make, 0, 10) as items, pytest.raises(OSError, match="disk gone"):
        list(items)


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with prefetched(lambda i: i, 0, 10**9) as items:
        next(iter(items))
    assert threading.active_count() == before
