"""Going on with an encoder on other frames: what was known stays, what is new is added."""

from functools import cache

import numpy as np
import pytest
import torch
from moving_blocks import BALL, BIG, GUEST, HEIGHT, SKY, UPPER, WIDTH, Block, background, scene
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from slotenv.encoders import palette as palette_module
from slotenv.encoders.object_mixture import ObjectMixtureEncoder
from slotenv.encoders.object_mixture.foreground import extend_background, fit_background
from slotenv.encoders.palette import fit_palette
from slotenv.encoders.usual_colours import NO_COLOUR, USUAL_COLOURS
from slotenv.frames import plain

KNOWN = (UPPER, BIG, BALL)
NEW = Block((240, 120, 240), 3, 4, (30, 40))
TEST = scene(60, KNOWN, seed=1)


@cache
def fitted() -> ObjectMixtureEncoder:
    frames = scene(150, KNOWN).frames
    return ObjectMixtureEncoder.from_frames(frames, preprocess=plain(HEIGHT, WIDTH)).eval()


def read(slots: NDArray[np.float32], values: NDArray[np.float64]) -> float:
    """R2 of a linear reading, second half of the frames."""
    flat, half = slots.reshape(len(slots), -1), len(slots) // 2
    line = LinearRegression().fit(flat[:half], values[:half])
    return float(line.score(flat[half:], values[half:]))


def test_old_slots_keep_their_meaning_and_new_objects_get_new_slots() -> None:
    encoder, known = fitted(), fitted().num_slots
    before = encoder.encode(TEST.frames)
    new = scene(150, (*KNOWN, NEW), seed=2)
    other = encoder.refit(new.frames)
    assert other.num_slots > known
    np.testing.assert_allclose(other.encode(TEST.frames)[:, :known], before, atol=0.05)
    fresh = scene(120, (*KNOWN, NEW), seed=3)
    own = other.encode(fresh.frames)[:, known:]
    assert read(own, fresh.centres[:, KNOWN.index(BALL) + 1]) > 0.95
    np.testing.assert_array_equal(encoder.encode(TEST.frames), before)  # as it was


def test_the_same_frames_again_change_next_to_nothing() -> None:
    encoder = fitted()
    other = encoder.refit(scene(150, KNOWN).frames)
    assert other.num_slots == encoder.num_slots
    before = encoder.encode(TEST.frames)
    np.testing.assert_allclose(other.encode(TEST.frames), before, atol=0.05)


def test_an_object_that_is_not_there_is_not_forgotten() -> None:
    encoder = fitted()
    other = encoder.refit(scene(150, (UPPER, BIG), seed=4).frames)
    before = encoder.encode(TEST.frames)
    known = encoder.num_slots
    np.testing.assert_allclose(other.encode(TEST.frames)[:, :known], before, atol=0.05)


def test_frames_with_nothing_in_them_change_nothing() -> None:
    encoder = fitted()
    with pytest.warns(UserWarning, match="Nothing differs from the background in any frame"):
        other = encoder.refit(background(30))
    before = encoder.encode(TEST.frames)
    np.testing.assert_allclose(other.encode(TEST.frames), before, atol=1e-5)


def test_refitting_twice_is_the_same_as_once_more() -> None:
    """Deterministic, and an encoder that was refitted can be refitted."""
    new = scene(100, (*KNOWN, NEW), seed=2).frames
    one, two = fitted().refit(new, seed=1), fitted().refit(new, seed=1)
    for name, value in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], value, rtol=0, atol=0)
    again = one.refit(scene(100, (*KNOWN, NEW, GUEST), seed=5).frames)
    assert again.num_slots > one.num_slots
    assert not again.training


def test_errors() -> None:
    encoder = fitted()
    with pytest.raises(ValueError, match="got none"):
        encoder.refit(background(0))
    with pytest.raises(TypeError, match="uint8"):
        encoder.refit(background(3).astype(np.float32))
    with pytest.raises(ValueError, match=r"has \d already must lie in \d\.\.1024, got 1"):
        encoder.refit(background(3), num_slots=1)


@pytest.mark.parametrize("which", ["frames", "next_frames"])
def test_frames_to_fit_are_checked(which: str) -> None:
    good = scene(9, KNOWN).frames
    for bad, error in ((good.astype(np.float32), TypeError), (good[:, 1:], ValueError)):
        given = {"frames": good, "next_frames": good[:3]} | {which: bad[:3]}
        with pytest.raises(error, match="frames must"):
            ObjectMixtureEncoder.from_frames(preprocess=plain(HEIGHT, WIDTH), **given)


def test_one_slot_is_enough_to_encode() -> None:
    one = ObjectMixtureEncoder.from_frames(
        scene(60, KNOWN).frames, preprocess=plain(HEIGHT, WIDTH), num_slots=1
    )
    assert one.encode(TEST.frames).shape == (60, 1, one.slot_dim)
    assert one.boxes(TEST.frames).shape == (60, 1, 5)


def test_known_colours_keep_their_indices(monkeypatch: pytest.MonkeyPatch) -> None:
    palette = fit_palette(scene(40, KNOWN).frames)
    more = fit_palette(scene(40, (*KNOWN, NEW)).frames, known=palette)
    known = len(palette.colours)
    np.testing.assert_array_equal(more.colours[:known], palette.colours)
    assert [tuple(colour) for colour in more.colours[known:]] == [NEW.colour]
    monkeypatch.setattr(palette_module, "MAX_COLOURS", known)
    full = fit_palette(scene(40, (*KNOWN, NEW)).frames, known=palette)
    np.testing.assert_array_equal(full.colours, palette.colours)


def test_only_colours_that_cover_much_become_background() -> None:
    """A new room's floor does; a figure that stands still for half the time does not."""
    palette = fit_palette(scene(40, KNOWN).frames)
    old = fit_background(scene(40, KNOWN).frames, palette)
    floor, figure = (10, 160, 160), (250, 250, 10)
    frames = background(20)
    frames[:10, 24:] = floor
    frames[:10, 3:6, 3:6] = figure
    new = extend_background(old, frames, fit_palette(frames, known=palette))
    index = [tuple(colour) for colour in new.palette.colours].index
    assert (new.usual[..., 0] == old.usual[..., 0]).all()
    assert (new.usual[24:, :, 1:] == index(floor)).any(-1).all()
    assert (new.usual[:24] == old.usual[:24]).all()  # it is not there
    assert not (new.usual == index(figure)).any()
    found = new.foreground(frames[:1], max_runs=99)
    assert {int(c) for c in found.colours[0]} == {index(figure)}


def test_a_full_place_takes_no_more_colours() -> None:
    palette = fit_palette(scene(40, KNOWN).frames)
    background_ = fit_background(scene(40, KNOWN).frames, palette)
    colours = [(10, 160, 160), (160, 10, 160), (160, 160, 10)]
    for colour in colours:
        frames = background(10)
        frames[:, :] = colour
        more = fit_palette(frames, known=background_.palette)
        background_ = extend_background(background_, frames, more)
    assert background_.usual.shape[-1] == USUAL_COLOURS
    assert not (background_.usual == NO_COLOUR).any()
    sky = [tuple(colour) for colour in background_.palette.colours].index(SKY)
    assert (background_.usual[0, :, 0] == sky).all()
