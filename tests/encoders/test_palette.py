import numpy as np
import pytest
from fake_envs import random_frames
from moving_blocks import BLOCKS, GROUND, SKY, scene

from slotenv.encoders import palette as module
from slotenv.encoders.palette import Palette, cells, fit_palette


def random_palette(count: int) -> Palette:
    """Colours that lie in cells of their own."""
    colours = np.random.default_rng(1).integers(0, 256, (4 * count, 3), np.uint8)
    _, first = np.unique(cells(colours), return_index=True)
    return Palette(colours[np.sort(first)[:count]])


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_a_pixel_gets_the_colour_nearest_to_its_cell(count: int) -> None:
    palette = random_palette(count)
    known = [tuple(int(v) // 8 for v in colour) for colour in palette.colours]
    pixels = random_frames(1, 20, 20)[0]
    got = palette.indices(pixels)
    assert got.shape == (20, 20)
    for pixel, index in zip(pixels.reshape(-1, 3), got.reshape(-1), strict=True):
        cell = tuple(int(v) // 8 for v in pixel)
        if cell in known:
            assert index == known.index(cell)
            continue
        middle = [8 * v + 4 for v in cell]
        distances = [
            sum((m - int(c)) ** 2 for m, c in zip(middle, colour, strict=True))
            for colour in palette.colours
        ]
        assert index == distances.index(min(distances))


def test_known_colours_are_themselves() -> None:
    palette = random_palette(64)
    np.testing.assert_array_equal(palette.indices(palette.colours), np.arange(64))


def test_a_known_colour_is_itself_even_where_another_is_nearer_to_the_middle_of_its_cell() -> None:
    palette = Palette(np.array([[0, 0, 0], [8, 4, 4]], np.uint8))
    assert palette.indices(palette.colours).tolist() == [0, 1]


def test_a_cell_holds_the_colours_that_differ_in_low_bits_only() -> None:
    pixels = np.array([[[8, 16, 24], [15, 23, 31]], [[7, 16, 24], [0, 0, 0]]], np.uint8)
    got = cells(pixels)
    assert got[0, 0] == got[0, 1] == (1 << 10) + (2 << 5) + 3
    assert got[1, 0] == got[0, 0] - (1 << 10)
    assert got[1, 1] == 0


def test_every_colour_of_simple_frames_is_kept() -> None:
    palette = fit_palette(scene(20).frames)
    expected = {SKY, GROUND, *(block.colour for block in BLOCKS)}
    assert {tuple(colour) for colour in palette.colours.tolist()} == expected
    assert len(palette.colours) == len(expected)


def test_a_rare_colour_is_kept_and_shades_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.zeros((4, 40, 40, 3), np.uint8)
    frames[..., 2] = 16 * (np.arange(40) // 4)  # ten shades of blue
    frames[0, 5, 5] = (250, 40, 40)
    frames[1, 9, 9] = (240, 240, 40)
    monkeypatch.setattr(module, "MAX_COLOURS", 5)
    palette = fit_palette(frames)
    colours = [tuple(colour) for colour in palette.colours.tolist()]
    assert len(colours) == 5
    assert (250, 40, 40) in colours
    assert (240, 240, 40) in colours


def test_colours_of_a_palette_occur_in_the_frames() -> None:
    frames = random_frames(2, 30, 30)
    palette = fit_palette(frames)
    assert palette.colours.shape == (64, 3)
    occurring = {tuple(colour) for colour in frames.reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in palette.colours.tolist()} <= occurring
    np.testing.assert_array_equal(palette.indices(palette.colours), np.arange(64))


def test_frames_of_one_colour() -> None:
    palette = fit_palette(np.full((3, 10, 12, 3), 77, np.uint8))
    assert palette.colours.tolist() == [[77, 77, 77]]
    assert not palette.indices(random_frames(2, 10, 12)).any()


BROWN, GREEN, WHITE, ORANGE = (144, 72, 17), (92, 186, 92), (236, 236, 236), (213, 130, 74)
BOTH = (144, 186, 92)  # the brighter of brown and green


def test_a_pooled_colour_is_the_objects_own() -> None:
    palette = Palette(np.array([BROWN, GREEN, BOTH, WHITE, ORANGE], np.uint8))
    expected = np.repeat(np.arange(5)[:, None], 5, axis=1)
    expected[2, 0] = 1  # on brown it is green
    expected[2, 1] = 0  # and on green brown
    np.testing.assert_array_equal(palette.unpooled(), expected)


def test_unpooling_undoes_the_maximum_of_two_colours() -> None:
    colours = random_palette(12).colours
    blends = np.maximum(colours[:, None], colours[None]).reshape(-1, 3)
    palette = Palette(np.unique(np.concatenate([colours, blends]), axis=0)[:64])
    of = palette.unpooled()
    assert (of != np.arange(len(of))[:, None]).any()
    for colour, behind in np.ndindex(of.shape):
        one, own = of[colour, behind], palette.colours[colour]
        if one == colour:
            continue
        assert one != behind
        brighter = [
            max(a, b) for a, b in zip(*palette.colours[[one, behind]].tolist(), strict=True)
        ]
        assert brighter == own.tolist()


def test_the_last_colour_is_unpooled_as_well() -> None:
    behind, both, own = (0, 100, 0), (200, 100, 0), (200, 0, 0)
    palette = Palette(np.array([behind, both, own], np.uint8))
    assert palette.unpooled()[1].tolist() == [2, 1, 0]
