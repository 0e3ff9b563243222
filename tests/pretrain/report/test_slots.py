"""What the report shows of encoders that say where their slots are."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pretrain.data.store import FrameStore
from pretrain.drawing.marked_frame import COLOURS
from pretrain.report.slots import (
    Stretch,
    animate,
    described,
    liveliest,
    moment,
    stretches,
    varied_moments,
)
from slotenv.encoders import ObjectEncoder
from slotenv.frames import plain

from .conftest import EPISODE, SIZE, fill, sprite_frames, write_store
from .test_write_report import Page, page_of


@pytest.fixture(scope="module")
def sprite_encoder() -> ObjectEncoder:
    """Slot 0 holds the red square, slot 1 the white one."""
    return ObjectEncoder.from_frames(sprite_frames(), preprocess=plain(SIZE, SIZE))


@pytest.fixture(scope="module")
def box_page(tmp_path_factory: pytest.TempPathFactory, sprite_encoder: ObjectEncoder) -> Page:
    folder = tmp_path_factory.mktemp("run")
    sprite_encoder.save_pretrained(folder / "encoder")
    fill(folder)
    return page_of(folder)


def stretch_of(*boxes: tuple[float, ...], steps: int = 1) -> Stretch:
    """Slots that stay where they are, in black frames."""
    repeated = np.repeat(np.array([boxes], np.float32), steps, axis=0)
    return Stretch(np.zeros((steps, 40, 50, 3), np.uint8), repeated)


HERE, THERE, GONE = (1, 10, 10, 4, 4), (1, 40, 30, 4, 4), (0, 0, 0, 0, 0)


def test_moments_begin_with_the_fullest_and_differ() -> None:
    empty, one = stretch_of(GONE, GONE), stretch_of(HERE, GONE)
    both, same, other = stretch_of(HERE, HERE), stretch_of(HERE, HERE), stretch_of(THERE, THERE)
    found = varied_moments([empty, one, both, same, other], 5)
    assert [any(each is one_of for one_of in found) for each in (both, other, one)] == [True] * 3
    assert found[0] is both
    assert found[1] is other
    assert len(found) == 3  # not the empty one, nor the same again


def test_where_nothing_is_seen_no_moment_is_taken() -> None:
    assert varied_moments([stretch_of(GONE), stretch_of(GONE)], 3) == []


def test_the_clip_is_the_longest_stretch_in_which_most_moves() -> None:
    still, short = stretch_of(HERE, HERE, steps=6), stretch_of(HERE, THERE, steps=5)
    moving = stretch_of(HERE, HERE, steps=6)
    moving.boxes[:, 0, 1] += 2 * np.arange(6)
    assert liveliest([short, still, moving]) is moving
    moving.boxes[..., 0] = 0  # it moves where it is not seen
    assert liveliest([short, still, moving]) is still


def test_stretches_do_not_leave_their_episode(
    tmp_path: Path, sprite_encoder: ObjectEncoder
) -> None:
    write_store(tmp_path)
    found = stretches(FrameStore(tmp_path), sprite_encoder)
    assert max(len(stretch.frames) for stretch in found) <= EPISODE
    everything = sprite_frames()
    for frames, boxes in found:
        (start,) = (t for t in range(len(everything)) if (everything[t] == frames[0]).all())
        assert start // EPISODE == (start + len(frames) - 1) // EPISODE
        assert (frames == everything[start : start + len(frames)]).all()
        assert boxes.shape == (len(frames), sprite_encoder.num_slots, 5)


def coloured(picture: NDArray[np.uint8], slot: int) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = (picture == COLOURS[slot]).all(axis=-1)
    return mask


def test_a_moment_shows_boxes_and_where_they_came_from() -> None:
    stretch = stretch_of(HERE, steps=8)
    stretch.boxes[:, 0, 1] += 4 * np.arange(8)  # from 10 to 38
    first, last = (np.array(moment(stretch, step=step)) for step in (0, -1))
    zoom = last.shape[1] / 58  # 50 pixels and a margin of 4 to either side
    for picture, left, right in ((first, 7, 13), (last, 10, 41)):  # the trail, the box
        columns = np.flatnonzero(coloured(picture, 0).any(axis=0)) / zoom - 4
        assert left - 1 <= columns.min() <= left + 1
        assert right - 1 <= columns.max() <= right + 1


def test_the_animation_shows_every_step_and_stays_small() -> None:
    stretch = stretch_of(HERE, steps=12)
    stretch.boxes[:, 0, 1] += np.arange(12)
    content = animate(stretch)
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 12  # type: ignore[attr-defined]
        assert coloured(np.array(image.convert("RGB")), 0).any()  # exact
    assert len(animate(stretch, max_bytes=len(content) - 1)) < len(content)
    assert len(animate(stretch, max_bytes=1)) > 1  # a single frame is left


def test_slots_are_described_from_the_longest_episode(
    tmp_path: Path, sprite_encoder: ObjectEncoder
) -> None:
    write_store(tmp_path)
    rows, unseen, frames = described(FrameStore(tmp_path), sprite_encoder)
    assert (frames, unseen) == (EPISODE, [])
    assert [row.name for row in rows] == ["red, 8 x 8, moves", "white, 8 x 8, moves"]
    for row in rows:
        with Image.open(io.BytesIO(row.crop)) as crop:
            assert row.size[0] / row.size[1] == pytest.approx(crop.width / crop.height, abs=0.05)


def test_boxes_and_names_come_before_numbers(box_page: Page) -> None:
    assert box_page.sections[:3] == ["moments", "slots", "probe"]
    assert "attention" not in box_page.sections
    assert "white, 8 x 8, moves" in box_page.text
    assert "rgb(255, 255, 255)" in box_page.source
    assert "Never seen" not in box_page.text
    kinds = [load.partition(";")[0] for load in box_page.loads]
    assert kinds.count("data:image/gif") == 1


def test_slots_that_never_see_anything_are_listed_apart(
    tmp_path: Path, sprite_encoder: ObjectEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    sprite_encoder.save_pretrained(tmp_path / "encoder")
    write_store(tmp_path / "data" / "probe")
    encode = ObjectEncoder.encode_with_boxes

    def absent(*slots: int) -> None:
        def encode_without(self: ObjectEncoder, frames: NDArray[np.uint8]) -> object:
            both = encode(self, frames)
            both[1][:, list(slots), 0] = 0
            return both

        monkeypatch.setattr(ObjectEncoder, "encode_with_boxes", encode_without)

    absent(1)
    page = page_of(tmp_path)
    assert "Never seen there: slot 1." in page.text
    assert "white, 8 x 8" not in page.text
    absent(0, 1)
    page = page_of(tmp_path)
    assert page.sections == ["moments", "settings"]
    assert "In none of the frames looked at did a slot see anything" in page.text
    assert page.tags.count("img") == 0


def test_pictures_can_be_read(box_page: Page) -> None:
    for load in box_page.loads:
        content = base64.b64decode(load.partition(";base64,")[2])
        if content:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
