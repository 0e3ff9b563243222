"""Users' mistakes, in few words: what they wrap, what they change in a folder, what they call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from fake_envs import SPRITES, SpritesEnv
from gymnasium.spaces import Box
from misuse import (
    PIXELS,
    Act,
    Seen,
    World,
    encoder_of,
    made,
    ppo,
    sync,
)
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv

from slotenv import ObjectSlotObservation, SlotEncoder, SlotExtractor, SlotSetExtractor, records
from slotenv.encoders import ObjectEncoder
from slotenv.frames import V5, plain
from slotenv.sb3 import VecObjectSlotObservation, make_slot_vec_env
from slotenv.vector import ObjectSlotObservation as VectorSlots
from slotenv.zoo import with_slots


def one(build: Callable[[], Any], **more: Any) -> Act:
    return lambda w: ObjectSlotObservation(build(), w.encoder, **more)


def many(build: Callable[[], Any], **more: Any) -> Act:
    return lambda w: VectorSlots(build(), w.encoder, **more)


def sb3(build: Callable[[], Any], **more: Any) -> Act:
    return lambda w: VecObjectSlotObservation(build(), w.encoder, **more)


def stack(env: Any = f"fake_envs:{SPRITES}", **more: Any) -> Act:
    return lambda w: make_slot_vec_env(env, w.encoder, **more)


def encoder(value: Any) -> Act:
    return lambda w: ObjectSlotObservation(made(), value)


def extractor(space: gym.Space[Any], **more: Any) -> Act:
    return lambda w: SlotExtractor(space, **{"encoder": w.folder, **more})


def slot_set(space: Any = None, **more: Any) -> Act:
    return lambda w: SlotSetExtractor(space or Box(-1, 1, (3, 4), np.float32), **more)


def lying(space: gym.Space[Any], view: Callable[[Any], Any]) -> Act:
    return lambda w: ObjectSlotObservation(Seen(space, view), w.encoder).reset()


def lies_last(view: Callable[[Any], Any]) -> Act:
    """Show another kind of frame when an episode ends: DummyVecEnv passes that on as it is."""

    def act(w: World) -> None:
        base = Seen(PIXELS, lambda f: f)
        env = VecObjectSlotObservation(DummyVecEnv([lambda: base]), w.encoder)
        env.reset()
        for _ in range(19):
            env.step(np.zeros(1, np.int64))
        base._view = view
        base.reset = SpritesEnv().reset  # type: ignore[method-assign]
        env.step(np.zeros(1, np.int64))

    return act


def cnn(build: Callable[[], Any], **policy_kwargs: Any) -> Act:
    def act(w: World) -> None:
        kwargs = SlotExtractor.policy_kwargs(w.folder, **policy_kwargs)
        ppo("CnnPolicy", build(), policy_kwargs=kwargs).learn(16)

    return act


def after(build: Callable[[World], Any], *actions: Any) -> Act:
    """Build, reset, and call what is named with what follows it."""

    def act(w: World) -> None:
        env = build(w)
        env.reset()
        for name, *arguments in actions:
            getattr(env, name)(*arguments)

    return act


def configured(**changes: Any) -> Act:
    """Change an encoder's config by hand, then use it."""

    def act(w: World) -> None:
        path = w.folder / "config.json"
        config = json.loads(path.read_text())
        kwargs = {**config["kwargs"], **changes.pop("kwargs", {})}
        path.write_text(records.dumps({**config, "kwargs": kwargs, **changes}))
        ObjectSlotObservation(made(), w.folder).reset()

    return act


def written(name: str, content: bytes | Callable[[bytes], bytes] | None) -> Act:
    """Damage a file of an encoder, then use it."""

    def act(w: World) -> None:
        path = w.folder / name
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content(path.read_bytes()))
        ObjectSlotObservation(made(), w.folder).reset()

    return act


def replaced(change: Callable[[World], object]) -> Act:
    """Change the folder after the environment was made and before its first observation."""

    def act(w: World) -> None:
        env = ObjectSlotObservation(made(), w.folder)
        change(w)
        env.reset()

    return act


def mixed(w: World) -> None:
    w.other.save_pretrained(w.folder.parent / "other")
    weights = (w.folder.parent / "other" / "model.safetensors").read_bytes()
    (w.folder / "model.safetensors").write_bytes(weights)
    SlotEncoder.from_pretrained(w.folder)


def from_zoo(build: Callable[[], Any], name: str | None = None, **more: Any) -> Act:
    def act(w: World) -> None:
        w.set_variable(str(w.folder) if name is None else name)
        with_slots(build(), **more)

    return act


def save_over(w: World) -> None:
    (w.folder / "notes.txt").write_text("mine")
    w.encoder.save_pretrained(w.folder)


def put_on(device: str) -> Act:
    return lambda w: ObjectSlotObservation(made(), w.folder, device=device).reset()


def swapped(w: World) -> object:
    arguments: Any = (w.folder, made())
    return ObjectSlotObservation(*arguments)


def empty(w: World) -> Path:
    (w.folder.parent / "empty").mkdir()
    return w.folder.parent / "empty"


def gone(w: World) -> None:
    w.folder.rename(w.folder.parent / "elsewhere")


def wrong_class(w: World) -> object:
    return ObjectEncoder.from_pretrained(w.folder)


def vector(*actions: Any) -> Act:
    return after(lambda w: many(sync)(w), *actions)


def other_size(w: World) -> object:
    return make_slot_vec_env(f"fake_envs:{SPRITES}", encoder_of(plain(96, 96)))


def other_skip(w: World) -> object:
    return ObjectSlotObservation(gym.make("ALE/Pong-v5", frameskip=1), encoder_of(V5))


def kwargs_of_memory(w: World) -> object:
    return SlotExtractor.policy_kwargs(w.encoder)  # type: ignore[arg-type]


def load_with(build: Any) -> Act:
    return lambda w: PPO.load(w.saved(), env=build(w), device="cpu")


def other_env(w: World) -> None:
    w.agent().set_env(w.slots(w.other))


def evaluated(w: World) -> object:
    return evaluate_policy(w.agent(), w.slots(w.other), 1, warn=False)


def frugal_dqn(w: World) -> object:
    return DQN("MlpPolicy", w.slots(), buffer_size=9, optimize_memory_usage=True, device="cpu")


def shows(space: gym.Space[Any]) -> Act:
    return one(lambda: Seen(space, int))
