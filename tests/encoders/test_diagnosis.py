"""What an encoder says of frames in which it cannot find objects."""

import re
import warnings

import numpy as np
import pytest
from fake_envs import random_frames
from moving_blocks import BLOCKS, HEIGHT, WIDTH, background, scene
from numpy.typing import NDArray

from slotenv.encoders import FittedEncoder, ObjectEncoder, ObjectMixtureEncoder
from slotenv.encoders.diagnosis import diagnose
from slotenv.frames import plain

PRESET = plain(HEIGHT, WIDTH)
BLACK = np.zeros((40, HEIGHT, WIDTH, 3), np.uint8)
NOISE = random_frames(60, HEIGHT, WIDTH)
NOTHING, TEXTURED, FEW = "Nothing differs", "% of the screen differs", "Too few frames"


Kind = type[FittedEncoder]


@pytest.fixture(params=[ObjectEncoder, ObjectMixtureEncoder])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def warned(
    kind: Kind, frames: NDArray[np.uint8], **options: int
) -> tuple[FittedEncoder, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoder = kind.from_frames(frames, preprocess=PRESET, **options)
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
def test_one_warning_that_is_kept(kind: Kind, frames: NDArray[np.uint8], words: list[str]) -> None:
    encoder, (message,) = warned(kind, frames)
    sentences = encoder.provenance["warnings"]
    assert " ".join(sentences) == message
    assert len(sentences) == len(words)
    assert all(word in sentence for word, sentence in zip(words, sentences, strict=True))


def test_objects_are_nothing_to_warn_of(kind: Kind) -> None:
    for frames in (scene(150).frames, scene(30).frames):
        encoder, messages = warned(kind, frames)
        assert messages == []
        assert "warnings" not in encoder.provenance
    assert encoder.num_slots >= len(BLOCKS) - 1


def test_noise_fills_all_that_there_is() -> None:
    _, (message,) = warned(ObjectMixtureEncoder, NOISE, num_slots=3)
    share = int(re.search(r"(\d+)% of the screen", message)[1])  # type: ignore[index]
    # A pixel of noise has one of 64 colours, of which up to three are usual at its place.
    assert share > 80
    for limit in (
        "100% of the frames have more pieces than the 384 looked at",
        "the palette of 64 colours is full",
        "all 3 slots are taken",
    ):
        assert limit in message


def test_refitting_warns_of_the_new_frames_only(kind: Kind) -> None:
    encoder, _ = warned(kind, scene(150).frames)
    encoder.provenance = {"env_id": "Blocks", "warnings": ["old"]}
    with pytest.warns(UserWarning, match=NOTHING):
        dark = encoder.refit(background(30))
    assert dark.provenance["env_id"] == "Blocks"
    assert [NOTHING in sentence for sentence in dark.provenance["warnings"]] == [True]
    again = encoder.refit(scene(60, seed=3).frames)
    assert again.provenance == {"env_id": "Blocks"}
    assert encoder.provenance["warnings"] == ["old"]


@pytest.mark.parametrize(("share", "says"), [(0.19, False), (0.2, False), (0.21, True)])
def test_a_fifth_of_the_screen_on_average_is_too_much(share: float, says: bool) -> None:
    said = diagnose(np.array([0.1, 2 * share - 0.1], np.float32), num_frames=30)
    assert bool(said) == says
    if says:
        assert said[0].startswith("21% of the screen")
        assert "flickers. Slots" in said[0]  # no limit was reached


@pytest.mark.parametrize(("held", "says"), [(1.0, False), (0.3, False), (0.29, True), (0.0, True)])
def test_things_in_no_slot_are_told(held: float, says: bool) -> None:
    said = diagnose(np.full(3, 0.1, np.float32), num_frames=30, held=held)
    assert bool(said) == says
    if says:
        assert f"Slots hold {held:.0%} of what differs" in said[0]
        assert "--method object_mixture" in said[0]


def test_what_never_looks_the_same_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a colour and a size that nothing else has: a look of its own in every frame."""
    rng = np.random.default_rng(0)
    frames = background(60)
    for frame in frames:
        height, width = rng.integers(2, 20, 2)
        frame[5 : 5 + height, 3 : 3 + width] = rng.integers(0, 256, 3)
        frame[30 : 30 + width // 2, 3 : 3 + height] = rng.integers(0, 256, 3)
    _, (message,) = warned(ObjectEncoder, frames)
    assert "of what differs from the background" in message
    limited, messages = warned(ObjectEncoder, scene(60).frames, num_slots=1)
    assert limited.num_slots == 1  # that is why most is in no slot
    assert messages == []


def test_limits_are_told() -> None:
    (said,) = diagnose(np.ones(3, np.float32), num_frames=30, limits=["one is full", "so is two"])
    assert "flickers (one is full; so is two). Slots" in said
    assert diagnose(np.full(3, 0.1, np.float32), num_frames=30, limits=["one is full"]) == []


def test_progress_is_announced(kind: Kind) -> None:
    lines: list[str] = []
    frames = scene(60).frames
    encoder = kind.from_frames(
        frames[:-1], preprocess=PRESET, next_frames=frames[1:31], announce=lines.append
    )
    assert lines[0] == "objects: background of 59 frames, 6 colours"
    if kind is ObjectMixtureEncoder:
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
def test_games_are_nothing_to_warn_of(kind: Kind, game: str) -> None:
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
    encoder = kind.from_frames(np.stack(frames), preprocess=preset, num_slots=4)
    assert "warnings" not in encoder.provenance
