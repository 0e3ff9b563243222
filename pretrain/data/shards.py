"""Shards: consecutive steps of one stream as one ``.npz`` file, each frame compressed by itself."""

import io
import zipfile
import zlib
from dataclasses import dataclass, fields
from typing import Any

import blosc2
import numpy as np
from numpy.typing import NDArray

# Workers are processes of their own, bytes must not depend on threads, and a pool of threads for
# frames of 100 KB takes five times as long as one.
_THREADS = 1
_MOST_ACTION_BYTES = 1 << 16  # of one step: no action space of a game is larger
_HEADER = 32  # bytes of a chunk's header, which may add that much to a frame
_SPECIAL = 31  # byte of the header that says whether there are bytes at all
_COMPRESSED, _ZEROS = 0, 16  # its values; others leave memory as it was, or are not written here
_NBYTES, _BLOCKSIZE, _CBYTES = 1, 2, 3  # numbers in the header: bytes of frame, block and chunk


@dataclass(frozen=True)
class Shard:
    """Consecutive steps of one stream.

    Attributes:
        frames: The n frames, each as :func:`compress_frame` gives it, end to end.
        sizes: (n,) int64, bytes of each of them.
        actions: (n, ...) as the action space has them.
        rewards: (n,) float32 reward for that action.
        episode: (n,) int32, counted from 0 within the shard.
        ram: (n, 128) uint8, or (n, 0) where there is no emulator.
    """

    frames: bytes
    sizes: NDArray[np.int64]
    actions: NDArray[Any]
    rewards: NDArray[np.float32]
    episode: NDArray[np.int32]
    ram: NDArray[np.uint8]


def compress_frame(frame: NDArray[np.uint8]) -> bytes:
    """Compress one frame, (H, W, 3) uint8, without loss; equal frames give equal bytes."""
    blosc2.set_nthreads(_THREADS)
    compressed: bytes = blosc2.compress2(
        np.ascontiguousarray(frame),
        codec=blosc2.Codec.ZSTD,
        clevel=1,
        typesize=1,
        filters=[blosc2.Filter.NOFILTER],
        filters_meta=[0],
        blocksize=frame.nbytes,
        nthreads=_THREADS,
    )
    return compressed


def decompress_frame(chunk: memoryview, out: NDArray[np.uint8]) -> None:
    """Decompress a chunk of a shard that :func:`from_bytes` has checked into ``out``.

    Raises:
        ValueError: If the chunk does not hold a frame.
    """
    try:
        blosc2.decompress2(chunk, dst=out)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"a frame cannot be decompressed ({error})") from error


def to_bytes(shard: Shard) -> bytes:
    """Return a shard as the content of a file; equal shards give equal bytes."""
    buffer = io.BytesIO()
    columns = {field.name: getattr(shard, field.name) for field in fields(Shard)}
    np.savez_compressed(buffer, **columns | {"frames": np.frombuffer(shard.frames, np.uint8)})
    return buffer.getvalue()


def from_bytes(content: bytes, *, length: int, frame_bytes: int) -> Shard:
    """Return the shard of n = ``length`` steps that a file holds, checked for reading its frames.

    Raises:
        ValueError: If it is no shard of that kind; no array is made before its size is known.
    """
    blosc2.set_nthreads(_THREADS)
    most = length * (frame_bytes + _HEADER + _MOST_ACTION_BYTES) + (1 << 20)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > most:
            raise ValueError(f"it unpacks to {size:,} bytes, at most {most:,} are expected")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            expected = sorted(field.name for field in fields(Shard))
            if sorted(arrays.files) != expected:
                raise ValueError(f"it has arrays {sorted(arrays.files)}, not {expected}")
            columns = dict(arrays)
    except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        raise ValueError(f"it is no .npz file that can be read: {error!r}") from error
    except (NotImplementedError, RuntimeError, SyntaxError, TypeError, OverflowError) as error:
        raise ValueError(f"it holds an array that cannot be read: {error!r}") from error
    _check_columns(columns, length)
    _check_chunks(columns["frames"], columns["sizes"], frame_bytes)
    return Shard(**(columns | {"frames": columns["frames"].tobytes()}))


def _check_columns(columns: dict[str, NDArray[Any]], length: int) -> None:
    """Raise unless each column has its type and a row for each step."""
    kinds = {"sizes": "i8", "rewards": "f4", "episode": "i4", "ram": "u1", "frames": "u1"}
    for name, kind in kinds.items():
        if columns[name].dtype != np.dtype(kind):
            raise ValueError(f"{name} is {columns[name].dtype}, not {np.dtype(kind)}")
    if columns["actions"].dtype.kind not in "biuf":
        raise ValueError(f"actions are {columns['actions'].dtype}, not numbers")
    dims = {"sizes": 1, "rewards": 1, "episode": 1, "ram": 2}
    for name in ("actions", *dims):
        shape = columns[name].shape
        if shape[:1] != (length,) or len(shape) != dims.get(name, len(shape)):
            raise ValueError(f"{name} has shape {shape}, {length} rows are expected")
    if not np.isfinite(columns["rewards"]).all():
        raise ValueError("rewards are not finite")
    episode = columns["episode"]
    if episode[0] != 0 or not np.isin(np.diff(episode), (0, 1)).all():
        raise ValueError("episodes are not numbered from 0 without a gap")


def _check_chunks(frames: NDArray[np.uint8], sizes: NDArray[np.int64], frame_bytes: int) -> None:
    """Raise unless each chunk's header tells of a frame: decompression goes by the header."""
    if frames.ndim != 1 or (sizes < _HEADER).any() or (sizes > frame_bytes + _HEADER).any():
        raise ValueError("frames have sizes that no frame has")
    if int(sizes.sum()) != len(frames):
        raise ValueError(f"frames have {len(frames)} bytes, their sizes add up to {sizes.sum()}")
    starts = np.cumsum(sizes) - sizes
    # As 4-byte numbers; chunks start anywhere, so bytes are gathered first.
    header = frames[starts[:, None] + np.arange(16)].view("<i4")  # (n, 4)
    if (header[:, _NBYTES] != frame_bytes).any():
        raise ValueError(f"a frame unpacks to another size than {frame_bytes} bytes")
    if (header[:, _CBYTES] != sizes).any():
        raise ValueError("a frame's header tells of another size than it has")
    if (header[:, _BLOCKSIZE] < 1).any() or (header[:, _BLOCKSIZE] > frame_bytes).any():
        raise ValueError("a frame's header tells of blocks that do not fit")
    if not np.isin(frames[starts + _SPECIAL], (_COMPRESSED, _ZEROS)).all():
        raise ValueError("a frame's header tells of a frame without content")
