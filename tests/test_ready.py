"""Encoders that come with the package: found by name without a network, small and sound."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import gymnasium as gym
import huggingface_hub
import numpy as np
import pytest
from fake_envs import SPRITES, random_frames

import slotenv
from slotenv import SlotEncoder, checkpoint, ready
from slotenv.encoders import SlotMapEncoder
from slotenv.environments import atari_games, read_ram
from slotenv.labels import labelled_games, labels_for

SHIPPED = ready.names()
MOST_BYTES = 100_000  # of one on average: a wheel of 15 MB has room for all games
FILES = {checkpoint.CONFIG, checkpoint.WEIGHTS, checkpoint.CARD, checkpoint.PICTURE}


@pytest.fixture
def shipped(
    tiny_encoder: SlotMapEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """A package with two encoders, in an empty working folder; what the hub is asked for."""
    package, asked = tmp_path / "package", []
    for name in ("sprites", "blocks"):
        tiny_encoder.save_pretrained(package / name)
    (package / "__pycache__").mkdir()
    monkeypatch.setattr(ready, "_HERE", package)

    def download(repo_id: str, **_: Any) -> str:
        asked.append(repo_id)
        raise huggingface_hub.errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return asked


def test_names_and_folders(shipped: list[str], tmp_path: Path) -> None:
    assert slotenv.ready.names() == ("blocks", "sprites")
    assert ready.folder("blocks") == tmp_path / "package" / "blocks"
    for name in ("pong", "", "..", "__pycache__"):
        with pytest.raises(ValueError, match=r"no ready-made encoder .* those of blocks, sprites"):
            ready.folder(name)


def test_a_name_is_enough_without_a_network(
    shipped: list[str], tiny_encoder: SlotMapEncoder
) -> None:
    frames = random_frames(2, 84, 84)
    np.testing.assert_array_equal(
        SlotEncoder.from_pretrained("sprites").encode(frames), tiny_encoder.encode(frames)
    )
    assert not shipped


def test_every_plug_takes_a_name(shipped: list[str]) -> None:
    env = slotenv.ObjectSlotObservation(gym.make(SPRITES), "sprites")
    assert env.reset(seed=0)[0].shape == (3, 4)
    assert env.spec is not None
    assert '"sprites"' in env.spec.to_json()  # not where the package lies on this machine
    many = slotenv.vector.ObjectSlotObservation(gym.make_vec(SPRITES, num_envs=2), "sprites")
    assert many.reset(seed=0)[0].shape == (2, 3, 4)
    venv = slotenv.sb3.make_slot_vec_env(f"fake_envs:{SPRITES}", "sprites", n_envs=2, motion=False)
    assert venv.reset().shape == (2, 12)
    space = gym.make(SPRITES).observation_space
    assert slotenv.SlotExtractor(space, encoder="sprites").features_dim == 12
    made = slotenv.SlotExtractor.policy_kwargs("sprites")["features_extractor_kwargs"]
    assert slotenv.SlotExtractor(space, **made).features_dim == 12
    assert not shipped


def test_a_folder_here_goes_before_the_package(
    shipped: list[str], tiny_preset: slotenv.frames.FramePreset
) -> None:
    SlotMapEncoder(num_slots=5, slot_dim=4, preprocess=tiny_preset).save_pretrained("sprites")
    assert SlotEncoder.from_pretrained("sprites").num_slots == 5
    assert SlotEncoder.from_pretrained(ready.folder("sprites")).num_slots == 3


def test_a_folder_here_without_an_encoder_is_named_with_the_way_around_it(
    shipped: list[str],
) -> None:
    Path("sprites").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no encoder.*slotenv.ready.folder\('sprites'\)"):
        SlotEncoder.from_pretrained("sprites")
    Path("other").mkdir()
    with pytest.raises(FileNotFoundError, match=r"training has ended$"):
        SlotEncoder.from_pretrained("other")


def test_an_unknown_name_lists_those_there_are(shipped: list[str]) -> None:
    with pytest.raises(FileNotFoundError, match="the package has those of blocks, sprites"):
        SlotEncoder.from_pretrained("pnog")
    with pytest.raises(FileNotFoundError):
        SlotEncoder.from_pretrained("me/sprites")  # with a slash it is a hub id
    assert shipped == ["pnog", "me/sprites"]


def test_a_package_without_encoders_says_so(
    shipped: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "_HERE", tmp_path / "nowhere")
    assert ready.names() == ()
    with pytest.raises(FileNotFoundError, match="the package has none"):
        SlotEncoder.from_pretrained("sprites")


def test_of_many_only_the_closest_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(f"game{letter}" for letter in "abcdefgh")
    monkeypatch.setattr(ready, "names", lambda: (*many, "pong"))
    assert ready.listing("Pnog") == "the package has 9, closest pong (slotenv.ready.names())"
    assert ready.listing("?") == "the package has 9 (slotenv.ready.names())"
    monkeypatch.setattr(ready, "names", lambda: (*many, "gopher"))
    assert ready.listing("nowhere") == "the package has 9 (slotenv.ready.names())"
    monkeypatch.setattr(ready, "names", lambda: many)
    assert ready.listing("pong").endswith("those of " + ", ".join(many))


def test_every_game_has_one() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    assert f"an encoder for each of ALE's {len(SHIPPED)} games" in readme
    assert list(SHIPPED) == sorted(game.lower() for game in atari_games())


def test_they_are_small() -> None:
    sizes = {
        name: sum(path.stat().st_size for path in ready.folder(name).iterdir()) for name in SHIPPED
    }
    assert sum(sizes.values()) / len(sizes) < MOST_BYTES, sorted(
        sizes, key=lambda name: -sizes[name]
    )


def test_their_files_are_in_the_package() -> None:
    """Nothing else is; a name that no pattern has would be left out of the wheel."""
    project = tomllib.loads((Path(slotenv.__file__).parents[1] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["slotenv"]
    assert {f"ready/*/{name}" for name in FILES} <= set(patterns)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_encoder_is_whole_and_sees_finite_numbers(name: str) -> None:
    assert {path.name for path in ready.folder(name).iterdir()} == FILES
    encoder = SlotEncoder.from_pretrained(name)
    preset = encoder.preprocess
    assert preset.max_pool is None
    noise = random_frames(1, preset.height, preset.width)
    slots = encoder.encode(np.concatenate([noise, np.zeros_like(noise)]))
    assert slots.shape == (2, encoder.num_slots, encoder.slot_dim)
    assert np.isfinite(slots).all()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_encoder_says_what_it_was_made_from_and_how_good_it_is(name: str) -> None:
    made = SlotEncoder.from_pretrained(name).provenance
    assert made["command"].startswith("python -m pretrain upkeep ready --out slotenv/ready ")
    assert slotenv.environments.game_key(made["env_id"]) == name
    card = (ready.folder(name) / checkpoint.CARD).read_text()
    assert made["command"] in card
    assert checkpoint.PICTURE in card
    judged = made["judged"]
    assert bool(judged["probe"]) == (name in labelled_games("pixel"))
    for scores in judged["probe"].values():
        assert f"{scores['ridge_accuracy']:.3f}" in card
    assert ("was not measured" in card) == (not judged["probe"] and not judged["detection"])


def test_all_are_made_alike() -> None:
    made = [SlotEncoder.from_pretrained(name).provenance["made"] for name in SHIPPED]
    assert all(one == made[0] for one in made)


@pytest.mark.ale
def test_pongs_paddle_is_whole_and_seen_at_the_edge_too() -> None:
    """Most of it goes beyond the edge of the field, which ends before the screen does."""
    encoder, labels = SlotEncoder.from_pretrained("pong"), labels_for("pong", "pixel")
    env = slotenv.make_env("Pong", encoder.preprocess)
    frames, ram = [env.reset(seed=0)[0]], [read_ram(env)]
    for action in np.random.default_rng(0).integers(6, size=500):
        frames.append(env.step(int(action))[0])
        ram.append(read_ram(env))
    truth, there = labels.read(np.stack(ram))  # type: ignore[arg-type]
    player = labels.names.index("player_y")
    boxes = encoder.boxes(np.stack(frames))
    apart = np.abs(boxes[..., 2] - boxes[..., 4] / 2 - truth[:, [player]])  # of the upper edges
    right = np.abs(boxes[..., 1] - 141.5) < 3  # its column
    slot = int((right & (apart < 9)).mean(0).argmax())
    seen = boxes[there[:, player], slot]
    assert there[:, player].mean() > 0.9
    assert (seen[:, 0] > 0.5).mean() > 0.995
    away = (np.abs(truth[:, player] - truth[:, player].mean()) < 50) & there[:, player]
    away &= boxes[:, slot, 0] > 0.5
    assert boxes[away, slot, 4].min() > 15.5  # of 16, or more where it moved
