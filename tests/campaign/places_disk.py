"""Disks that are full, small, read-only or someone else's."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys

from attempt import HANG, act, fresh, judged, outcome
from contents import differences
from standing import Place, Skipped, Standing, Wrong, one_line
from verbs import VERBS, Verb

FULL = ("collect", "train", "train-untrained", "train-objects", "refit", "tables", "watch", "probe")
"""Verbs that are tried on a full disk: all that write, but for those that take long."""
_KILOBYTES = (4, 16, 32, 64, 200, 400, 800, 2_000)
_ENOUGH = "64m"
_NOBODY = 65534  # the number of the user and of the group that own nothing
_FINISHED = ("collect", "train-untrained", "train-objects", "refit", "train", "run")


def full_disk(standing: Standing) -> None:
    """A disk that becomes full: one line that names a file; with more room it goes on."""
    for verb in FULL:
        reference = standing.reference(verb)
        for kilobytes in _KILOBYTES:
            disk = standing.work / f"{verb}-{kilobytes}"
            standing.mount(disk, size=f"{kilobytes}k")
            standing.furnish(disk, verb)
            said = one_line(verb, disk, needs="/" if verb not in ("watch", "probe") else "out")
            standing.remount(disk, f"size={_ENOUGH}")
            standing.succeeds(verb, disk, reference)
            if said is None:
                break  # larger disks suffice as well
        _was_refused(verb, kilobytes)


def file_size_limit(standing: Standing) -> None:
    """A limit on the size of files, which any user can have."""
    for verb in FULL:
        reference = standing.reference(verb)
        for kilobytes in _KILOBYTES:
            folder = standing.work / f"{verb}-{kilobytes}"
            folder.mkdir()
            standing.furnish(folder, verb)
            log = standing.work / f"{verb}-{kilobytes}.printed.txt"
            log.touch()
            limits = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes << 10, limits[1]))
            try:
                said = one_line(verb, folder, needs="out")
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            standing.succeeds(verb, folder, reference)
            if said is None:
                break
        _was_refused(verb, kilobytes)


def read_only(standing: Standing) -> None:
    """What is finished runs again on a read-only disk; what is not says so."""
    for verb in _FINISHED:
        reference = standing.reference(verb)
        disk = standing.work / verb
        standing.mount(disk, size=_ENOUGH)
        standing.furnish(disk, verb)
        standing.remount(disk, "ro")
        standing.refuses(verb, disk, needs="out")
        standing.remount(disk, "rw")
        standing.succeeds(verb, disk, reference)
        standing.remount(disk, "ro")
        standing.succeeds(verb, disk, reference)


def no_permission(standing: Standing) -> None:
    """The same for a user who may not write, without mounts."""
    if os.geteuid() != 0:
        raise Skipped("changing the user needs root")
    reference = standing.reference("collect")
    folder = standing.work / "collect"
    folder.mkdir()
    standing.furnish(folder, "collect")
    standing.succeeds("collect", folder, reference)
    for one in (standing.work, standing.work.parent):
        os.chmod(one, 0o755)

    def act_as_nobody() -> None:
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
        VERBS["collect"].act()

    as_nobody = Verb("collect as nobody", act_as_nobody, 0)
    if failed := judged(act(as_nobody, folder), {0}):
        raise Wrong(f"finished, {failed}")
    shutil.rmtree(folder / "out")
    ended = act(as_nobody, folder)
    if failed := judged(ended, {1, 2}):
        raise Wrong(f"unfinished, {failed}")
    if "out" not in ended.text.strip().rpartition("\n")[2]:
        raise Wrong(f"no folder is named: {ended.text}")


def no_home(standing: Standing) -> None:
    """No home, one that cannot be written, no folder for temporary files."""
    words = VERBS["run"].act.words  # type: ignore[attr-defined]
    reference = standing.reference("run")
    for name, changes in {
        "no HOME": {"HOME": None},
        "a HOME that is not there": {"HOME": "/not/there"},
        "an unwritable HOME": {"HOME": "/proc", "XDG_CONFIG_HOME": "/proc"},
        "no TMPDIR": {"TMPDIR": "/not/there"},
    }.items():
        folder = fresh(standing.work / name.replace(" ", "-"), VERBS["run"], standing.inputs)
        variables = {k: v for k, v in {**os.environ, **changes}.items() if v is not None}
        # A new process: this one has asked for its home already.
        done = subprocess.run(
            [sys.executable, "-m", "pretrain", *words],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=HANG * 2,
        )
        if done.returncode:
            raise Wrong(f"{name}: ended with {done.returncode}: {done.stderr[-500:]}")
        if different := differences(reference.contents, outcome(folder)):
            raise Wrong(f"{name}: another result: {'; '.join(different[:3])}")


def _was_refused(verb: str, kilobytes: int) -> None:
    if kilobytes == _KILOBYTES[0]:
        raise Wrong(f"{verb} was not tried: it fits into {kilobytes} kilobytes")


DISKS: dict[str, Place] = {
    "full disk": full_disk,
    "file size limit": file_size_limit,
    "read-only": read_only,
    "no permission": no_permission,
    "no home": no_home,
}
