"""Rows of a benchmark, written by hand."""

from __future__ import annotations

from collections.abc import Callable

from pretrain.bench.results.rows import Row

MakeRow = Callable[..., Row]


def failed(row: Row, reason: str) -> Row:
    return {"failed": reason, **{k: v for k, v in row.items() if k not in ("view", "accuracy")}}
