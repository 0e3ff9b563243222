"""What the features extractor notices of its frames: their scale, their game, their tracing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES, SpritesEnv
from gymnasium.spaces import Box
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize
from torch import nn

from slotenv import SlotEncoder, SlotExtractor
from slotenv.encoders import ObjectEncoder
from slotenv.frames import plain
from slotenv.sb3.pretrained import PretrainedEncoder

PIXELS = Box(0, 255, (3, 84, 84), np.uint8)
FLOATS = Box(0, 1, (3, 84, 84), np.float32)


def sprites(count: int = 60) -> np.ndarray[Any, Any]:
    env = SpritesEnv()
    frames = [env.reset(seed=1)[0]]
    return np.stack(frames + [env.step(i % 4)[0] for i in range(count - 1)])


def images_of(frames: np.ndarray[Any, Any]) -> torch.Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255.0


@pytest.fixture(scope="module")
def objects_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    encoder = ObjectEncoder.from_frames(sprites(), preprocess=plain(84, 84)).eval()
    encoder.provenance["env_id"] = SPRITES
    folder = tmp_path_factory.mktemp("objects") / "encoder"
    encoder.save_pretrained(folder)
    return str(folder)


def agent(venv: Any, **kwargs: Any) -> PPO:
    extractor = {"features_extractor_class": SlotExtractor, "features_extractor_kwargs": kwargs}
    return PPO("CnnPolicy", venv, policy_kwargs=extractor, n_steps=8, batch_size=8, device="cpu")


def test_normalised_pixels_are_refused_by_their_space(tiny_encoder_folder: Any) -> None:
    venv = VecNormalize(DummyVecEnv([SpritesEnv]))
    with pytest.raises(ValueError, match=r"another wrapper has scaled.*VecNormalize\(norm_obs=Fal"):
        agent(venv, encoder=str(tiny_encoder_folder))
    rewards_only = VecNormalize(DummyVecEnv([SpritesEnv]), norm_obs=False)
    agent(rewards_only, encoder=str(tiny_encoder_folder)).learn(8)


@pytest.mark.parametrize("bad", [-4.7, 6.5, 1.1])
def test_floats_are_checked_each_time(tiny_encoder_folder: Any, bad: float) -> None:
    extractor = SlotExtractor(FLOATS, str(tiny_encoder_folder))
    images = images_of(sprites(3))
    for _ in range(3):
        extractor(images)
    images[1, 2, 40, 40] = bad
    with pytest.raises(ValueError, match=r"needs pixels in \[0, 1\], got"):
        extractor(images)


def test_bytes_are_checked_until_they_tell(tiny_encoder_folder: Any) -> None:
    extractor = SlotExtractor(PIXELS, str(tiny_encoder_folder))
    for _ in range(2):
        extractor(torch.zeros(1, 3, 84, 84))
        assert not extractor.encoder._range_checked
    extractor(images_of(sprites(1)))
    assert extractor.encoder._range_checked


@pytest.mark.filterwarnings("ignore:.*has nothing that a policy's optimizer:UserWarning")
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("stack", [1, 3])
def test_frames_of_another_world_are_noticed_once(
    objects_folder: str, stack: int, frozen: bool
) -> None:
    space = Box(0, 255, (3 * stack, 84, 84), np.uint8)
    own = images_of(sprites(2))
    other = own.clone()
    other[:, :, :50] = 0.9  # more than half is another background
    for images, strange in ((own, False), (other, True)):
        extractor = SlotExtractor(space, objects_folder, frozen=frozen)
        first = torch.zeros(1, 3 * stack, 84, 84)
        extractor(first)  # black says nothing
        first[:, -3:] = images[:1]  # the stack is being filled
        if strange:
            with pytest.warns(UserWarning, match=f"more than half .* trained on .{SPRITES}"):
                extractor(first)
        else:
            extractor(first)
        extractor(torch.cat([other[:1]] * stack, 1))  # once is enough


def test_less_than_half_is_an_odd_moment(objects_folder: str) -> None:
    images = images_of(sprites(1))
    images[:, :, :36] = 0.9
    SlotExtractor(PIXELS, objects_folder)(images)


def test_encoders_without_a_background_cannot_tell(tiny_encoder_folder: Any) -> None:
    SlotExtractor(PIXELS, str(tiny_encoder_folder))(torch.rand(2, 3, 84, 84))


@pytest.mark.parametrize("form", ["id", "env", "vec", "stacked"])
def test_games_are_compared_where_the_environment_is_given(objects_folder: str, form: str) -> None:
    def given(env_id: str) -> Any:
        if form == "id":
            return env_id
        env = SpritesEnv() if env_id == SPRITES else SpritesEnv(84)
        env.spec = gym.envs.registration.EnvSpec(env_id, entry_point="x:y")
        if form == "env":
            return env
        venv = DummyVecEnv([lambda: env])
        return venv if form == "vec" else VecFrameStack(venv, 2)

    kwargs = SlotExtractor.policy_kwargs(objects_folder, env=given(SPRITES), net_arch=[4])
    assert set(kwargs) == {"features_extractor_class", "features_extractor_kwargs", "net_arch"}
    SlotExtractor.policy_kwargs(objects_folder, env=SpritesEnv())  # without a name
    with pytest.warns(UserWarning, match="SlotExtractor: this encoder was trained on"):
        SlotExtractor.policy_kwargs(objects_folder, env=given("CarRacing-v3"))


@pytest.mark.ale
@pytest.mark.parametrize(("encoder", "strange"), [("pong", False), ("breakout", True)])
def test_pong_is_not_breakout(encoder: str, strange: bool) -> None:
    with gym.make("ALE/Pong-v5") as env:
        frame, _ = env.reset(seed=0)
    extractor = SlotExtractor(Box(0, 255, (3, 210, 160), np.uint8), encoder)
    if not strange:
        extractor(images_of(frame[None]))
        return
    with pytest.warns(UserWarning, match="is it an encoder of this game"):
        extractor(images_of(frame[None]))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # trace is on its way out
@pytest.mark.parametrize("count", [1, 10])
def test_tracing_works_or_says_why_not(
    tiny_encoder_folder: Any, objects_folder: str, count: int
) -> None:
    images = images_of(sprites(20))
    extractor = SlotExtractor(PIXELS, str(tiny_encoder_folder))
    traced = torch.jit.trace(extractor, images[:count])
    torch.testing.assert_close(traced(images[10:]), extractor(images[10:]), atol=1e-5, rtol=1e-4)
    for warm in (False, True):
        extractor = SlotExtractor(PIXELS, objects_folder)
        if warm:
            extractor(images[:count])
        with pytest.raises(ValueError, match="cannot be traced or exported"):
            torch.jit.trace(extractor, images[:count])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_policies_are_refused_as_well(objects_folder: str) -> None:
    policy = agent(DummyVecEnv([SpritesEnv]), encoder=objects_folder).policy
    observations = torch.from_numpy(sprites(10)).permute(0, 3, 1, 2)
    with pytest.raises(ValueError, match="cannot be traced or exported"):
        torch.jit.trace(policy, observations, check_trace=False)
    images = (observations.float() / 255,)
    with pytest.raises(ValueError, match="cannot be traced or exported"):
        torch.export.export(policy.features_extractor, images, strict=False)


@pytest.mark.parametrize("frozen", [True, False])
def test_loaded_encoders_begin_in_evaluation_mode(frozen: bool) -> None:
    encoder = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    assert encoder.training
    hosted = PretrainedEncoder(encoder, frozen=frozen)  # type: ignore[arg-type]
    assert not any(module.training for module in hosted.modules())
    hosted.train()
    assert all(module.training != frozen for module in hosted.modules())


def test_the_agent_s_own_name_of_the_encoder_is_a_slot_encoder(objects_folder: str) -> None:
    encoder = SlotEncoder.from_pretrained(objects_folder)
    assert isinstance(encoder, ObjectEncoder)
    share = encoder.foreground_share(sprites(4))
    sprite_pixels = 3 * 64 / 84**2
    np.testing.assert_allclose(share, sprite_pixels, rtol=0.4)  # sprites may lie on each other
    assert (share <= np.float32(sprite_pixels)).all()


def test_what_is_fitted_has_nothing_to_train(objects_folder: str) -> None:
    with pytest.warns(UserWarning, match="is fitted to frames.*Leave frozen out") as caught:
        SlotExtractor(PIXELS, objects_folder, frozen=False)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", ["frozen", "normalized_image"])
def test_switches_are_true_or_false(tiny_encoder_folder: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} must be True or False, got 'no'"):
        SlotExtractor(PIXELS, tiny_encoder_folder, **{name: "no"})
