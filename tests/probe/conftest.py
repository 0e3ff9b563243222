"""Frames that carry their own RAM as pixels, so that an encoder can know all a test wants."""

import numpy as np
import pytest


class FakeData:
    """``ProbeData`` whose frame (1, 43, 3) holds the 128 bytes of its RAM and a zero."""

    def __init__(self, ram):
        self.ram = ram
        self.episode = np.arange(len(ram)) // 100
        self.reads = []

    def __len__(self):
        return len(self.ram)

    def frames(self, indices):
        self.reads.append(len(indices))
        padded = np.pad(self.ram[indices], ((0, 0), (0, 1)))
        return padded.reshape(len(indices), 1, 43, 3)


def random_ram(count, seed=0):
    """RAM whose Pong objects are on the screen most of the time."""
    ram = np.random.default_rng(seed).integers(30, 226, (count, 128)).astype(np.uint8)
    ram[:, 45], ram[:, 46] = 64, 188
    return ram


@pytest.fixture
def data():
    return FakeData(random_ram(2000))


@pytest.fixture
def make_data():
    return FakeData
