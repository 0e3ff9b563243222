"""The training loop, from a store to an encoder folder; resumable to the same weights."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.runtime.cores import usable_cores
from pretrain.runtime.lock import alone_in
from pretrain.runtime.metrics_log import MetricsLog
from pretrain.runtime.progress import Progress
from pretrain.training import snapshots
from pretrain.training.batches import (
    BatchReader,
    PairSampler,
    Prefetcher,
    TransitionBatch,
    split_episodes,
)
from pretrain.training.build import build, make_untrained
from pretrain.training.data_parallel import Alone, Peers
from pretrain.training.launch import launch
from pretrain.training.provenance import provenance, refuse_other
from pretrain.training.state import TrainState, load_state, save_state
from pretrain.training.step import TrainingStep, choose_device
from pretrain.training.validation import (
    check_finite,
    validate,
    validation_batches,
    warn_of_collapse,
)
from slotenv.checkpoint import is_saved, read_config
from slotenv.encoders import SlotEncoder
from slotenv.objectives import Objective

STATE = "train_state.safetensors"
_LOG_EVERY = 50  # updates between two rows of training metrics
_SAVE_SECONDS = 60.0  # between two saved states


def train(
    store: FrameStore, config: TrainConfig, folder: Path, *, num_slots: int | None
) -> SlotEncoder:
    """Pretrain an encoder, or go on with a training that was interrupted in this folder.

    The same store, configuration, device and number of threads give the same weights, interrupted
    or not. Those of several devices differ by rounding from those of one.

    Args:
        store: The frames.
        config: How to train; ``config.num_slots`` is not read here.
        folder: Run folder: gets ``encoder/``, ``metrics.jsonl``, TensorBoard events and the state.
        num_slots: K; None lets an encoder that can count the objects do so.

    Returns:
        The encoder with the lowest validation loss, also saved as ``folder / "encoder"``.

    Raises:
        ValueError: If K, the frames or the number of pairs do not fit, there are too few devices,
            or the folder holds the state of another training.
        FolderInUse: If another process trains in the folder.
        TrainingDiverged: If the loss becomes NaN or infinite.
        RuntimeError: If one of the processes of several devices was killed.
        KeyboardInterrupt: On Ctrl-C, after the state was saved.
    """
    if config.devices > 1 and config.num_updates:
        launch(_train_share, config, store.folder, config, folder, num_slots)
        return SlotEncoder.from_pretrained(folder / "encoder")
    return train_with(Alone(choose_device(config.device)), store, config, folder, num_slots)


def train_with(
    peers: Alone, store: FrameStore, config: TrainConfig, folder: Path, num_slots: int | None
) -> SlotEncoder:
    """Do what :func:`train` does, alone or as one of the processes that train one model.

    Returns:
        In the first process what :func:`train` returns; in others the encoder as it is then.
    """
    with alone_in(folder) if peers.rank == 0 else nullcontext():
        return _train(peers, store, config, folder, num_slots)


def _train_share(
    peers: Peers, data: Path, config: TrainConfig, folder: Path, num_slots: int | None
) -> None:
    train_with(peers, FrameStore(data), config, folder, num_slots)


def _train(
    peers: Alone, store: FrameStore, config: TrainConfig, folder: Path, num_slots: int | None
) -> SlotEncoder:
    cores = usable_cores() // peers.size
    torch.set_num_threads(config.threads or max(cores - 1, 1))
    rows, held_out = split_episodes(
        store.episode, validation=config.validation_share, seed=config.seed
    )
    if config.resolved_method.objective is None:
        return make_untrained(store, config, folder, num_slots, rows)
    encoder, objective = build(config, num_slots, store, rows)
    assert objective is not None
    run = _Run(
        store,
        config,
        folder,
        encoder.to(peers.device),
        objective.to(peers.device),
        _identity(store, config, encoder),
        peers,
    )
    run.resume()
    peers.align(encoder, objective)
    if run.state.update > config.num_updates:
        raise ValueError(
            f"{folder} holds a training of {run.state.update} updates, asked for "
            f"{config.num_updates}: ask for at least as many, or use another folder"
        )
    if run.is_finished:  # nothing is written: the folder may be read-only
        return SlotEncoder.from_pretrained(folder / "encoder")
    sampler = PairSampler(
        rows, batch_size=config.batch_size, seed=config.seed, run_length=config.run_length
    )
    reader = BatchReader(store, encoder, peers.device, objective.reads, peers.share)
    validation = validation_batches(reader, held_out, config, peers.size)
    prefetcher = Prefetcher(lambda u: reader(sampler(u)), run.state.update, config.num_updates)
    if peers.rank > 0:
        return run.follow(prefetcher, validation)
    with (
        MetricsLog(folder, update=run.state.update) as log,
        Progress(
            "train", total=config.num_updates, start=run.state.update, unit="updates"
        ) as progress,
        peers.stopping() as stop,
        prefetcher as batches,
    ):
        run.snapshot()
        for batch in batches:
            run.update(batch)
            run.snapshot()
            progress.advance(1)
            if run.state.update % _LOG_EVERY == 0:
                run.log_training(log)
            if run.validation_is_due:
                loss = run.validate(validation, log)
                progress.advance(0, note=f"validation loss {loss:.3f}")
            stopping = stop.requested
            if stopping or time.monotonic() - run.saved > _SAVE_SECONDS:
                run.save()
            if stopping:
                raise KeyboardInterrupt
    return run.finish()


class _Run:
    """What changes while training: weights, optimiser, best weights, counters."""

    def __init__(
        self,
        store: FrameStore,
        config: TrainConfig,
        folder: Path,
        encoder: SlotEncoder,
        objective: Objective,
        identity: dict[str, Any],
        peers: Alone,
    ) -> None:
        self.store, self.config, self.folder = store, config, folder
        self.encoder, self.objective, self.peers = encoder, objective, peers
        self.parameters = [*encoder.parameters(), *objective.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.learning_rate)
        self.step = TrainingStep(encoder, objective, config.precision, peers.gather)
        self.state = TrainState(identity=identity)
        self.best = self._weights()
        self.sums: dict[str, Tensor | float] = {}
        self.began = self.saved = time.monotonic()

    def resume(self) -> None:
        path = self.folder / STATE
        if not path.exists():
            refuse_other(self.folder, {"method": self.config.resolved_method.name})
        else:
            modules = {"encoder": self.encoder, "objective": self.objective}
            self.state, self.best = load_state(path, self.state.identity, modules, self.optimizer)
            self.sums = dict(self.state.sums)
            self.began = time.monotonic() - self.state.seconds

    @property
    def is_finished(self) -> bool:
        """Whether the folder's encoder is the one that this training ends with."""
        encoder = self.folder / "encoder"
        if self.state.update != self.config.num_updates or not is_saved(encoder):
            return False
        made = read_config(encoder).get("provenance", {})
        return bool(made.get("updates") == self.state.update and "best_update" in made)

    def save(self) -> None:
        self.state.seconds = time.monotonic() - self.began
        self.state.sums = {name: float(total) for name, total in self.sums.items()}
        modules = {"encoder": self.encoder, "objective": self.objective}
        save_state(self.folder / STATE, self.state, modules, self.optimizer, self.best)
        self.saved = time.monotonic()

    def update(self, batch: Any) -> None:
        """Take one optimiser step; metrics are only summed, so that a GPU need not wait."""
        self.optimizer.zero_grad(set_to_none=True)
        output = self.step(batch)
        output.loss.backward()  # type: ignore[no-untyped-call]
        self.peers.average_gradients(self.parameters)
        self.optimizer.step()
        self.state.update += 1
        for name, value in output.metrics.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    @property
    def validation_is_due(self) -> bool:
        update = self.state.update
        return update % self.config.validate_every == 0 or update == self.config.num_updates

    def follow(self, prefetcher: Prefetcher[TransitionBatch], validation: list[Any]) -> SlotEncoder:
        """Compute what the first of several processes computes; write and judge nothing."""
        with prefetcher as batches:
            for batch in batches:
                self.update(batch)
                if self.validation_is_due:
                    validate(self.step, validation)
        return self.encoder

    def log_training(self, log: MetricsLog) -> None:
        """Write the means since the last row."""
        metrics = {name: float(total) / _LOG_EVERY for name, total in self.sums.items()}
        check_finite(metrics, self.state.update, self.config.learning_rate)
        self._write(log, "train", metrics)
        self.sums = {}

    def validate(self, batches: list[Any], log: MetricsLog) -> float:
        """Write the validation metrics, keep the weights if they are the best, return the loss."""
        metrics = validate(self.step, batches)
        check_finite(metrics, self.state.update, self.config.learning_rate)
        warn_of_collapse(metrics, self.state.update)
        self._write(log, "validation", metrics)
        if self.state.best_loss is None or metrics["loss"] < self.state.best_loss:
            self.state.best_loss, self.state.best_update = metrics["loss"], self.state.update
            self.best = self._weights()
        return metrics["loss"]

    def snapshot(self) -> None:
        """At some updates, more and more apart, keep the encoder for the curve over training."""
        update = self.state.update
        if update in snapshots.UPDATES and not snapshots.has_snapshot(self.folder, update):
            self.state.seconds = time.monotonic() - self.began if update else 0.0
            self.encoder.provenance = self._provenance()
            self.encoder.save_pretrained(snapshots.snapshot_folder(self.folder, update))

    def finish(self) -> SlotEncoder:
        """Save the state and the encoder with the best weights."""
        self.save()
        self.encoder.load_state_dict(self.best)
        self.encoder.provenance = self._provenance() | {
            "best_update": self.state.best_update,
            "validation_loss": self.state.best_loss,
        }
        self.encoder.eval().to("cpu").save_pretrained(self.folder / "encoder")
        return self.encoder

    def _provenance(self) -> dict[str, Any]:
        return provenance(
            self.store,
            self.config,
            updates=self.state.update,
            seconds=self.state.seconds,
            device=self.encoder.device.type,
        )

    def _write(self, log: MetricsLog, split: str, metrics: dict[str, float]) -> None:
        seconds = time.monotonic() - self.began
        log.write(update=self.state.update, split=split, seconds=seconds, metrics=metrics)

    def _weights(self) -> dict[str, Tensor]:
        return {name: t.detach().clone() for name, t in self.encoder.state_dict().items()}


def _identity(store: FrameStore, config: TrainConfig, encoder: SlotEncoder) -> dict[str, Any]:
    """Everything the weights depend on but the length of training, so that it can be extended."""
    settings = asdict(config)
    for name in ("budget", "updates", "threads", "device", "devices"):
        settings.pop(name)
    method = config.resolved_method
    settings |= {"method": method.name, "settings": method.settings}
    settings |= {"num_slots": encoder.num_slots, "slot_dim": encoder.slot_dim}
    return {**settings, "data": store.checksum}
