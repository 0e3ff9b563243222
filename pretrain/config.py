"""The flags of every verb: one frozen dataclass each; a field's sentence is its ``--help``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import tyro

from pretrain.bounds import MAX_THREADS, check_batch_size, check_counts, check_seed
from pretrain.methods import METHODS, Method, check_can_hold, check_is_trained_by
from pretrain.settings import parse_settings

MAX_SEED = 1_000_000
"""Seeds from here on are kept for probes: no run trains on what another is tested on."""


class Budget(NamedTuple):
    """Sizes of a run.

    Attributes:
        frames: Frames to pretrain on.
        updates: Optimiser steps.
        probe_frames: Frames of each probe.
    """

    frames: int
    updates: int
    probe_frames: int


BUDGETS = {
    "demo": Budget(frames=20_000, updates=1_000, probe_frames=10_000),
    "short": Budget(frames=100_000, updates=16_000, probe_frames=50_000),
    "paper": Budget(frames=100_000, updates=62_500, probe_frames=50_000),
}

_OF_TRAINING = (
    "settings",
    "updates",
    "batch_size",
    "run_length",
    "learning_rate",
    "validate_every",
    "devices",
    "precision",
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How an encoder is pretrained: the paper's settings, by default at a smaller budget."""

    budget: Literal["demo", "short", "paper"] = "short"
    """Sizes that are not given otherwise. demo: minutes; short: about half an hour on 2 cores;
    paper: 62,500 updates (100 epochs)."""
    method: str = "objects"
    """What is trained and how, a name in pretrain.methods.METHODS; scn is the paper's."""
    settings: tuple[str, ...] = ()
    """Settings of the method's objective as NAME=VALUE, e.g. diversity_weight=0.3."""
    num_slots: int | None = None
    """Slots K. Default: the paper's, the number of labelled objects (so it knows the labels), where
    the game has labels, else 8; method objects finds K itself, and takes this as the most."""
    slot_dim: int | None = None
    """Numbers in a slot, D. Default: the encoder's, 32 for the convolutional ones."""
    updates: int | None = None
    """Optimiser steps. Default: the budget's."""
    batch_size: int = 128
    """Pairs per update; the other pairs of a batch are the negatives."""
    run_length: int = 1
    """Consecutive pairs that are drawn together. 1: every pair at random, as in the paper; 8: each
    frame inside a run serves two pairs and is encoded once, so an update is cheaper."""
    learning_rate: float = 3e-4
    """Adam's step size."""
    validate_every: int = 250
    """Updates between two validations; the weights with the lowest validation loss are kept."""
    validation_share: float = 0.2
    """Share of the frames, whole episodes of them, held out for validation."""
    seed: int = 0
    """Decides initial weights, split and order of the pairs."""
    device: str = "auto"
    """cpu, cuda, or auto: cuda where there is one."""
    devices: int = 1
    """Devices to train one model on: they share out the batch; every pair sees all negatives."""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: autocast, for GPUs. Not everything learns with it: ST-DIM's loss rose above chance in
    Breakout; on processors with bf16 instructions it is no faster."""
    threads: int | None = None
    """CPU threads of the training step; default: all cores but one, which prepares batches."""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"no method named {self.method!r}; there are: {', '.join(METHODS)}")
        parse_settings(self.settings)
        check_batch_size(self.batch_size)
        check_counts(self, "updates", "validate_every", "slot_dim", "num_slots")
        check_counts(self, "run_length", "devices")
        check_counts(self, "threads", most=MAX_THREADS)
        check_training_seed(self.seed)
        if not 0 < self.validation_share < 1:
            raise ValueError(
                f"validation_share must lie between 0 and 1, got {self.validation_share}"
            )
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive and finite, got {self.learning_rate}")
        if METHODS[self.method].objective is None:
            self._check_nothing_is_trained()

    def _check_nothing_is_trained(self) -> None:
        """Refuse what would be passed over without a word."""
        for field_ in fields(self):
            value = getattr(self, field_.name)
            if field_.name in _OF_TRAINING and value != field_.default:
                trained = [name for name, method in METHODS.items() if method.objective is not None]
                raise ValueError(
                    f"method {self.method!r} is not trained and takes no {field_.name}, got "
                    f"{value}; those that do: {', '.join(trained)}"
                )

    @property
    def resolved_method(self) -> Method:
        """The method, with the given settings in place of its own."""
        method = METHODS[self.method]
        return replace(method, settings={**method.settings, **parse_settings(self.settings)})

    @property
    def num_updates(self) -> int:
        """Optimiser steps: as given, or the budget's; 0 for a method that is not trained."""
        if METHODS[self.method].objective is None:
            return 0
        return BUDGETS[self.budget].updates if self.updates is None else self.updates


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """How an encoder is probed against the labels in the emulator's RAM."""

    view: Literal["scn", "pixel"] = "scn"
    """Labels: the paper's raw RAM bytes (scn), or decoded screen coordinates (pixel)."""
    probe_frames: int | None = None
    """Frames of each probe. Default: the budget's."""
    probe_seeds: int = 1
    """Independent probe data sets; their mean and standard error are reported."""
    curve: bool = False
    """Probe the snapshots taken during training, too: accuracy against updates."""
    hold: bool = False
    """Probe held slots, hidden objects where they were last seen: the wrappers' hold=True. Method
    objects has slots that can be held."""

    def __post_init__(self) -> None:
        check_counts(self, "probe_frames", "probe_seeds")


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Collect, pretrain, probe, report. The same command again goes on after a stop."""

    env: str
    """Environment: ALE/Pong-v5, PongNoFrameskip-v4, Pong, or any id of gymnasium.make."""
    out: Path
    """Run folder, made if missing."""
    preset: Literal["scn", "v5", "plain"] | None = None
    """Frames: the paper's stack (scn), as ALE/<Game>-v5 gives them (v5), as they come (plain).
    Default: v5 for ALE/<Game>-v5, scn for other Atari names, plain elsewhere."""
    frames: int | None = None
    """Frames to pretrain on. Default: the budget's."""
    workers: int | None = None
    """Processes for collection; default: one per core. The data do not depend on it."""
    train: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)
    probe: Annotated[ProbeConfig, tyro.conf.arg(name="")] = field(default_factory=ProbeConfig)

    def __post_init__(self) -> None:
        check_counts(self, "frames", "workers")
        check_is_trained_by(self.train.method)
        if self.probe.hold:
            check_can_hold(self.train.method)

    @property
    def num_frames(self) -> int:
        """Frames to pretrain on: as given, or the budget's."""
        return BUDGETS[self.train.budget].frames if self.frames is None else self.frames

    @property
    def num_probe_frames(self) -> int:
        """Frames of each probe: as given, or the budget's."""
        given = self.probe.probe_frames
        return BUDGETS[self.train.budget].probe_frames if given is None else given


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """Collect frames of random or scripted play; the same command again goes on after a stop."""

    env: str
    """Environment: ALE/Pong-v5, PongNoFrameskip-v4, Pong, or any id of gymnasium.make."""
    out: Path
    """Data folder, made if missing."""
    preset: Literal["scn", "v5", "plain"] | None = None
    """Frames: scn, v5 or plain. Default: by the form of the environment's name."""
    frames: int = 100_000
    """Frames (agent steps)."""
    player: Literal["random", "scripted"] = "random"
    """Who plays: uniformly random actions, or a script that reads the true coordinates and plays
    better (of Boxing, Breakout, Freeway and Pong)."""
    seed: int = 0
    """Decides every byte of the data."""
    workers: int | None = None
    """Processes; default: one per core. The data do not depend on it."""

    def __post_init__(self) -> None:
        check_counts(self, "frames", "workers")
        check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class TrainVerbConfig:
    """Pretrain an encoder on collected frames; the same command again goes on after a stop."""

    data: Path
    """Data folder, as collect makes it."""
    out: Path
    """Folder for encoder/, metrics and state, made if missing."""
    train: Annotated[TrainConfig, tyro.conf.arg(name="")] = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        check_is_trained_by(self.train.method)


@dataclass(frozen=True, kw_only=True)
class ProbeVerbConfig:
    """Probe an encoder on a data set that it was not trained on, and print the table."""

    encoder: str
    """A ready-made encoder (pong), an encoder folder, a run folder or a hub id."""
    data: Path
    """Data folder, as collect makes it, of a labelled Atari game and another seed."""
    fit_on: Path | None = None
    """Data folder of another play, say random, to fit the probe on; data is what it is tested on.
    Default: data, too."""
    view: Literal["scn", "pixel"] = "scn"
    """Labels: raw RAM bytes as in the paper (scn), or decoded screen coordinates (pixel)."""
    hold: bool = False
    """Probe held slots, hidden objects where they were last seen: the wrappers' hold=True."""
    shuffle_labels: bool = False
    """Shuffle the labels first: a control that must score about 0."""
    json: Path | None = None
    """Also write the whole report to this file."""

    def __post_init__(self) -> None:
        if self.fit_on is not None and self.shuffle_labels:
            raise ValueError("shuffle_labels is a control of one data set: leave out fit_on")


@dataclass(frozen=True, kw_only=True)
class ReportVerbConfig:
    """Write report.html of a run folder anew."""

    out: Path
    """Run folder."""


@dataclass(frozen=True, kw_only=True)
class WatchConfig:
    """Film random play or an agent, with what each slot looks at drawn on the frame."""

    encoder: str
    """A ready-made encoder (pong), an encoder folder, a run folder or a hub id."""
    out: Path
    """The film: a name that ends in .gif, or in .mp4 (smaller)."""
    env: str | None = None
    """Environment, played on the encoder's own frames. Default: the one it was pretrained on."""
    agent: Path | None = None
    """Agent saved by Stable-Baselines3 (a .zip, which holds pickles: only from people you trust),
    on slots of this encoder or on its frames. Default: random play."""
    algo: Literal["ppo", "a2c", "dqn"] = "ppo"
    """Algorithm of the agent."""
    frame_stack: int = 1
    """Observations that the agent was given at once (VecFrameStack)."""
    normalize: Path | None = None
    """Statistics that VecNormalize saved with the agent (a pickle, too), if it was trained so."""
    hold: bool = False
    """Whether the agent was trained on held slots: hidden objects where they were last seen."""
    deterministic: bool = False
    """Let the agent take its most likely action in place of drawing one."""
    steps: int = 200
    """Steps to film."""
    fps: int = 8
    """Steps shown per second; an Atari game runs at 15."""
    seed: int = 0
    """Decides the play."""

    def __post_init__(self) -> None:
        if self.out.suffix.lower() not in (".gif", ".mp4"):
            raise ValueError(f"out must end in .gif or .mp4, got {self.out}")
        check_counts(self, "steps", "fps", "frame_stack")
        check_seed(self.seed)


def check_training_seed(seed: int) -> None:
    """Raise ValueError unless a seed is one of those that trainings may have."""
    if not 0 <= seed < MAX_SEED:
        raise ValueError(
            f"seed must lie in 0..{MAX_SEED - 1} (larger ones are for probes), got {seed}"
        )
