"""Rows that were computed before: what is computed again, when, and that rows stay the same."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from slotenv.encoders import unique_patches
from slotenv.encoders.unique_patches import RowCache


class Counting:
    """Windows are numbers; the row of a window is made of its number."""

    def __init__(self, width=3):
        self.width, self.computed = width, []

    def __call__(self, index):
        self.computed.append(index.tolist())
        return torch.tensor(index, dtype=torch.float32)[:, None] * torch.arange(1.0, self.width + 1)


def windows(*keys):
    keys = np.array(keys, np.uint64)
    return SimpleNamespace(keys=keys, index=lambda rows: keys[rows].astype(np.int64))


def read(cache, compute, *keys, version=1):
    rows = cache.rows(windows(*keys), compute, version)
    assert rows.tolist() == [[key * (i + 1) for i in range(compute.width)] for key in keys]


def test_each_window_is_computed_once_and_comes_in_the_order_asked_for():
    cache, compute = RowCache(), Counting()
    read(cache, compute, 7, 3, 5)
    read(cache, compute, 5, 7)
    read(cache, compute, 3, 9, 5, 4)
    read(cache, compute, 4, 9, 3)
    assert compute.computed == [[7, 3, 5], [9, 4]]


def test_rows_of_other_weights_are_forgotten():
    cache, compute = RowCache(), Counting()
    read(cache, compute, 7, 3)
    read(cache, compute, 7, 3, version=2)
    read(cache, compute, 7, 3, version=2)
    read(cache, compute, 7, 3)
    assert compute.computed == [[7, 3]] * 3


def test_rows_may_become_wider_with_other_weights():
    cache = RowCache()
    read(cache, Counting(3), 7, 3)
    read(cache, Counting(5), 7, 3, version=2)
    read(cache, Counting(2), 7, 3, version=3)


def test_rows_stay_as_they_are_while_the_table_grows():
    cache, compute = RowCache(), Counting()
    for start in range(1, 4900, 700):
        read(cache, compute, *range(start, start + 700))
    read(cache, compute, *range(1, 4901))
    assert len(compute.computed) == 7
    assert sum(map(len, compute.computed)) == 4900


def test_the_table_grows_seldom():
    """Twice what is needed is taken: rows are not copied with each new window."""
    cache, compute, tables = RowCache(), Counting(), set()
    for key in range(1, 3000):
        read(cache, compute, key)
        tables.add(cache._table.data_ptr())
    assert len(cache._table) <= 2 * 2999
    assert len(tables) <= 3


def test_it_starts_anew_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr(unique_patches, "_MOST_ROWS", 3)
    cache, compute = RowCache(), Counting()
    read(cache, compute, 1, 2, 3)
    read(cache, compute, 4, 1)  # three are not too many
    read(cache, compute, 1)  # four are
    read(cache, compute, 1, 2)
    assert compute.computed == [[1, 2, 3], [4], [1], [2]]


def test_it_holds_some_50_megabytes_before_that():
    size = unique_patches._MOST_ROWS * 64 * 4
    assert size == pytest.approx(50e6, rel=0.1)


def pickled(cache):
    return pickle.loads(pickle.dumps(cache))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_is_empty(again):
    cache, compute = RowCache(), Counting()
    read(cache, compute, 7)
    read(again(cache), compute, 7)
    read(cache, compute, 7)
    assert compute.computed == [[7], [7]]


def test_rows_that_are_handed_out_are_not_those_that_are_kept():
    cache, compute = RowCache(), Counting()
    cache.rows(windows(7), compute, 1).zero_()
    read(cache, compute, 7)
