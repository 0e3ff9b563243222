from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pretrain.data.run_files import CurvePoint
from pretrain.data.store import FrameStore
from pretrain.drawing.attention import Occlusion
from pretrain.drawing.moments import sample_rows
from pretrain.report import figures
from pretrain.report.attention import (
    animate,
    heat_scale,
    lively_clip,
    sheet,
    slot_panels,
    varied_frames,
)
from slotenv.encoders import SlotMapEncoder

from .conftest import EPISODE, sprite_frames, write_store


@pytest.fixture
def occlusion(tiny_encoder_80: SlotMapEncoder) -> Occlusion:
    return Occlusion(tiny_encoder_80.encode, sprite_frames())


def open_png(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    assert image.format == "PNG"
    image.load()
    return image


def test_heat_lies_only_where_the_effect_is() -> None:
    frame = np.full((8, 8, 3), 100, np.uint8)
    effects = np.zeros((1, 2, 2, 2))
    effects[0, 1, 1, 0] = 5.0
    ((first, cold, picture),) = slot_panels(frame[None], effects, (4, 4), scale=5.0)
    assert (first == frame).all()
    changed = (picture != cold).any(axis=-1)
    expected = np.zeros((8, 8), bool)
    expected[4:, :4] = True
    assert (changed == expected).all()
    assert (cold == cold[0, 0, 0]).all()  # grey


def test_heat_covers_cut_blocks() -> None:
    frame = np.zeros((7, 5, 3), np.uint8)
    panels = slot_panels(frame[None], np.ones((1, 1, 2, 2)), (4, 4), scale=1.0)
    assert panels.shape == (1, 2, *frame.shape)


def test_scale_is_one_without_any_effect() -> None:
    assert heat_scale(np.zeros((2, 3, 4, 5))) == 1.0
    assert heat_scale(np.array([0.0, 3.0])) == 3.0


def test_rows_are_spread_and_distinct() -> None:
    assert sample_rows(1000, 3).tolist() == [0, 499, 999]
    assert sample_rows(2, 200).tolist() == [0, 1]


def test_scenes_differ_from_each_other(occlusion: Occlusion) -> None:
    scenes = varied_frames(sprite_frames(), occlusion, 4)
    assert scenes.shape == (4, 80, 80, 3)
    assert len({scene.tobytes() for scene in scenes}) == 4


def test_equal_frames_give_one_scene(occlusion: Occlusion) -> None:
    same = sprite_frames(1).repeat(5, axis=0)
    assert len(varied_frames(same, occlusion, 4)) == 1


def test_clip_is_one_stretch_of_one_episode(tmp_path: Path, occlusion: Occlusion) -> None:
    write_store(tmp_path)
    clip = lively_clip(FrameStore(tmp_path), occlusion, 20)
    everything = sprite_frames()
    stretches = [everything[t : t + 20] for t in range(EPISODE - 19)]
    stretches += [everything[EPISODE + t : EPISODE + t + 20] for t in range(EPISODE - 19)]
    assert any(np.array_equal(clip, stretch) for stretch in stretches)


def test_clip_of_short_data_is_all_of_it(tmp_path: Path, occlusion: Occlusion) -> None:
    write_store(tmp_path)
    assert len(lively_clip(FrameStore(tmp_path), occlusion, 1000)) == EPISODE


@pytest.mark.parametrize("num_slots", [1, 2, 9])
def test_animation_moves_and_stays_small(num_slots: int) -> None:
    frames = sprite_frames(12)
    effects = np.random.default_rng(0).random((12, num_slots, 20, 20))
    panels = slot_panels(frames, effects, (4, 4), 1.0)
    content = animate(panels)
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "GIF"
        assert image.n_frames == 12  # type: ignore[attr-defined]
    limit = len(content) // 5
    assert 0 < len(animate(panels, max_bytes=limit)) <= limit


def test_attention_has_panels_in_rows_of_four_at_most() -> None:
    frames = sprite_frames(2)
    two, four, eight = (
        open_png(sheet(slot_panels(frames, np.ones((2, k, 20, 20)), (4, 4), 1.0), 1.0))
        for k in (1, 3, 7)
    )
    assert two.width < four.width == eight.width <= 800
    assert eight.height > 1.8 * four.height


def test_losses_without_diversity_or_validation_are_drawn() -> None:
    row = {"update": 50, "split": "train", "seconds": 1.0, "saliency": 2.0, "loss": 2.0}
    both = {**row, "diversity": 1.0}
    one_column = open_png(figures.losses([row], num_slots=3))
    assert open_png(figures.losses([both], num_slots=3)).width > 1.5 * one_column.width
    open_png(figures.losses([{"update": 1, "split": "train", "loss": 1.0}], num_slots=1))


def test_importance_names_with_dollars_are_no_formula() -> None:
    open_png(figures.importance(np.eye(2), ["a $_broken_{ formula$", "b"]))
    open_png(figures.importance(np.full((1, 12), 1 / 12), ["alone"]))


def test_predictions_of_one_value_and_of_none_are_drawn() -> None:
    open_png(figures.predictions("same", [[3.0, 3.0]], -5.0))
    open_png(figures.predictions("far", [[0.0, 1e9]], None))
    open_png(figures.predictions("empty", [], None))


def test_curve_without_times_is_drawn() -> None:
    point = CurvePoint(updates=0, train_seconds=None, accuracy=0.1, ridge_accuracy=0.2)
    open_png(figures.curve([point], untrained=None, paper=None))
    open_png(figures.curve([point], untrained=0.1, paper=0.7))
