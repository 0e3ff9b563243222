import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES, SpritesEnv
from numpy.typing import NDArray

from pretrain.data.collect import collect, collect_data
from pretrain.data.store import DataDescription, FrameStore
from slotenv.environments import make_env, preset_for
from slotenv.frames import plain

ENV = f"fake_envs:{SPRITES}"


def describe(steps: int = 90, shard: int = 30, seed: int = 3, env_id: str = ENV) -> DataDescription:
    preset = preset_for(env_id).to_dict()
    return DataDescription(
        env_id=env_id, preset=preset, seed=seed, num_steps=steps, shard_steps=shard
    )


def test_rows_pair_each_frame_with_the_action_taken_there(tmp_path: Path) -> None:
    collect(tmp_path, describe(steps=30), workers=1)
    store = FrameStore(tmp_path)
    seeds = np.random.SeedSequence([3, 0]).generate_state(2) >> 1
    env = make_env(ENV, plain(84, 84))
    frame, _ = env.reset(seed=int(seeds[0]))
    for row in range(30):
        np.testing.assert_array_equal(store.frames([row])[0], frame)
        frame, reward, terminated, truncated, _ = env.step(store.actions[row])
        assert store.rewards[row] == reward
        if terminated or truncated:
            frame, _ = env.reset()
    np.testing.assert_array_equal(store.episode, [0] * 20 + [1] * 10)
    assert store.ram.shape == (30, 0)


def test_actions_are_uniform(tmp_path: Path) -> None:
    collect(tmp_path, describe(steps=2000, shard=1000), workers=1)
    counts = np.bincount(FrameStore(tmp_path).actions, minlength=4)
    expected = 500
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_bytes_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    one = collect(tmp_path / "one", describe(), workers=1)
    two = collect(tmp_path / "two", describe(), workers=2)
    assert one == two
    assert collect(tmp_path / "other", describe(seed=4), workers=1) != one


def test_a_folder_may_be_given_as_a_string(tmp_path: Path) -> None:
    given: dict[str, Any] = {"env": ENV, "frames": 30, "seed": 3, "workers": 1}
    assert collect_data(str(tmp_path / "a"), **given) == collect_data(tmp_path / "b", **given)


def test_a_complete_set_is_left_alone(tmp_path: Path) -> None:
    collect(tmp_path, describe(), workers=1)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    collect(tmp_path, describe(), workers=1)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_what_is_missing_is_made_again_the_same(tmp_path: Path) -> None:
    checksum = collect(tmp_path, describe(), workers=1)
    (tmp_path / "shard-00001.npz").unlink()
    assert collect(tmp_path, describe(), workers=1) == checksum


def test_killed_collection_goes_on_to_the_same_set(tmp_path: Path) -> None:
    uninterrupted = collect(tmp_path / "whole", describe(steps=2000, shard=100), workers=1)
    script = (
        "from pathlib import Path; from pretrain.data.collect import collect;"
        "from pretrain.data.store import DataDescription; from slotenv.frames import plain;"
        f"collect(Path({str(tmp_path / 'cut')!r}), DataDescription(env_id={ENV!r},"
        "preset=plain(84, 84).to_dict(), seed=3, num_steps=2000, shard_steps=100), workers=1)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "support")}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "cut").glob("shard-*")) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list((tmp_path / "cut").glob("shard-*.npz")))
    assert 1 <= done < 20
    assert collect(tmp_path / "cut", describe(steps=2000, shard=100), workers=1) == uninterrupted


def start_two_workers(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a long collection in a process of its own; return it and its children."""
    script = (
        "from pathlib import Path; from pretrain.data.collect import collect;"
        "from pretrain.data.store import DataDescription; from slotenv.frames import plain;"
        f"collect(Path({str(folder)!r}), DataDescription(env_id={ENV!r}, shard_steps=100,"
        "preset=plain(84, 84).to_dict(), seed=3, num_steps=200_000), workers=2)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "support")}
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list(folder.glob("shard-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) >= 2
    return process, [int(child) for child in children]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_the_collection(tmp_path: Path, number: signal.Signals) -> None:
    process, children = start_two_workers(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=240)
    assert process.returncode != 0
    deadline = time.monotonic() + 20
    while any(running(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [child for child in children if running(child)]


def test_a_worker_that_fails_says_why(tmp_path: Path) -> None:
    description = DataDescription(
        env_id=ENV, preset=plain(80, 80).to_dict(), seed=0, num_steps=60, shard_steps=30
    )
    for workers in (1, 2):
        with pytest.raises(
            ValueError, match=r"gives frames \(84, 84, 3\), the preset \(80, 80, 3\)"
        ):
            collect(tmp_path, description, workers=workers)


@pytest.mark.ale
def test_pong_frames_and_ram_belong_together(tmp_path: Path) -> None:
    """The paddle's byte in RAM and the paddle's pixels in the frame move as one."""
    collect(tmp_path, describe(steps=600, shard=300, env_id="Pong"), workers=1)
    store = FrameStore(tmp_path)
    assert store.ram.shape == (600, 128)
    frames = store.frames(np.arange(100, 600))
    green = (frames == (92, 186, 92)).all(-1)[:, 34:194]
    top = green.any(2).argmax(1) + 34
    ram_y = store.ram[100:600, 51].astype(int)
    inside = (ram_y > 50) & (ram_y < 190) & green.any((1, 2))
    assert inside.sum() > 100
    difference = (top - ram_y)[inside]
    assert np.abs(difference - np.median(difference)).max() <= 8  # at most one frame's movement


@pytest.mark.ale
def test_pong_is_stored_in_little_space(tmp_path: Path) -> None:
    collect(tmp_path, describe(steps=1000, shard=1000, env_id="Pong"), workers=1)
    size = sum(p.stat().st_size for p in tmp_path.iterdir())
    assert size * 100 < 30e6


def test_constant_ram_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pretrain.data.collect.read_ram", lambda env: np.full(128, 63, np.uint8))
    with pytest.raises(ValueError, match=r"RAM never changes.*ale-py >= 0\.11\.1"):
        collect(tmp_path, describe(steps=200, shard=200), workers=1)


class LyingEnv(SpritesEnv):
    """Frames that are not what the observation space says."""

    def __init__(self, kind: str) -> None:
        super().__init__(size=84)
        self.kind = kind

    def _observe(self) -> NDArray[Any]:
        frame = super()._observe()
        return {
            "larger": np.repeat(frame, 2, axis=0),
            "smaller": frame[:40],
            "grey": frame[..., 0],
            "float": frame.astype(np.float32),
        }[self.kind]


@pytest.mark.parametrize("kind", ["larger", "smaller", "grey", "float"])
def test_frames_that_are_not_as_declared_are_refused(tmp_path: Path, kind: str) -> None:
    env_id = f"slotenv_tests/Lying-{kind}-v0"
    if env_id not in gym.registry:
        gym.register(env_id, entry_point=lambda kind=kind: LyingEnv(kind))
    with pytest.raises((ValueError, TypeError), match=r"frame.*\(84, 84, 3\)"):
        collect(tmp_path, describe(steps=10, env_id=env_id), workers=1)
    assert not list(tmp_path.glob("shard-*"))


@pytest.mark.parametrize("height", [84, 209])
def test_frames_of_any_size_come_back(tmp_path: Path, height: int) -> None:
    env_id = f"slotenv_tests/Size{height}-v0"
    if env_id not in gym.registry:
        gym.register(env_id, entry_point=lambda: SpritesEnv(size=height))
    collect(tmp_path, describe(steps=10, env_id=env_id), workers=1)
    assert FrameStore(tmp_path).frames([9]).shape == (1, height, height, 3)


def test_actions_that_are_no_array_are_refused(tmp_path: Path) -> None:
    class DictActions(SpritesEnv):
        def __init__(self) -> None:
            super().__init__()
            self.action_space = gym.spaces.Dict({"move": self.action_space})

    env_id = "slotenv_tests/DictActions-v0"
    if env_id not in gym.registry:
        gym.register(env_id, entry_point=DictActions)
    with pytest.raises(ValueError, match=r"has actions Dict.*one array of numbers"):
        collect(tmp_path, describe(steps=10, env_id=env_id), workers=1)


SCRIPT = f"""
import sys; from pathlib import Path; from pretrain.data.collect import collect
from pretrain.data.store import DataDescription; from slotenv.frames import plain
preset = plain(84, 84).to_dict()
collect(Path(sys.argv[1]), DataDescription(env_id={ENV!r}, preset=preset, seed=3, num_steps=90,
    shard_steps=30), workers=2)
"""


@pytest.mark.parametrize("source", ["file", "standard input"])
def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path, source: str) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    name = str(tmp_path / "script.py") if source == "file" else "-"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "support")}
    done = subprocess.run(
        [sys.executable, name, str(tmp_path / "data")],
        input=SCRIPT if source != "file" else "",
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert 'if __name__ == "__main__":' in last
    assert done.returncode == 1
    assert collect(tmp_path / "data", describe(), workers=1)


def test_a_read_only_folder_that_is_complete_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksum = collect(tmp_path, describe(steps=30), workers=1)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    for name in ("open", "replace", "rename", "unlink", "mkdir"):
        monkeypatch.setattr(os, name, refuse)
    assert collect(tmp_path, describe(steps=30), workers=1) == checksum
