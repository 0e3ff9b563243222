"""Mistakes that users make with the plugs: each ends at once, in an error that says what is wrong.

A case is its name, what the user does, the error, and words of its message.
"""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import huggingface_hub
import numpy as np
import pytest
from fake_envs import SPRITES, SpritesEnv
from gymnasium import wrappers
from gymnasium.error import ClosedEnvironmentError, ResetNeeded
from gymnasium.spaces import Dict, Discrete
from misuse import (
    PIXELS,
    WEIGHTS,
    Act,
    Seen,
    World,
    after,
    atari,
    box,
    cast,
    closed,
    cnn,
    configured,
    dummy,
    empty,
    encoder,
    evaluated,
    extractor,
    flat,
    from_zoo,
    frugal_dqn,
    gone,
    grey,
    kwargs_of_memory,
    lies_last,
    load_with,
    lying,
    made,
    many,
    mixed,
    one,
    other_env,
    other_size,
    other_skip,
    put_on,
    replaced,
    resized,
    save_over,
    sb3,
    scale,
    shows,
    silent,
    single,
    slot_set,
    stack,
    stacked,
    stacked_first,
    swapped,
    sync,
    vector,
    written,
    wrong_class,
)
from stable_baselines3.common.atari_wrappers import WarpFrame
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize, VecTransposeImage

from slotenv import ready
from slotenv.encoders import SlotMapEncoder
from slotenv.frames import plain
from slotenv.sb3 import VecObjectSlotObservation
from slotenv.zoo import VARIABLE, with_slots

PATIENCE = 30  # seconds for a case, on a busy machine
Case = tuple[str, Act, type[Exception], str]
Closed = ClosedEnvironmentError
ZEROS = np.zeros(2, np.int64)
V = VecObjectSlotObservation
E = "an encoder folder or a hub id, got "
NEED = r"needs uint8 RGB frames of shape \(84, 84, 3\).*"
RGB = r"SlotExtractor needs RGB frames of 84 x 84 pixels.*got "
SAME = r"Observation spaces do not match: .*\(12,\).* != .*"


@pytest.fixture
def world(
    tiny_encoder: SlotMapEncoder, tiny_encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """The tiny encoder, in memory and as a folder; a package with one encoder; no network."""

    def download(repo_id: str, **_: Any) -> str:
        raise huggingface_hub.errors.LocalEntryNotFoundError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    package = tiny_encoder_folder.parent / "package"
    tiny_encoder.save_pretrained(package / "sprites")
    monkeypatch.setattr(ready, "_HERE", package)
    monkeypatch.delenv(VARIABLE, raising=False)
    return World(tiny_encoder, tiny_encoder_folder, partial(monkeypatch.setenv, VARIABLE))


CASES: list[Case] = [
    # Gymnasium's wrapper around the wrong thing
    ("a vector", one(sync), TypeError, r"got SyncVectorEnv.*slotenv\.vector\.ObjectSlotO"),
    ("SB3's VecEnv", one(dummy), TypeError, r"got DummyVecEnv.*slotenv\.sb3\.VecObject"),
    ("no environment", one(lambda: None), TypeError, "one gymnasium.Env, got NoneType"),
    ("an environment's id", one(lambda: SPRITES), TypeError, "one gymnasium.Env, got str"),
    ("an environment's class", one(lambda: SpritesEnv), TypeError, "one gymnasium.Env, got"),
    ("a maker", one(lambda: made), TypeError, "one gymnasium.Env, got function"),
    ("swapped", swapped, TypeError, "Env, got .*Path"),
    ("slots twice", lambda w: one(lambda: single(w))(w), TypeError, NEED + r"float32"),
    # observations that are not the encoder's frames
    ("float frames", one(lambda: cast(made())), TypeError, NEED + "dtype float32.*scales or cast"),
    ("scaled frames", one(lambda: scale(cast(made()))), TypeError, NEED + "got dtype float32"),
    ("normalised", one(lambda: wrappers.NormalizeObservation(made())), TypeError, "dtype float"),
    ("grey 84x84", one(lambda: grey(made())), ValueError, NEED + r"\(84, 84\).*obs_type='rgb'"),
    ("grey 84x84x1", one(lambda: WarpFrame(made())), ValueError, NEED + r"\(84, 84, 1\).*grey"),
    ("resized", one(lambda: resized(made())), ValueError, NEED + "Leave out wrappers that resize"),
    ("frames stacked", one(lambda: stacked(made())), ValueError, NEED + "slots first, then stack"),
    ("flat frames", one(lambda: flat(made())), ValueError, NEED + r"got shape \(21168,\)"),
    ("channels first", one(lambda: SpritesEnv(channels_first=True)), ValueError, "the transpose"),
    ("dict", shows(Dict(image=PIXELS)), TypeError, NEED + "got Dict"),
    ("numbers", one(lambda: gym.make("CartPole-v1")), TypeError, NEED + "dtype float32.*no pixels"),
    ("discrete", shows(Discrete(4)), TypeError, NEED + r"got Discrete\(4\)"),
    ("RGBA", shows(box(84, 84, 4)), ValueError, NEED + r"\(84, 84, 4\)"),
    ("int32", shows(box(84, 84, 3, dtype=np.int32)), TypeError, NEED + "int32"),
    ("a batch of one", shows(box(1, 84, 84, 3)), ValueError, NEED + r"got shape \(1, 84"),
    ("floats in a uint8 space", lying(PIXELS, np.float32), TypeError, "uint8.*got .*float32"),
    ("smaller than its space", lying(PIXELS, lambda f: f[:80]), ValueError, r"80, 84, 3\)"),
    ("another size, SB3's last", lies_last(lambda f: f[:80]), ValueError, r"80, 84, 3\)"),
    ("floats in SB3's last", lies_last(lambda f: f / 255), TypeError, "uint8.*got .*float64"),
    # switches and devices
    ("flatten=1", one(made, flatten=1), TypeError, "flatten must be True or False, got 1"),
    ("keep_pixels='no'", one(made, keep_pixels="no"), TypeError, "keep_pixels must be True or"),
    ("motion=None", one(made, motion=None), TypeError, "motion must be True or False, got None"),
    ("hold=[]", one(made, hold=[]), TypeError, r"hold must be True or False, got \[\]"),
    ("hold without places", one(made, hold=True), ValueError, "slot_fields.*object_mixture.*Leave"),
    ("device gpu", one(made, device="gpu"), ValueError, "no device 'gpu': use 'cpu', 'cuda'"),
    ("device cuda:x", one(made, device="cuda:x"), ValueError, "no device 'cuda:x'"),
    ("device None", one(made, device=None), TypeError, "device must be 'cpu'.*got None"),
    ("device 0", one(made, device=0), TypeError, "device must be 'cpu'.*got 0"),
    ("device not there, vector", many(sync, device="cuda:99"), ValueError, "use device='cpu'"),
    ("device not there, SB3", sb3(dummy, device="cuda:99"), ValueError, "use device='cpu'"),
    ("device not there, stack", stack(device="cuda:99"), ValueError, "use device='cpu'"),
    ("device of no numbers", put_on("meta"), ValueError, "cannot be put on device 'meta'"),
    ("device not there", put_on("cuda:99"), ValueError, "cannot be put on device 'cuda:99'.*'cpu'"),
    # closed, or out of order
    ("closed, reset", after(single, ("close",), ("reset",)), Closed, "closed: make a new one"),
    ("closed, step", after(single, ("close",), ("step", 0)), Closed, "closed: make a new one"),
    ("step before reset", lambda w: single(w).step(0), ResetNeeded, "before calling env.reset"),
    # encoders that are none
    ("encoder None", encoder(None), TypeError, E + "NoneType"),
    ("encoder's class", encoder(SlotMapEncoder), TypeError, E + "type|" + E + "ABCMeta"),
    ("weights alone", lambda w: encoder(w.encoder.state_dict())(w), TypeError, E + "OrderedDict"),
    ("a number", encoder(3), TypeError, E + "int.*save_pretrained"),
    ("bytes for a path", encoder(b"runs/pong"), TypeError, E + "bytes"),
    ("no such folder", encoder("no/such/folder"), FileNotFoundError, "no encoder 'no/such/folder'"),
    ("misspelt ready name", encoder("sprits"), FileNotFoundError, "package has those of sprites"),
    ("hub offline", encoder("me/pong"), FileNotFoundError, "hub does not.*LocalEntryNotFound"),
    ("an empty name", encoder(""), FileNotFoundError, "holds no encoder"),
    ("an empty folder", lambda w: encoder(empty(w))(w), FileNotFoundError, "holds no encoder.*run"),
    ("a file", lambda w: encoder(w.folder / "config.json")(w), FileNotFoundError, "holds no enco"),
    ("an agent", lambda w: encoder(w.saved())(w), FileNotFoundError, "agent.zip holds no encoder"),
    ("ready.folder", lambda w: ready.folder("sprits"), ValueError, "'sprits'; .*those of sprites"),
    ("another kind", wrong_class, TypeError, "holds a SlotMapEncoder, asked for a ObjectMix"),
    ("saved over notes", save_over, FileExistsError, "holds notes.txt.*empty or new folder"),
    # damaged folders
    ("no config", written("config.json", None), FileNotFoundError, "holds no encoder.*config.json"),
    ("no weights", written(WEIGHTS, None), FileNotFoundError, "no model.safetensors: copy the wh"),
    ("cut weights", written(WEIGHTS, lambda c: c[:-9]), ValueError, "checksum differs.*copy"),
    ("empty weights", written(WEIGHTS, b""), ValueError, "checksum differs"),
    ("pointer to weights", written(WEIGHTS, b"version https://git-lfs"), ValueError, "checksum d"),
    ("weights of another encoder", mixed, ValueError, "from another encoder"),
    ("not JSON", written("config.json", b"{'a': 1}"), ValueError, "config.json is not valid JSON"),
    ("empty config", written("config.json", b""), ValueError, "config.json is not valid JSON"),
    ("a newer format", configured(format=9), ValueError, "format 9.*formats up to 2: install"),
    ("an unknown architecture", configured(architecture="vit"), ValueError, "'vit'; this slotenv"),
    ("wrong kind", configured(architecture="object_mixture"), ValueError, "slots of 4 numbers"),
    (
        "K in words",
        configured(kwargs={"num_slots": "six"}),
        ValueError,
        "kwargs.num_slots' is 'six'",
    ),
    ("K is 0", configured(kwargs={"num_slots": 0}), ValueError, "kwargs.num_slots' is 0, should"),
    ("K edited", configured(kwargs={"num_slots": 5}), ValueError, "needs .*float32"),
    ("an odd preset", configured(kwargs={"preprocess": {"fps": 3}}), ValueError, "preset.*'fps'"),
    ("folder gone", replaced(lambda w: gone(w)), FileNotFoundError, "has no config.json"),
    ("other K by now", replaced(lambda w: w.other.save_pretrained(w.folder)), ValueError, "by now"),
    # Gymnasium's vector wrapper
    ("one environment", many(made), TypeError, r"VectorEnv, got .*slotenv\.ObjectSlotObservation"),
    ("SB3's into Gymnasium's", many(dummy), TypeError, r"got DummyVecEnv.*sb3\.VecObjectSlot"),
    ("a list", many(lambda: [made()]), TypeError, "VectorEnv, got list"),
    ("slots twice, vector", lambda w: many(lambda: many(sync)(w))(w), TypeError, "uint8 RGB"),
    ("grey vector", many(lambda: sync(grey)), ValueError, NEED + "grey"),
    ("stacked vector", many(lambda: sync(stacked)), ValueError, NEED + "slots first, then stack"),
    ("float vector", many(lambda: sync(cast)), TypeError, NEED + "dtype float32"),
    ("flat vector", many(lambda: sync(flat)), ValueError, NEED + r"\(21168,\)"),
    ("unknown autoreset", many(silent, motion=True), ValueError, r"metadata\['autoreset_mode'\]"),
    ("closed vector", many(closed), Closed, "was closed"),
    ("closed vector, step", vector(("close",), ("step", ZEROS)), Closed, "closed: make a new one"),
    ("too few actions", vector(("step", ZEROS[:1])), ValueError, r"each of 2 .*shape \(1,\)"),
    ("too many actions", vector(("step", np.zeros(3, int))), ValueError, r"each of 2 .*\(3,\)"),
    ("one action for all", vector(("step", 0)), ValueError, r"each of 2 env.*shape \(\)"),
    ("motion='x', vector", many(sync, motion="x"), TypeError, "motion must be True or False"),
    ("hold, vector", many(sync, hold=True), ValueError, "hold=True needs an encoder"),
    # Stable-Baselines3's wrapper
    ("Env into SB3's", sb3(made), TypeError, r"VecEnv, got .*slotenv\.ObjectSlotObservation"),
    ("Gymnasium's into SB3's", sb3(sync), TypeError, r"got SyncVectorEnv.*slotenv\.vector"),
    ("VecFrameStack before", sb3(lambda: VecFrameStack(dummy(), 4)), ValueError, "slots first"),
    ("stacked, transposed", sb3(stacked_first), ValueError, NEED + r"\(12, 84, 84\).*stacked"),
    ("VecNormalize before", sb3(lambda: VecNormalize(dummy())), TypeError, NEED + "float32"),
    ("WarpFrame before", sb3(lambda: dummy(WarpFrame)), ValueError, NEED + "grey frames"),
    ("dicts", sb3(lambda: dummy(lambda e: Seen(Dict(a=PIXELS), int))), TypeError, NEED + "Dict"),
    ("slots twice, SB3", lambda w: V(w.slots(), w.encoder), TypeError, NEED + "float32"),
    ("closed, SB3", after(World.slots, ("close",), ("step", ZEROS)), Closed, "was closed"),
    ("closed reset, SB3", after(World.slots, ("close",), ("reset",)), Closed, "was closed"),
    ("too few, SB3", after(World.slots, ("step", ZEROS[:1])), ValueError, r"each of 2 .*\(1,\)"),
    ("too many, SB3", after(World.slots, ("step", [0] * 3)), ValueError, r"each of 2 .*\(3,\)"),
    ("no such action", after(World.slots, ("step", [0, 9])), ValueError, "from 0 to 3, got 9"),
    ("nothing to wait for", after(World.slots, ("step_wait",)), RuntimeError, "step_async.. first"),
    ("VecTransposeImage after", lambda w: VecTransposeImage(w.slots()), AssertionError, "image"),
    # whole stacks
    ("an environment", stack(made()), TypeError, "name of an environment, got"),
    ("misspelt id", stack("Pnog"), ValueError, "no environment|Closest: Pong"),
    ("8.0 environments", stack(n_envs=8.0), TypeError, r"whole number, got 8\.0"),
    ("no environments", stack(n_envs=0), ValueError, "at least 1, got 0"),
    ("seed in words", stack(seed="one"), TypeError, "seed must be a whole number, got"),
    ("ale's sprites", stack(backend="ale"), ValueError, "is for Atari.*Leave backend out"),
    ("another size", other_size, ValueError, r"frames \(84.*the preset \(96, 96, 3\)"),
    ("hold, stack", stack(hold=True), ValueError, "hold=True needs an encoder"),
    # ale-py's games
    ("games step unreset", lambda w: atari()(w).step(ZEROS), ResetNeeded, "call reset.. before"),
    ("games wait", after(atari(), ("step_wait",)), RuntimeError, "call step_async.. first"),
    ("games twice", after(atari(), *[("step_async", ZEROS)] * 2), RuntimeError, "in a step"),
    ("no such button", after(atari(), ("step", ZEROS + 99)), ValueError, "from 0 to 5, got 99"),
    ("negative button", after(atari(), ("step", ZEROS - 1)), ValueError, "from 0 to 5, got -1"),
    ("float buttons", after(atari(), ("step", ZEROS + 0.5)), ValueError, "one whole number"),
    ("games closed", after(atari(), ("close",), ("step", ZEROS)), Closed, "was closed"),
    ("preset's name", atari(preset="v5"), TypeError, "needs a FramePreset, .*got str"),
    ("plain preset", atari(preset=plain(210, 160)), ValueError, "'scn' or 'v5'.*backend='dummy'"),
    ("games for sprites", lambda w: V(atari()(w), w.encoder), ValueError, NEED + "210, 160"),
    ("other frame skip", other_skip, ValueError, "4 emulator .*are 1 apart.*make_env"),
    # extractor
    ("extractor, grey", extractor(box(1, 84, 84)), ValueError, RGB + ".*make_env"),
    ("extractor, four grey", extractor(box(4, 84, 84)), ValueError, RGB),
    ("extractor, slots", extractor(box(3, 4, dtype=np.float32)), ValueError, RGB),
    ("extractor, dicts", extractor(Dict(pixels=PIXELS)), ValueError, RGB + "Dict"),
    ("extractor, numbers", extractor(Discrete(3)), ValueError, RGB + "Discrete"),
    ("extractor, in memory", lambda w: extractor(PIXELS, encoder=w.encoder)(w), TypeError, "save_"),
    ("extractor, odd dict", extractor(PIXELS, encoder={"K": 3}), ValueError, "policy_kwargs makes"),
    ("frozen='no'", extractor(PIXELS, frozen="no"), TypeError, "frozen must be True or False"),
    ("normalized=255", extractor(PIXELS, normalized_image=255), TypeError, "normalized_i"),
    ("frozen=0 for a policy", cnn(dummy, frozen=0), TypeError, "frozen must be True or False"),
    ("kwargs of memory", kwargs_of_memory, TypeError, "got SlotMapEncoder.*save_pretrained"),
    ("misspelt kwargs", cnn(dummy, frozn=True), TypeError, "unexpected keyword argument 'frozn'"),
    ("VecNormalize, CNN", cnn(lambda: VecNormalize(dummy())), ValueError, "VecNormalize"),
    ("WarpFrame, extractor", cnn(lambda: dummy(WarpFrame)), ValueError, RGB),
    ("extractor on slots", cnn(lambda: dummy(flat)), ValueError, RGB),
    # agents and environments of different encoders
    ("load with other K", load_with(lambda w: w.slots(w.other)), ValueError, SAME + r"\(20,\)"),
    ("load with motion", load_with(lambda w: w.slots(motion=True)), ValueError, SAME + r"\(24,\)"),
    ("load with frames", load_with(lambda w: dummy()), ValueError, SAME + r"\(3, 84, 84\)"),
    ("set_env of other K", other_env, ValueError, SAME + r"\(20,\)"),
    ("evaluated on other K", evaluated, ValueError, r"Unexpected observation shape \(2, 20\)"),
    ("DQN, frugal", frugal_dqn, ValueError, "does not support optimize_memory_usage = True"),
    # set extractor
    ("set of flat slots", slot_set(box(12, dtype=np.float32)), ValueError, r"\(12,\).*flatten"),
    ("set of pixels", slot_set(PIXELS), TypeError, "uint8.*slotenv.SlotExtractor for"),
    ("set of dicts", slot_set(Dict(slots=PIXELS)), TypeError, "Box of floats.*got Dict"),
    ("set of bytes", slot_set(box(3, 4)), TypeError, "uint8"),
    ("set, odd heads", slot_set(width=30), ValueError, "width that heads divide.*width=30"),
    ("set, no features", slot_set(features_dim=0), ValueError, "positive sizes.*features_dim=0"),
    # rl-zoo3
    ("zoo, no encoder", lambda w: with_slots(made()), ValueError, "no slot encoder is named"),
    ("zoo, empty name", from_zoo(made, " "), ValueError, f"export {VARIABLE}=runs/mine"),
    ("zoo, no folder", from_zoo(made, "runs/pnog"), FileNotFoundError, "no encoder 'runs/pnog'"),
    ("zoo, a vector", from_zoo(sync), TypeError, "with_slots wraps one gymnasium.Env, got Sync"),
    ("zoo, no environment", from_zoo(lambda: None), TypeError, "with_slots wraps.*got NoneType"),
    ("zoo, grey", from_zoo(lambda: WarpFrame(made())), ValueError, NEED + "grey"),
    ("zoo, stacked", from_zoo(lambda: stacked(made())), ValueError, NEED + "slots first"),
    ("zoo, clip_reward='no'", from_zoo(made, clip_reward="no"), TypeError, "clip_reward must be"),
    ("zoo, motion=1", from_zoo(made, motion=1), TypeError, "motion must be True or False, got 1"),
]


def test_there_are_as_many_cases_as_names() -> None:
    assert len({name for name, *_ in CASES}) == len(CASES) >= 100


@pytest.mark.parametrize(
    ("act", "error", "words"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
def test_a_mistake_is_told_in_words(
    world: World, act: Act, error: type[Exception], words: str
) -> None:
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act(world)
        except BaseException as problem:
            raised.append(problem)

    thread = threading.Thread(target=run, daemon=True)  # one that hangs in C++ cannot be stopped
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it hangs"
    with pytest.raises(error, match=f"(?s){words}"):
        raise raised.pop() if raised else AssertionError("nothing was said")
