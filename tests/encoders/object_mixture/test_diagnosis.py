"""What an encoder says of frames in which it cannot find objects."""

import re
import warnings

import numpy as np
import pytest
import torch
from fake_envs import random_frames
from moving_blocks import BLOCKS, HEIGHT, WIDTH, background, scene
from numpy.typing import NDArray

from slotenv.encoders import ObjectMixtureEncoder
from slotenv.encoders.object_mixture.diagnosis import diagnose
from slotenv.encoders.object_mixture.mixture import Runs
from slotenv.frames import plain

PRESET = plain(HEIGHT, WIDTH)
BLACK = np.zeros((40, HEIGHT, WIDTH, 3), np.uint8)
NOISE = random_frames(60, HEIGHT, WIDTH)
NOTHING, TEXTURED, FEW = "Nothing differs", "% of the screen differs", "Too few frames"


def warned(frames: NDArray[np.uint8], **options: int) -> tuple[ObjectMixtureEncoder, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder = ObjectMixtureEncoder.from_frames(frames, preprocess=PRESET, **options)
    assert all(w.category is UserWarning and w.filename == __file__ for w in caught)
    return encoder, [str(w.message) for w in caught]


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (BLACK, [NOTHING]),
        (background(40), [NOTHING]),
        (NOISE, [TEXTURED]),
        (BLACK[:5], [FEW, NOTHING]),
        (scene(5).frames, [FEW]),
        (NOISE[:29], [FEW, TEXTURED]),
    ],
    ids=["black", "still", "noise", "5 black", "5 scenes", "29 of noise"],
)
def test_one_warning_that_is_kept(frames: NDArray[np.uint8], words: list[str]) -> None:
    encoder, (message,) = warned(frames)
    sentences = encoder.provenance["warnings"]
    assert " ".join(sentences) == message
    assert len(sentences) == len(words)
    assert all(word in sentence for word, sentence in zip(words, sentences, strict=True))


def test_objects_are_nothing_to_warn_of() -> None:
    for frames in (scene(150).frames, scene(30).frames):
        encoder, messages = warned(frames)
        assert messages == []
        assert "warnings" not in encoder.provenance
    assert encoder.num_slots >= len(BLOCKS) - 1


def test_noise_fills_all_that_there_is() -> None:
    _, (message,) = warned(NOISE, num_slots=3)
    share = int(re.search(r"(\d+)% of the screen", message)[1])  # type: ignore[index]
    # A pixel of noise has one of 64 colours, of which up to three are usual at its place.
    assert share > 80
    for limit in (
        "100% of the frames have more pieces than the 384 looked at",
        "the palette of 64 colours is full",
        "all 3 slots are taken",
    ):
        assert limit in message


def test_refitting_warns_of_the_new_frames_only() -> None:
    encoder, _ = warned(scene(150).frames)
    encoder.provenance = {"env_id": "Blocks", "warnings": ["old"]}
    with pytest.warns(UserWarning, match=NOTHING):
        dark = encoder.refit(background(30))
    assert dark.provenance["env_id"] == "Blocks"
    assert [NOTHING in sentence for sentence in dark.provenance["warnings"]] == [True]
    again = encoder.refit(scene(60, seed=3).frames)
    assert again.provenance == {"env_id": "Blocks"}
    assert encoder.provenance["warnings"] == ["old"]


def said_of(
    weights: list[list[float]], *, pixels: int, num_slots: int = 2, num_colours: int = 63
) -> list[str]:
    """What is said of frames with so many pixels in each run, 30 frames and 3 slots at most."""
    array = torch.tensor(weights)
    found = Runs(array, array.long(), array)
    sizes = {"pixels": pixels, "num_slots": num_slots, "num_colours": num_colours}
    return diagnose(found, num_frames=30, max_slots=3, **sizes)


@pytest.mark.parametrize(("pixels", "says"), [(24, False), (25, False), (26, True)])
def test_a_fifth_of_the_screen_on_average_is_too_much(pixels: int, says: bool) -> None:
    said = said_of([[20.0, 0.0], [2.0 * pixels - 20, 0.0]], pixels=125)
    assert bool(said) == says
    if says:
        assert "flickers. Slots" in said[0]  # no limit was reached


def test_limits_are_told_one_by_one() -> None:
    (said,) = said_of([[50.0, 50.0], [50.0, 50.0], [50.0, 0.0]], pixels=100)
    assert "(67% of the frames have more pieces than the 2 looked at)" in said
    (said,) = said_of([[50.0, 50.0], [50.0, 0.0]], pixels=100, num_slots=3)
    assert "(all 3 slots are taken)" in said
    (said,) = said_of([[50.0, 0.0]], pixels=100, num_colours=64)
    assert "(the palette of 64 colours is full)" in said


def test_progress_is_announced() -> None:
    lines: list[str] = []
    frames = scene(60).frames
    encoder = ObjectMixtureEncoder.from_frames(
        frames[:-1], preprocess=PRESET, next_frames=frames[1:31], announce=lines.append
    )
    assert lines[0] == "objects: background of 59 frames, 6 colours"
    assert [line.rsplit(",", 1)[0] for line in lines[1:]] == [
        f"objects: start {i} of 4" for i in (1, 2, 3, 4)
    ]
    assert any(line.endswith(f", {encoder.num_slots} slots") for line in lines[1:])
    lines.clear()
    more = encoder.refit(scene(60, seed=2).frames, announce=lines.append)
    added = more.num_slots - encoder.num_slots
    assert lines[-1] == f"objects: {added} slots more than the {encoder.num_slots} there were"


@pytest.mark.ale
@pytest.mark.parametrize("game", ["Pong", "Seaquest", "YarsRevenge", "SpaceInvaders"])
def test_games_are_nothing_to_warn_of(game: str) -> None:
    from slotenv import make_env, preset_for

    preset = preset_for(game)
    rng = np.random.default_rng(0)
    with make_env(game, preset) as env:
        frames = [env.reset(seed=0)[0]]
        while len(frames) < 40:
            for _ in range(6):
                frame, _, terminated, truncated, _ = env.step(int(rng.integers(6)))
                if terminated or truncated:
                    frame, _ = env.reset()
            frames.append(frame)
    encoder = ObjectMixtureEncoder.from_frames(np.stack(frames), preprocess=preset, num_slots=4)
    assert "warnings" not in encoder.provenance
