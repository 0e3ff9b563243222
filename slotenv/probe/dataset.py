"""What the probe reads, and how it is cut into training, validation and test frames."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slotenv import checks

Indices = NDArray[np.integer[Any]]

Encode = Callable[[NDArray[np.uint8]], ArrayLike | tuple[ArrayLike, ArrayLike]]
"""From frames uint8 (B, H, W, 3) to slots (B, K, D), such as an encoder's ``encode``; or to a tuple
of slots and their boxes (B, K, 5), such as its ``encode_with_boxes``."""


class ProbeData(Protocol):
    """Frames in the order they were played, with the RAM behind each."""

    def __len__(self) -> int:
        """Return the number of frames N."""

    def frames(self, indices: Indices) -> NDArray[np.uint8]:
        """Return frames (n, H, W, 3) by index."""

    @property
    def ram(self) -> NDArray[np.uint8]:
        """(N, 128) the console's RAM at each frame."""

    @property
    def episode(self) -> NDArray[np.integer[Any]]:
        """(N,) number of the episode each frame belongs to."""


class Features(NamedTuple):
    """What is probed of N frames in the order of play; all numbers are finite.

    Attributes:
        slots: (N, K, D).
        digests: A digest of each frame.
        boxes: (N, K, 5) where each slot is: presence from 0 to 1, x and y of the middle, width and
            height in pixels; None if that is not known.
    """

    slots: NDArray[np.float32]
    digests: list[bytes]
    boxes: NDArray[np.float32] | None = None


class Split(NamedTuple):
    """Indices of the frames to fit on, to choose the ridge strength on and to score.

    ``duplicates`` test frames are left out, since they occur in the other two parts.
    """

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    duplicates: int


def split_frames(digests: list[bytes]) -> Split:
    """Cut frames 70/10/20 by contiguous index and drop test frames seen in the other parts.

    Games repeat up to four frames in ten, and a test frame that was fitted on would measure memory.

    Raises:
        ValueError: If a part is empty.
    """
    count = len(digests)
    train_end, validation_end = count * 7 // 10, count * 8 // 10
    seen = set(digests[:validation_end])
    test = [i for i in range(validation_end, count) if digests[i] not in seen]
    if train_end == validation_end or not test:
        raise ValueError(
            f"{count} frames leave {validation_end - train_end} validation frames and {len(test)} "
            "test frames that occur nowhere else: collect more"
        )
    validation = np.arange(train_end, validation_end)
    duplicates = count - validation_end - len(test)
    return Split(np.arange(train_end), validation, np.array(test), duplicates)


def read_features(encode: Encode, dataset: ProbeData, *, batch_size: int = 256) -> Features:
    """Encode all frames, ``batch_size`` at a time, and digest their bytes.

    Args:
        encode: From frames to slots, or to slots and where they are: :data:`Encode`.
        dataset: The frames.
        batch_size: Frames at a time.

    Raises:
        TypeError: If frames are not uint8.
        ValueError: If there are no frames, the encoder does not return finite (B, K, D), or boxes
            are not finite (B, K, 5).
    """
    slots: list[NDArray[np.float32]] = []
    places: list[NDArray[np.float32]] = []
    digests: list[bytes] = []
    for frames in frame_batches(dataset, len(dataset), batch_size):
        if frames.dtype != np.uint8:
            raise TypeError(f"the probe needs uint8 frames, the dataset gives {frames.dtype}")
        name = f"slots of the frames from {len(digests)} on"
        digests += [hashlib.blake2b(frame.tobytes(), digest_size=16).digest() for frame in frames]
        found = encode(frames)
        seen, boxes = found if isinstance(found, tuple) else (found, None)
        batch = np.asarray(seen, dtype=np.float32)
        checks.shape(name, batch, len(frames), "K", "D")
        checks.finite(name, batch)
        slots.append(batch)
        if boxes is not None:
            where = np.asarray(boxes, dtype=np.float32)
            checks.shape(f"boxes of the {name}", where, *batch.shape[:2], 5)
            checks.finite(f"boxes of the {name}", where)
            places.append(where)
    return Features(np.concatenate(slots), digests, np.concatenate(places) if places else None)


def frame_batches(dataset: ProbeData, count: int, batch_size: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the first ``count`` frames, ``batch_size`` at a time; both must be at least 1."""
    checks.whole_number("the number of frames", count, low=1)
    checks.whole_number("batch_size", batch_size, low=1)
    for start in range(0, count, batch_size):
        yield dataset.frames(np.arange(start, min(start + batch_size, count)))
