"""Where each slot is: boxes and tracks on some moments and in an animation, and what slots hold."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pretrain.data.store import FrameStore
from pretrain.drawing.files import gif, to_png
from pretrain.drawing.marked_frame import COLOURS, MARGIN, SHADOW, draw_marks
from pretrain.drawing.marks import slot_marks
from pretrain.drawing.moments import sample_rows
from slotenv.encoders import SlotDescription, SlotEncoder
from slotenv.tracking import SEEN

_PLACES, _LENGTH = 24, 40  # stretches of the data that are looked at, frames in each
_DESCRIBED = 600  # frames from which slots are described
_WIDTH = 340  # of a picture: one column of the page, and all of a phone's
_MOST_WIDTH, _MOST_HEIGHT = 64, 48  # of what a slot holds, in the table
_MILLISECONDS = 130  # about half the game's own speed, so that an eye can follow


class Stretch(NamedTuple):
    """Consecutive steps of one episode.

    Attributes:
        frames: (n, H, W, 3) uint8.
        boxes: (n, K, 5) where each slot is in them.
    """

    frames: NDArray[np.uint8]
    boxes: NDArray[np.float32]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which slots see their object, (n, K)."""
        return self.boxes[..., 0] > SEEN


class SlotRow(NamedTuple):
    """A slot in the page's table.

    Attributes:
        slot: What it holds.
        name: Its name without the number, which stands beside it.
        badge: Colour of its box, as CSS writes it.
        crop: PNG of what it holds.
        size: Width and height at which to show that, in CSS pixels.
    """

    slot: SlotDescription
    name: str
    badge: str
    crop: bytes
    size: tuple[int, int]


def stretches(store: FrameStore, encoder: SlotEncoder) -> list[Stretch]:
    """Look at up to 24 stretches of up to 40 frames each, spread over the data."""
    found = []
    for start in sample_rows(max(1, len(store) - _LENGTH + 1), _PLACES):
        rows = np.arange(start, min(start + _LENGTH, len(store)))
        frames = store.frames(rows[store.episode[rows] == store.episode[start]])
        found.append(Stretch(frames, encoder.boxes(frames)))
    return found


def varied_moments(found: list[Stretch], wanted: int) -> list[Stretch]:
    """Choose up to ``wanted`` stretches whose last frames differ in where objects are.

    The first is the one in whose last frame most slots see something; each further one is least
    like those already taken. Frames in which nothing is seen are not taken.
    """
    seen = np.stack([stretch.seen[-1] for stretch in found])  # (n, K)
    places = np.stack([stretch.boxes[-1, :, 1:3] for stretch in found])  # (n, K, 2)
    side = float(max(found[0].frames.shape[1:3]))
    both = seen[:, None] & seen
    apart = np.where(both, np.hypot(*np.moveaxis(places[:, None] - places, -1, 0)) / side, 0.0)
    distance = (apart + (seen[:, None] != seen)).sum(axis=-1)  # (n, n)
    chosen = [int(seen.sum(axis=1).argmax())]
    while len(chosen) < wanted:
        least = np.where(seen.any(axis=1), distance[:, chosen].min(axis=1), 0.0)
        if least.max() == 0:
            break
        chosen.append(int(least.argmax()))
    return [found[i] for i in chosen if seen[i].any()]


def liveliest(found: list[Stretch]) -> Stretch:
    """Choose the longest stretch; of those as long, the one in which most is seen and moves."""

    def movement(stretch: Stretch) -> float:
        steps = np.hypot(*np.moveaxis(np.diff(stretch.boxes[..., 1:3], axis=0), -1, 0))
        moving = (steps > 0.5) & stretch.seen[1:] & stretch.seen[:-1]
        return float(stretch.seen.mean(axis=0).sum() + 2 * moving.sum() / len(stretch.frames))

    return max(found, key=lambda stretch: (len(stretch.frames), movement(stretch)))


def moment(stretch: Stretch, *, step: int = -1) -> Image.Image:
    """Draw one frame of a stretch with each slot's box, number and track."""
    step %= len(stretch.frames)
    frame = stretch.frames[step]
    zoom = max(1, round(_WIDTH / (frame.shape[1] + 2 * MARGIN)))
    return draw_marks(frame, slot_marks(list(stretch.boxes[: step + 1]), frame.shape), zoom=zoom)


def animate(stretch: Stretch, *, max_bytes: int = 1_000_000) -> bytes:
    """Draw all frames of a stretch as an animated GIF, of fewer frames if it gets too large."""
    own = [*COLOURS, SHADOW]
    few = Image.fromarray(np.concatenate(list(stretch.frames[sample_rows(len(stretch.frames), 8)])))
    rest = few.quantize(256 - len(own), Image.Quantize.MEDIANCUT)
    palette = Image.new("P", (1, 1))
    palette.putpalette([*np.ravel(own).tolist(), *(rest.getpalette() or [])])
    pictures = [moment(stretch, step=step) for step in range(len(stretch.frames))]
    content = gif(pictures, palette, _MILLISECONDS)
    while len(content) > max_bytes and len(pictures) > 1:
        pictures = pictures[: len(pictures) // 2]
        content = gif(pictures, palette, _MILLISECONDS)
    return content


def described(store: FrameStore, encoder: SlotEncoder) -> tuple[list[SlotRow], list[int], int]:
    """Describe slots from the end of the longest episode.

    Returns:
        A row for each slot that is seen there, the numbers of those that are not, and how many
        frames were looked at.
    """
    longest = np.bincount(store.episode[: len(store)]).argmax()
    rows = np.flatnonzero(store.episode[: len(store)] == longest)[-_DESCRIBED:]
    slots = encoder.describe(store.frames(rows))
    unseen = [slot.index for slot in slots if not slot.present]
    return [_row(slot) for slot in slots if slot.present], unseen, len(rows)


def short_name(slot: SlotDescription) -> str:
    """Return a slot's name for where its number stands beside it."""
    return slot.name.removesuffix(f" (slot {slot.index})")


def _row(slot: SlotDescription) -> SlotRow:
    height, width = slot.picture.shape[:2]
    scale = min(_MOST_WIDTH / width, _MOST_HEIGHT / height)
    return SlotRow(
        slot=slot,
        name=short_name(slot),
        badge="#{:02x}{:02x}{:02x}".format(*COLOURS[slot.index % len(COLOURS)]),
        crop=to_png(Image.fromarray(slot.picture)),
        size=(max(1, round(width * scale)), max(1, round(height * scale))),
    )
