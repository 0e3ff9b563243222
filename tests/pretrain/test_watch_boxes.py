"""Films of encoders with boxes: paths, names, and why nothing is seen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fake_envs import SPRITES
from PIL import Image, ImageDraw

from pretrain.cli import main
from pretrain.drawing.marked_frame import COLOURS
from pretrain.drawing.marks import slot_marks
from pretrain.watch import mark_boxes
from pretrain.watch.film import Film, play
from pretrain.watch.pages import Pages
from pretrain.watch.panels import BoxPanel
from slotenv.encoders import ObjectEncoder, SlotDescription

from .test_watch import ENV, asked

STEPS = 25  # an episode has 20


@pytest.fixture
def sprite_encoder(tiny_encoder) -> ObjectEncoder:
    frames = play(asked(steps=60), ENV, tiny_encoder).frames
    return ObjectEncoder.from_frames(frames, preprocess=tiny_encoder.preprocess)


def description(index: int, present: float = 1.0) -> SlotDescription:
    return SlotDescription(
        index=index,
        name="light blue, 12 x 14, stands still",
        present=present,
        **dict.fromkeys(("x", "y", "width", "height"), 8.0),
        colour=(0, 0, 0),
        speed=0.0,
        moves=False,
        picture=np.zeros((2, 2, 3), np.uint8),
    )


def pages_of(presence: list[list[float]]) -> Pages:
    """Slots in a row, each there as (n, K) presences say."""
    boxes = np.full((*np.shape(presence), 5), 8, np.float32)
    boxes[..., 0] = presence
    boxes[..., 1] += 3 * np.arange(boxes.shape[1])
    count = len(boxes)
    film = Film(
        frames=np.full((count, 84, 84, 3), 60, np.uint8),
        starts=np.arange(count) == 0,
        scores=np.zeros(count),
    )
    slots = [description(k, float(boxes[:, k, 0].mean())) for k in range(boxes.shape[1])]
    marks = [slot_marks([each], (84, 84)) for each in boxes]
    panel = BoxPanel(slots=slots, boxes=boxes)
    return Pages(title="Made up", film=film, marks=marks, panel=panel)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[float, ...]]]:
    """What is written during a test, and the rectangle it takes."""
    written = []
    write = ImageDraw.ImageDraw.text

    def record(self, where, text, **how):
        shape = {name: how[name] for name in ("font", "anchor") if how.get(name)}
        written.append((text, self.textbbox(where, text, **shape)))
        return write(self, where, text, **how)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", record)
    return written


def test_a_film_marks_sprites_on_every_frame(sprite_encoder, tmp_path, capsys):
    sprite_encoder.save_pretrained(tmp_path / "e")
    out = tmp_path / "film.gif"
    command = ["watch", "--encoder", str(tmp_path / "e"), "--env", f"fake_envs:{SPRITES}"]
    main([*command, "--out", str(out), "--steps", str(STEPS)])
    with Image.open(out) as film:
        assert film.n_frames == STEPS
        for t in range(STEPS):
            film.seek(t)
            page = np.asarray(film.convert("RGB"))[:, :430]  # where the game is
            drawn = [(page == colour).all(axis=-1).sum() > 20 for colour in COLOURS]
            assert sum(drawn) >= 2, t  # of three sprites, which may cover each other
        assert (page == (200, 40, 40)).all(axis=-1).any()  # a sprite as it is


def test_paths_end_with_the_episode(sprite_encoder):
    film = play(asked(steps=STEPS), ENV, sprite_encoder)
    marks, _ = mark_boxes(sprite_encoder, film)
    lengths = [max(len(mark.trail) for mark in of_frame) for of_frame in marks]
    assert lengths[0] == lengths[20] == 1
    assert lengths[19] > lengths[1] == lengths[21] == 2


def test_the_caption_says_what_is_seen_or_that_nothing_is():
    panel = pages_of([[1, 1, 0], [0.2, 0.9, 0], [0.5, 0, 0]]).panel
    assert panel.caption(0) == "2 of 3 slots see an object"
    assert panel.caption(1) == "1 of 3 slots see an object"
    assert panel.caption(2).startswith("nothing is marked: no slot sees its object")
    assert pages_of([[1.0]]).panel.caption(0) == "1 of 1 slot sees an object"


def test_slots_are_named_where_seen_and_listed_where_never(words):
    pages_of([[1, 0, 0], [0, 1, 0]]).draw(0)
    texts = [text for text, _ in words]
    assert texts.count("light blue, 12 x 14, stands still") == 2
    assert texts.count("not seen now") == 1
    assert "x 8   y 8   size 8 x 8" in texts
    assert "never seen in this film: 2" in texts


@pytest.mark.parametrize("num_slots", [1, 6, 24])
@pytest.mark.parametrize("seen", [True, False])
def test_no_text_is_cut_or_covered(num_slots, seen, words):
    pages = pages_of([[float(seen)] * num_slots])
    long = dataclasses.replace(pages, title="a_module_of_games:" + "Long" * 40 + "-v0")
    page = long.draw(0)
    assert page.width % 2 == page.height % 2 == 0
    panel = [box for text, box in words if not text.isdigit() or box[0] > page.width - 355]
    for left, top, right, bottom in panel:
        assert 0 <= left < right <= page.width
        assert 0 <= top < bottom <= page.height
    for i, (left, top, right, bottom) in enumerate(panel):
        for other in panel[:i]:
            apart = right <= other[0] or left >= other[2] or bottom <= other[1] or top >= other[3]
            assert apart, (words[i], other)
