"""Mistakes that users make: each ends at once, in an error that says what is wrong."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from misuse import (
    Act,
    World,
)
from misuse_cases import CASES

from slotenv import ready
from slotenv.encoders import SlotMapEncoder
from slotenv.zoo import VARIABLE

PATIENCE = 30  # seconds for a case, on a busy machine


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
