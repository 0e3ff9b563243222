"""Folders with strange names or neighbours: links, mounts, ``.``, not UTF-8, future times."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from pathlib import Path

import torch
from attempt import act, fresh, judged, outcome
from contents import contents, differences
from standing import Place, Standing, Wrong
from verbs import VERBS, command

from slotenv import SlotEncoder

_HIDDEN = (".{}.old", ".{}.tmp", "{}.bak", ".{}.next", ".{}.lock")
_YEAR = 365 * 24 * 3600.0


def links_and_mounts(standing: Standing) -> None:
    """An encoder is saved into a link, a mount, ``.``, and below an unwritable parent."""
    encoder = SlotEncoder.from_pretrained(standing.inputs / "maps")
    target = Path("target")
    target.mkdir()
    Path("link").symlink_to(target)
    Path("here").mkdir()
    _saves(encoder, Path("link"))
    if not Path("link").is_symlink():
        raise Wrong("the link was replaced")
    os.chdir("here")
    _saves(encoder, Path("."))
    os.chdir("..")
    standing.mount(standing.work / "disk", size="8m")
    _saves(encoder, standing.work / "disk")
    closed = standing.work / "closed"
    standing.mount(closed, size="8m")
    (closed / "encoder").mkdir()
    standing.mount(closed / "encoder", size="8m")
    standing.remount(closed, "ro")
    _saves(encoder, closed / "encoder")


def neighbours(standing: Standing) -> None:
    """What a user keeps beside a folder, under whatever name, is nobody else's."""
    for verb in ("save", "collect", "train-untrained", "train-objects", "refit"):
        folder = fresh(standing.work / verb, VERBS[verb], standing.inputs)
        kept = [
            pattern.format(name) for pattern in _HIDDEN for name in ("out", "encoder", "000000")
        ]
        where = [folder, folder / "out"] if verb != "save" else [folder]
        for parent, name in itertools.product(where, kept):
            (parent / name).mkdir(parents=True)
            (parent / name / "mine.txt").write_text("mine")
        if failed := judged(act(VERBS[verb], folder), {0}):
            raise Wrong(f"{verb} {failed}")
        for parent, name in itertools.product(where, kept):
            if not (parent / name / "mine.txt").is_file():
                raise Wrong(f"{verb} took {parent / name}")
        SlotEncoder.from_pretrained(standing.inputs / "maps")
    Path(".pong.old").mkdir()
    Path(".pong.old", "mine.txt").write_text("mine")
    SlotEncoder.from_pretrained("pong")
    if sorted(os.listdir(".pong.old")) != ["mine.txt"] or Path("pong").exists():
        raise Wrong("from_pretrained('pong') took .pong.old")


def readers_write_nothing(standing: Standing) -> None:
    """Neither a half-made folder nor a whole one is changed by loading."""
    for name in ("maps", "objects"):
        shutil.copytree(standing.inputs / name, name)
        for extra in ("nothing", f".{name}.old", f".{name}.tmp"):
            Path(extra).mkdir(exist_ok=True)
    before = contents(standing.work)
    for name in ("maps", "objects"):
        SlotEncoder.from_pretrained(name)
    for missing in ("nothing", "not-there"):
        try:
            SlotEncoder.from_pretrained(missing, local_files_only=True)
        except (FileNotFoundError, ValueError):
            continue
        raise Wrong(f"{missing} was loaded")
    if different := differences(before, contents(standing.work)):
        raise Wrong("; ".join(different))


def not_utf8(standing: Standing) -> None:
    """A folder whose name is no UTF-8: as good as any other."""
    for name in ("collect", "train-untrained", "train-objects", "run", "tables"):
        reference = standing.reference(name)
        folder = standing.work / os.fsdecode(b"caf\xe9") / name
        fresh(folder, VERBS[name], standing.inputs)
        standing.succeeds(name, folder, reference)
    odd = os.fsdecode(b"\xff\xfe")
    for text in ("collect --env {env} --frames 30 --workers 1", "run --env {env} --frames 60"):
        words = text.format(env="fake_envs:slotenv_tests/Sprites-v0").split()
        more = ["--method", "random", "--num-slots", "2"] if words[0] == "run" else []
        out = f"{words[0]}-{odd}"
        command(" ".join(words), *more, "--out", out)()
        if not Path(out).is_dir() or not os.listdir(out):
            raise Wrong(f"{words[0]} made nothing")


def clock_backwards(standing: Standing) -> None:
    """A clock that runs backwards, and files from the future."""
    for name in ("collect", "train", "train-untrained", "save", "run"):
        reference = standing.reference(name)
        folder = fresh(standing.work / name, VERBS[name], standing.inputs)
        real, begin, steps = time.time, time.time(), itertools.count()
        time.time = lambda begin=begin, steps=steps: begin - next(steps)  # type: ignore[assignment]
        try:
            standing.succeeds(name, folder, reference)
            for path in (folder / "out").rglob("*"):
                os.utime(path, (begin + _YEAR, begin + _YEAR))
            if VERBS[name].copied is None:
                standing.succeeds(name, folder, reference)
        finally:
            time.time = real
        if different := differences(reference.contents, outcome(folder)):
            raise Wrong(f"{name}: {different[:3]}")


def _saves(encoder: SlotEncoder, folder: Path) -> None:
    for _ in range(2):
        encoder.save_pretrained(folder)
        again = SlotEncoder.from_pretrained(folder)
        for name, tensor in encoder.state_dict().items():
            if not torch.equal(tensor, again.state_dict()[name]):
                raise Wrong(f"{folder}: {name} differs")


NAMES: dict[str, Place] = {
    "links and mounts": links_and_mounts,
    "neighbours": neighbours,
    "readers write nothing": readers_write_nothing,
    "not UTF-8": not_utf8,
    "clock backwards": clock_backwards,
}
