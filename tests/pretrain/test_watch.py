"""Films: what follows from attention, how agents are fed, and files that can be read."""

from __future__ import annotations

import dataclasses
import io
import sys
from dataclasses import fields
from pathlib import Path

import gymnasium as gym
import imageio.v3
import imageio_ffmpeg
import numpy as np
import pytest
import torch
from fake_envs import SPRITES
from PIL import Image
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

import slotenv
from pretrain.cli import main
from pretrain.drawing.attention import attention_marks
from pretrain.drawing.marked_frame import COLOURS
from pretrain.verbs.watch import WatchConfig
from pretrain.watch.film import Film, Play, agent_env, play
from pretrain.watch.pages import Pages, to_gif
from pretrain.watch.panels import AttentionPanel
from slotenv.encoders import ObjectEncoder

ENV = f"fake_envs:{SPRITES}"
STEPS = 8


def asked(**changes) -> Play:
    flags = WatchConfig(encoder="e", out=Path("film.gif"), steps=30)
    return Play(**({each.name: getattr(flags, each.name) for each in fields(Play)} | changes))


def watch(folder: Path, out: Path, *more: str) -> None:
    main(["watch", "--encoder", str(folder), "--out", str(out), "--steps", str(STEPS), *more])


def error_of(capsys: pytest.CaptureFixture[str], folder: Path, out: Path, *more: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        watch(folder, out, *more)
    assert stopped.value.code == 2
    return capsys.readouterr().err


def test_play_is_decided_by_its_seed(tiny_encoder, tiny_encoder_folder):
    films = [play(asked(seed=s), ENV, tiny_encoder) for s in (0, 0, 1)]
    np.testing.assert_array_equal(films[0].frames, films[1].frames)
    assert (films[0].frames != films[2].frames).any()


def test_play_keeps_frames_episodes_and_scores(tiny_encoder, tiny_encoder_folder):
    film = play(asked(steps=45), ENV, tiny_encoder)
    assert film.frames.shape == (45, 84, 84, 3)
    assert np.flatnonzero(film.starts).tolist() == [0, 20, 40]
    assert (film.scores[film.starts] == 0).all()
    assert (film.frames[1:] != film.frames[:-1]).any(axis=(1, 2, 3)).all()


AGENTS = {
    "slots": (PPO, "ppo", {}, 1),
    "flat": (DQN, "dqn", {"flatten": True}, 1),
    "motion": (A2C, "a2c", {"motion": True}, 1),
    "stacked": (PPO, "ppo", {}, 3),
    "dict": (PPO, "ppo", {"keep_pixels": True}, 1),
    "pixels": (PPO, "ppo", None, 1),
    "stacked pixels": (PPO, "ppo", None, 2),
}


@pytest.mark.parametrize("kind", AGENTS)
def test_agents_get_the_observations_they_were_trained_on(
    kind, tiny_encoder, tiny_encoder_folder, tmp_path
):
    algorithm, algo, layout, stack = AGENTS[kind]

    def make() -> gym.Env:
        env = gym.make(SPRITES)
        return env if layout is None else slotenv.ObjectSlotObservation(env, tiny_encoder, **layout)

    venv = DummyVecEnv([make])
    venv = VecFrameStack(venv, stack) if stack > 1 else venv
    policy, kwargs = "MlpPolicy", {}
    if layout is None:
        policy = "CnnPolicy"
        kwargs["policy_kwargs"] = slotenv.SlotExtractor.policy_kwargs(tiny_encoder_folder)
    elif "keep_pixels" in layout:
        policy = "MultiInputPolicy"
    kwargs |= {"buffer_size": 10} if algorithm is DQN else {}
    model = algorithm(policy, venv, seed=0, device="cpu", **kwargs)
    path = tmp_path / "agent.zip"
    model.save(path)

    config = asked(agent=path, algo=algo, frame_stack=stack, deterministic=True)
    film = play(config, ENV, tiny_encoder)
    venv.seed(0)  # the same play, without watch
    observations, frames = venv.reset(), [venv.env_method("render")[0]]
    for _ in range(config.steps - 1):
        actions, _ = model.predict(observations, deterministic=True)
        observations, _, _, _ = venv.step(actions)
        frames.append(venv.env_method("render")[0])
    np.testing.assert_array_equal(film.frames, frames)


def test_an_agent_trained_on_held_slots_gets_them_so(tiny_encoder, tiny_encoder_folder):
    rows = play(asked(steps=60), ENV, tiny_encoder).frames
    encoder = ObjectEncoder.from_frames(rows, preprocess=tiny_encoder.preprocess)
    held = slotenv.ObjectSlotObservation(gym.make(SPRITES), encoder, hold=True)
    model = PPO("MlpPolicy", DummyVecEnv([lambda: held]), seed=0, device="cpu")
    for hold in (False, True):
        config = asked(frame_stack=1, hold=hold)
        venv = agent_env(gym.make(SPRITES), encoder, model, config)
        (env,) = venv.envs
        assert env.get_wrapper_attr("_saved_kwargs")["hold"] is hold


def test_an_agent_trained_on_normalised_slots_gets_them_so(
    tiny_encoder, tiny_encoder_folder, tmp_path
):
    def make() -> gym.Env:
        return slotenv.ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)

    venv = VecNormalize(DummyVecEnv([make]))
    model = PPO("MlpPolicy", venv, n_steps=32, batch_size=32, seed=0, device="cpu").learn(64)
    model.save(tmp_path / "agent.zip")
    venv.save(str(tmp_path / "normalize.pkl"))
    config = asked(
        agent=tmp_path / "agent.zip",
        normalize=tmp_path / "normalize.pkl",
        frame_stack=1,
    )
    env = agent_env(make().env, tiny_encoder, model, config)
    bare = DummyVecEnv([make])
    bare.seed(0)
    env.seed(0)
    seen, raw = env.reset(), bare.reset()
    np.testing.assert_allclose(seen, venv.normalize_obs(raw), rtol=1e-5)
    mean = env.obs_rms.mean.copy()
    _, rewards, _, _ = env.step([0])
    assert rewards[0] in (0, 1)  # as the environment gave it
    np.testing.assert_array_equal(env.obs_rms.mean, mean)  # watching does not train


def test_a_film_from_the_command_line(tiny_encoder_folder, tmp_path, capsys):
    out = tmp_path / "new folder" / "film.gif"
    watch(tiny_encoder_folder, out, "--env", ENV, "--fps", "10")
    assert f"film: {out}" in capsys.readouterr().out
    with Image.open(out) as film:
        assert film.n_frames == STEPS
        assert film.info["duration"] == 100
        page = np.asarray(film.convert("RGB"))
    for colour in COLOURS[:3]:  # exact, in each slot's marks and its bar
        assert (page == colour).all(axis=-1).any()
    assert (page == (140, 28, 28)).all(axis=-1).sum() > 100  # a sprite (200, 40, 40), dimmed


def test_the_environment_is_the_one_of_pretraining_by_default(tiny_encoder, tmp_path, capsys):
    tiny_encoder.provenance = {"env_id": ENV}
    tiny_encoder.save_pretrained(tmp_path / "e")
    watch(tmp_path / "e", tmp_path / "film.gif")
    assert (tmp_path / "film.gif").is_file()


@pytest.mark.filterwarnings("always:.*this encoder was trained on:UserWarning")
def test_a_film_of_another_environment_warns(tiny_encoder, tmp_path, capsys):
    tiny_encoder.provenance = {"env_id": "Dots-v0"}
    tiny_encoder.save_pretrained(tmp_path / "e")
    watch(tmp_path / "e", tmp_path / "film.gif", "--env", ENV)
    said = " ".join(capsys.readouterr().err.split())
    assert "watch: this encoder was trained on Dots, these are frames of" in said


def pages_of(num_slots: int, *, height: int = 84, constant: bool = False) -> Pages:
    rng = np.random.default_rng(0)
    effects = rng.random((3, num_slots, 4, 4))
    starts = np.array([True, False, False])
    film = Film(
        frames=rng.integers(0, 256, (3, height, 80, 3), np.uint8), starts=starts, scores=np.zeros(3)
    )
    marks, strengths = attention_marks(effects, starts, (height // 4, 20), (height, 80))
    return Pages(
        title="Made up",
        film=film,
        marks=marks,
        panel=AttentionPanel(
            strengths=strengths,
            shades=rng.random((3, num_slots, 6)),
            constant=np.full(num_slots, constant),
            marked=np.array([len({mark.colour for mark in of_frame}) for of_frame in marks]),
        ),
    )


@pytest.mark.parametrize(("num_slots", "height"), [(1, 84), (3, 210), (24, 84), (8, 500)])
def test_pages_have_room_for_everything(num_slots, height):
    pages = pages_of(num_slots, height=height)
    sizes = {page.size for page in pages}
    ((width, tall),) = sizes
    assert width % 2 == tall % 2 == 0  # an .mp4 needs it
    assert tall > height
    with Image.open(io.BytesIO(to_gif(pages, 8))) as film:
        assert film.n_frames == 3


def test_marks_are_drawn_in_their_slots_colour_and_a_constant_slot_is_named():
    pages = pages_of(1)
    bare = dataclasses.replace(pages, marks=[[], [], []])
    field = (14, 66, 414, 486)  # where the game is

    def marked(page: Image.Image) -> bool:
        return bool((np.asarray(page.crop(field)) == COLOURS[0]).all(axis=-1).sum() > 20)

    assert pages.panel.caption(0) == "1 of 1 slot looks at something"
    assert marked(pages.draw(0))
    assert not marked(bare.draw(0))
    assert pages_of(1, constant=True).draw(0) != pages.draw(0)


def test_errors_say_what_to_do(tiny_encoder, tiny_encoder_folder, tmp_path, capsys):
    gif_file = tmp_path / "film.gif"
    folder = tiny_encoder_folder
    assert "end in .gif or .mp4" in error_of(capsys, folder, tmp_path / "film.avi", "--env", ENV)
    assert "give --env" in error_of(capsys, folder, gif_file)
    missing = ("--env", ENV, "--agent", str(tmp_path / "no.zip"))
    assert "no agent" in error_of(capsys, folder, gif_file, *missing)
    other = slotenv.ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    PPO("MlpPolicy", other, device="cpu").save(tmp_path / "ppo.zip")
    agent = ("--env", ENV, "--agent", str(tmp_path / "ppo.zip"))
    assert "give its --algo" in error_of(capsys, folder, gif_file, *agent, "--algo", "dqn")
    said = error_of(capsys, folder, gif_file, *agent, "--frame-stack", "2")
    assert "trained on observations Box(-inf, inf, (3, 4)" in said
    assert not gif_file.exists()


def test_mp4_without_its_packages_names_them(tiny_encoder_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    said = error_of(capsys, tiny_encoder_folder, tmp_path / "film.mp4", "--env", ENV)
    assert 'pip install "slotenv[pretrain]"' in said


def test_mp4_can_be_read_back(tiny_encoder_folder, tmp_path):
    watch(tiny_encoder_folder, tmp_path / "film.mp4", "--env", ENV)
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "film.mp4"))
    assert (frames, seconds) == (STEPS, 1.0)
    with imageio.v3.imopen(tmp_path / "film.mp4", "r", plugin="FFMPEG") as film:
        first = film.read(index=0)
    watch(tiny_encoder_folder, tmp_path / "film.gif", "--env", ENV)
    with Image.open(tmp_path / "film.gif") as pages:
        page = np.asarray(pages.convert("RGB")).astype(int)
    assert first.shape == page.shape
    assert np.abs(first - page).mean() < 8  # the same picture, but for what the formats lose


@pytest.mark.ale
def test_a_film_of_pong(tmp_path):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = slotenv.encoders.SlotMapEncoder(
            num_slots=2, slot_dim=4, preprocess=slotenv.preset_for("Pong")
        )
    encoder.save_pretrained(tmp_path / "e")
    watch(tmp_path / "e", tmp_path / "film.gif", "--env", "Pong")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == STEPS
