"""The wrapper among threads, processes and modes of PyTorch."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import gymnasium as gym
import numpy as np
import pytest
import torch
from fake_envs import SPRITES, SpritesEnv
from gymnasium.vector import AsyncVectorEnv

from slotenv import ObjectSlotObservation, lazy_encoder
from slotenv.encoders.encoding import run


def rollout(env, steps=5, seed=3):
    observations = [env.reset(seed=seed)[0]]
    observations += [env.step(i % 4)[0] for i in range(steps)]
    return np.stack(observations)


def test_a_first_reset_in_inference_mode_does_no_harm(tiny_encoder_folder):
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
    with torch.inference_mode():
        expected = rollout(env)
    np.testing.assert_array_equal(rollout(env), expected)
    assert not any(p.is_inference() for p in env._encoder.get().parameters())
    frames = torch.from_numpy(SpritesEnv().reset(seed=0)[0][None])
    images = (frames.permute(0, 3, 1, 2) / 255).requires_grad_()
    env._encoder.get()(images).slots.sum().backward()
    assert images.grad is not None


def new_thread(act):
    """Return what a function returns in a thread that has not used PyTorch."""
    found = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join(60)
    return found[0]


@pytest.fixture(params=[True, False], ids=["per thread", "PyTorch's setter"])
def two_threads(request, monkeypatch):
    """PyTorch on two threads; with and without setters of one thread's own number."""
    if not request.param:
        setters = torch.set_num_threads, int
        monkeypatch.setattr(lazy_encoder, "_setters_of_this_thread", lambda: setters)
    elif lazy_encoder._setters_of_this_thread()[0] is torch.set_num_threads:
        pytest.skip("this PyTorch hides them")
    torch.set_num_threads(2)
    yield request.param
    torch.set_num_threads(1)


def test_one_thread_leaves_other_threads_alone(two_threads):
    with lazy_encoder.one_thread():
        assert torch.get_num_threads() == 1
        with lazy_encoder.one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 1
        if two_threads:
            assert new_thread(torch.get_num_threads) == 2
    assert torch.get_num_threads() == new_thread(torch.get_num_threads) == 2


def test_blocks_of_several_threads_may_end_in_any_order():
    torch.set_num_threads(2)
    try:
        turns = threading.Barrier(2, timeout=60)

        def inner():
            with lazy_encoder.one_thread():
                turns.wait()  # both are inside
                turns.wait()  # the other has left
                inside = torch.get_num_threads()
            return inside, torch.get_num_threads()

        found = []
        thread = threading.Thread(target=lambda: found.append(inner()))
        with lazy_encoder.one_thread():
            thread.start()
            turns.wait()
        assert torch.get_num_threads() == 2
        turns.wait()
        thread.join(60)
        assert found == [(1, 2)]
        assert torch.get_num_threads() == new_thread(torch.get_num_threads) == 2
    finally:
        torch.set_num_threads(1)


def test_environments_in_many_threads_leave_pytorch_as_it_was(tiny_encoder_folder):
    def play():
        env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)
        slots = rollout(env, 20)
        return slots, torch.get_num_threads()

    expected, _ = play()
    torch.set_num_threads(2)
    try:
        with ThreadPoolExecutor(6) as pool:
            found = [job.result() for job in [pool.submit(play) for _ in range(6)]]
        assert torch.get_num_threads() == new_thread(torch.get_num_threads) == 2
    finally:
        torch.set_num_threads(1)
    for slots, count in found:
        assert count == 2
        np.testing.assert_allclose(slots, expected, atol=1e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_one_thread_keeps_all_of_pytorch_to_it():
    """In a process of its own, where no pool of threads has been started before."""
    code = (
        "import torch; from slotenv.lazy_encoder import one_thread\n"
        "def count(): return len(__import__('os').listdir('/proc/self/task'))\n"
        "torch.set_num_threads(2); a = torch.rand(700, 700); start = count()\n"
        "def work(): a @ a; torch.rand(3_000_000) * 2; torch.nn.functional.conv2d("
        "torch.rand(8, 3, 64, 64), torch.rand(32, 3, 8, 8))\n"
        "with one_thread(): work()\n"
        "inside = count() - start; work(); print(inside, count() - start > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["0", "True"]


def test_encoding_takes_one_thread_and_gives_the_others_back(tiny_encoder, monkeypatch):
    seen = []
    monkeypatch.setattr(
        lazy_encoder,
        "run",
        lambda encoder, frames: seen.append(torch.get_num_threads()) or run(encoder, frames),
    )
    env = ObjectSlotObservation(gym.make(SPRITES), tiny_encoder)
    torch.set_num_threads(2)
    try:
        env.reset()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert seen == [1]


@pytest.mark.parametrize(("workers", "loaded_before"), [(2, False), (8, True)])
def test_works_in_workers_forked_after_torch_ran_on_threads(
    tiny_encoder_folder, workers, loaded_before
):
    def make():
        return ObjectSlotObservation(gym.make(SPRITES), tiny_encoder_folder)

    torch.set_num_threads(2)
    envs = None
    try:
        torch.nn.functional.conv2d(torch.rand(8, 3, 64, 64), torch.rand(32, 3, 8, 8))
        if loaded_before:
            rollout(make())
        envs = AsyncVectorEnv([make] * workers)
        envs.reset_async(seed=[3 + i for i in range(workers)])
        slots, _ = envs.reset_wait(timeout=60)
        envs.step_async(np.zeros(workers, np.int64))
        stepped, *_ = envs.step_wait(timeout=60)
    finally:
        if envs is not None:
            envs.close(terminate=True)
        torch.set_num_threads(1)
    np.testing.assert_allclose(np.stack([slots[0], stepped[0]]), rollout(make(), 1), atol=1e-5)
