"""Bounds of the numbers that a user may give: every verb checks and words them alike."""

from __future__ import annotations

from typing import Any

MAX_COUNT = 1_000_000_000
"""Most frames, steps, updates and the like: days of work, and far below what 64 bits hold."""
MAX_THREADS = 1_024
"""Most threads of a process: more than machines have cores, fewer than systems refuse."""
_SEEDS = 1 << 31  # below this, every generator that is seeded takes them


def check_counts(config: Any, *names: str, most: int = MAX_COUNT) -> None:
    """Raise unless numbers of things lie in 1 to ``most``; None is a default and passes.

    Args:
        config: What has them as attributes.
        *names: Names of the attributes.
        most: The largest that is allowed.

    Raises:
        ValueError: If one lies outside; the message names it.
    """
    for name in names:
        value = getattr(config, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
        if value is not None and value > most:
            raise ValueError(f"{name} must be at most {most:,}, got {value:,}")


def check_batch_size(size: int) -> None:
    """Raise ValueError unless a batch has pairs to tell apart."""
    if not 2 <= size <= MAX_COUNT:
        raise ValueError(
            f"batch_size must be at least 2 (negatives come from the batch) and at most "
            f"{MAX_COUNT:,}, got {size}"
        )


def check_seed(seed: int) -> None:
    """Raise ValueError unless a seed is one that every generator takes."""
    if seed < 0:
        raise ValueError(f"seed must not be negative, got {seed}")
    if seed >= _SEEDS:
        raise ValueError(f"seed must be below {_SEEDS:,}, got {seed:,}")
