"""Flags that verbs share, and the bounds of what a user may give.

The flags of a verb are a frozen dataclass; a field's sentence is its ``--help``, and its type
declares where its values may lie.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_type_hints

import tyro

from pretrain.methods import METHODS, Method, MethodFlag, find_method

MAX_SEED = 1_000_000
"""Seeds from here on are kept for probes: no run trains on what another is tested on."""


class Bounds(NamedTuple):
    """Declares in a field's type where its numbers lie, and what is needed in words."""

    least: float
    most: float
    need: str = ""


Amount = Annotated[int, Bounds(1, 10**9)]
"""Frames, steps, updates and the like: at most days of work, and far below what 64 bits hold."""
Threads = Annotated[int, Bounds(1, 1_024)]
"""More than machines have cores, fewer than systems refuse."""
Seed = Annotated[int, Bounds(0, 2**31 - 1)]
"""What every generator that is seeded takes."""
TrainingSeed = Annotated[
    int, Bounds(0, MAX_SEED - 1, f"lie in 0..{MAX_SEED - 1} (larger ones are for probes)")
]
BatchSize = Annotated[
    int, Bounds(2, 10**9, "be at least 2 (negatives come from the batch) and at most 1,000,000,000")
]
Share = Annotated[float, Bounds(math.ulp(0), 1 - math.ulp(0.5), "lie between 0 and 1")]
Rate = Annotated[float, Bounds(math.ulp(0), math.nextafter(math.inf, 0), "be positive and finite")]


class Flags:
    """Base of every verb's flags; called with the command line, they do what the verb is for."""

    def __post_init__(self) -> None:
        """Raise ValueError if a number, also in a tuple, is not within what its type declares.

        A path may be given as text.
        """
        for name, kind in get_type_hints(type(self), include_extras=True).items():
            value = getattr(self, name)
            if isinstance(value, str) and Path in (kind, *get_args(kind)):
                object.__setattr__(self, name, Path(value))  # the flags are frozen
            for least, most, need in _bounds(kind):
                for number in value if isinstance(value, tuple) else (value,):
                    if number is not None and not least <= number <= most:
                        side = f"at least {least:,}" if number < least else f"at most {most:,}"
                        raise ValueError(f"{name} must {need or 'be ' + side}, got {number:,}")


def _bounds(kind: Any) -> list[Bounds]:
    """Return what a type declares, be it a union or a tuple of declared ones."""
    if isinstance(kind, Bounds):
        return [kind]
    return [bounds for part in get_args(kind) for bounds in _bounds(part)]


class Budget(NamedTuple):
    """Frames to pretrain on, optimiser steps, and frames of each probe."""

    frames: int
    updates: int
    probe_frames: int


BUDGETS = {
    "demo": Budget(frames=20_000, updates=1_000, probe_frames=10_000),
    "short": Budget(frames=100_000, updates=16_000, probe_frames=50_000),
    "paper": Budget(frames=100_000, updates=62_500, probe_frames=50_000),
}

_OF_TRAINING = (
    *("settings", "updates", "batch_size", "run_length", "learning_rate", "validate_every"),
    *("devices", "precision"),
)


@dataclass(frozen=True, kw_only=True)
class TrainingFlags(Flags):
    """Flags of training that a benchmark has, too."""

    batch_size: BatchSize = 128
    """Pairs per update; the other pairs of a batch are the negatives."""
    run_length: Amount = 1
    """Consecutive pairs that are drawn together. 1: every pair at random, as in the paper; 8: each
    frame inside a run serves two pairs and is encoded once, so an update is cheaper."""
    device: str = "auto"
    """cpu, cuda, or auto: cuda where there is one."""
    devices: Amount = 1
    """Devices to train one model on: they share out the batch; every pair sees all negatives."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainingFlags):
    """How an encoder is pretrained: the paper's settings, by default at a smaller budget."""

    budget: Literal["demo", "short", "paper"] = "short"
    """Sizes that are not given otherwise. On 2 cores demo takes half a minute, short a minute, with
    method scn minutes and half an hour; paper: 62,500 updates (100 epochs), for methods that are
    trained."""
    method: MethodFlag = "objects"
    """What is trained and how, a name in pretrain.methods.METHODS; scn is the paper's."""
    settings: tuple[str, ...] = ()
    """Settings of the method's objective as NAME=VALUE, e.g. diversity_weight=0.3."""
    num_slots: Amount | None = None
    """Slots K. Default: the paper's, the number of labelled objects (so it knows the labels), where
    the game has labels, else 8; method objects finds K itself, and takes this as the most."""
    slot_dim: Amount | None = None
    """Numbers in a slot, D. Default: the encoder's, 32 for the convolutional ones."""
    updates: Amount | None = None
    """Optimiser steps. Default: the budget's."""
    learning_rate: Rate = 3e-4
    """Adam's step size."""
    validate_every: Amount = 250
    """Updates between two validations; the weights with the lowest validation loss are kept."""
    validation_share: Share = 0.2
    """Share of the frames, whole episodes of them, held out for validation."""
    seed: TrainingSeed = 0
    """Decides initial weights (of objects: the frames they are fitted to), split and order."""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: autocast, for GPUs. Not everything learns with it: ST-DIM's loss rose above chance in
    Breakout; on processors with bf16 instructions it is no faster."""
    threads: Threads | None = None
    """CPU threads of the training step; default: all cores but one, which prepares batches."""

    def __post_init__(self) -> None:
        super().__post_init__()
        method = self.resolved_method
        for flag in fields(self):
            value = getattr(self, flag.name)
            if method.objective is None and flag.name in _OF_TRAINING and value != flag.default:
                trained = [name for name, other in METHODS.items() if other.objective is not None]
                raise ValueError(
                    f"method {method.name!r} is not trained and takes no {flag.name}, got {value}; "
                    f"those that do: {', '.join(trained)}"
                )

    @property
    def resolved_method(self) -> Method:
        """The method, with the given settings in place of its own."""
        method = find_method(self.method)
        return replace(method, settings={**method.settings, **parse_settings(self.settings)})

    @property
    def num_updates(self) -> int:
        """Optimiser steps: as given, or the budget's; 0 for a method that is not trained."""
        if self.resolved_method.objective is None:
            return 0
        return BUDGETS[self.budget].updates if self.updates is None else self.updates


@dataclass(frozen=True, kw_only=True)
class ProbeFlags(Flags):
    """How an encoder is probed against the labels in the emulator's RAM."""

    view: Literal["scn", "pixel"] = "scn"
    """Labels: raw RAM bytes as in the paper (scn), or decoded screen coordinates (pixel)."""
    hold: bool = False
    """Probe held slots, hidden objects where they were last seen: the wrappers' hold=True. Method
    objects has slots that can be held."""


@dataclass(frozen=True, kw_only=True)
class ProbeConfig(ProbeFlags):
    """The probes of a run."""

    probe_frames: Amount | None = None
    """Frames of each probe. Default: the budget's."""
    probe_seeds: Amount = 1
    """Independent probe data sets; their mean and standard error are reported."""
    curve: bool = False
    """Probe the snapshots taken during training, too: accuracy against updates."""


@dataclass(frozen=True, kw_only=True)
class FramesFlags(Flags):
    """Which frames are collected, and how."""

    env: str
    """Environment: ALE/Pong-v5, PongNoFrameskip-v4, Pong, or any id of gymnasium.make."""
    preset: Literal["scn", "v5", "plain"] | None = None
    """Frames: the paper's stack (scn), as ALE/<Game>-v5 gives them (v5), as they come (plain).
    Default: v5 for ALE/<Game>-v5, scn for other Atari names, plain elsewhere."""
    workers: Amount | None = None
    """Processes for collection; default: one per core. The data do not depend on it."""


@dataclass(frozen=True, kw_only=True)
class RunConfig(FramesFlags):
    """What a run is of."""

    out: Path
    """Run folder, made if missing."""
    frames: Amount | None = None
    """Frames to pretrain on. Default: the budget's."""
    train: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    probe: Annotated[ProbeConfig, tyro.conf.arg(name="")] = field(default_factory=ProbeConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        method = self.train.resolved_method
        if self.probe.hold and method.encoder_class.slot_fields is None:
            raise ValueError(
                f"slots of method {method.name!r} cannot be held: their numbers have no names, so "
                "nothing says where an object is. Leave out --hold, or give --method objects"
            )


@dataclass(frozen=True, kw_only=True)
class BenchConfig(TrainingFlags):
    """What a benchmark is of."""

    out: Path = Path("runs/bench")
    """Folder for data, trainings, rows.jsonl, tables.md and plots; made if missing."""
    games: tuple[str, ...] = ()
    """Games, by key or Atari id, always on the paper's frames. Default: the paper's 20."""
    methods: tuple[MethodFlag, ...] = (
        *("objects", "objects_held", "random", "scn", "loss1only", "cswm", "supervised"),
        *("pixels", "mean", "coordinates"),
    )
    """Methods of pretrain.methods.METHODS, also with settings of their own, as in
    scn:diversity_weight=0.3 (several settings: commas between); objects_held, which is objects
    probed with held slots; and the references pixels, mean and coordinates, which are not trained.
    """
    seeds: tuple[TrainingSeed, ...] = (0,)
    """Training seeds. Each has frames of its own; all share the probe frames."""
    updates: Amount = 2_000
    """Optimiser steps of each training."""
    frames: Amount = 100_000
    """Frames of each training."""
    probe_frames: Amount = 50_000
    """Frames of each game's probe."""
    curve: bool = False
    """Probe the snapshots taken during training, too: accuracy against updates."""
    jobs: Amount = 1
    """Cells run at a time, each in a process of its own (1: in this one)."""
    ray: str | None = None
    """Address of a Ray cluster to run the cells on ("auto": the one of this machine)."""
    drop_frames: bool = False
    """Delete a game's frames when all its cells are done; they can be collected again."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.methods or not self.seeds:
            raise ValueError("name at least one method and one seed")
        if self.ray == "":
            raise ValueError("ray is the address of a cluster, host:port or auto, got ''")
        if self.ray is not None and self.jobs != 1:
            raise ValueError("jobs is for this machine: with ray, the cluster decides how many run")


def parse_settings(texts: Iterable[str]) -> dict[str, int | float | bool]:
    """Turn NAME=VALUE texts into keyword arguments; values are finite numbers, true or false.

    Raises:
        ValueError: If a text is something else, or a name is given twice.
    """
    parsed: dict[str, int | float | bool] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise ValueError(f"settings are NAME=VALUE, got {text!r}")
        if name in parsed:
            raise ValueError(f"setting {name!r} is given twice")
        try:
            number = json.loads(value.lower() if value in ("True", "False") else value)
            is_finite = isinstance(number, int | float) and math.isfinite(number)
        except (ValueError, OverflowError, RecursionError):
            is_finite = False  # no JSON, more digits than numbers have, or nested without end
        if not is_finite:
            raise ValueError(f"{value[:60]!r} in {text[:60]!r} is no finite number, true or false")
        parsed[name] = number
    return parsed
