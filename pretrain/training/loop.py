"""The training loop, from a store to an encoder folder; resumable to the same weights."""

import time
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretrain.config import TrainConfig
from pretrain.data.store import FrameStore
from pretrain.runtime.lock import alone_in
from pretrain.runtime.metrics_log import MetricsLog
from pretrain.runtime.progress import Progress
from pretrain.runtime.workers import usable_cores
from pretrain.training import encoders, validation
from pretrain.training.batches import (
    BatchReader,
    PairSampler,
    TransitionBatch,
    prefetched,
    split_episodes,
)
from pretrain.training.data_parallel import Peers, launch
from pretrain.training.state import TrainState, load_state, save_state
from pretrain.training.step import TrainingStep, choose_device
from slotenv.checkpoint import is_saved, read_config
from slotenv.encoders import SlotEncoder
from slotenv.objectives import Objective

STATE = "train_state.safetensors"
_LOG_EVERY = 50  # updates between two rows of training metrics
_SAVE_SECONDS = 60.0  # between two saved states


def train(
    store: FrameStore, config: TrainConfig, folder: str | Path, *, num_slots: int | None = None
) -> SlotEncoder:
    """Pretrain an encoder, or go on with a training that was interrupted in this folder.

    The same store, configuration, device and number of threads give the same weights, interrupted
    or not. Those of several devices differ by rounding from those of one.

    Args:
        store: The frames.
        config: How to train.
        folder: Run folder: gets ``encoder/``, ``metrics.jsonl``, TensorBoard events and the state.
        num_slots: K. Default: as the configuration says, and of the game if it leaves that open.

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
    folder = Path(folder)
    if num_slots is None:
        num_slots = encoders.slots_of(config, store.description.env_id)
    if config.devices > 1 and config.num_updates:
        launch(train_with, config, store, config, folder, num_slots)
        return SlotEncoder.from_pretrained(folder / "encoder")
    return train_with(Peers(choose_device(config.device)), store, config, folder, num_slots)


def train_with(
    peers: Peers, store: FrameStore, config: TrainConfig, folder: Path, num_slots: int | None
) -> SlotEncoder:
    """Do what :func:`train` does, alone or as one of the processes that train one model.

    In those that are not the first, the encoder that is returned is not the best, but the last.
    """
    torch.set_num_threads(config.threads or max(usable_cores() // peers.size - 1, 1))
    rows, held_out = split_episodes(
        store.episode, validation=config.validation_share, seed=config.seed
    )
    with alone_in(folder) if peers.rank == 0 else nullcontext():
        if config.num_updates == 0:
            return encoders.make_untrained(store, config, folder, num_slots, rows)
        encoder, objective = encoders.build(config, num_slots, store, rows)
        assert objective is not None
        run = _Run(peers, store, config, folder, encoder, objective)
        run.resume()
        peers.align(encoder, objective)
        done, updates = run.state.update, config.num_updates
        if done > updates:
            raise ValueError(
                f"{folder} holds a training of {done} updates, asked for {updates}: ask for at "
                "least as many, or use another folder"
            )
        if run.is_finished:  # nothing is written: the folder may be read-only
            return SlotEncoder.from_pretrained(folder / "encoder")
        sampler = PairSampler(
            rows, batch_size=config.batch_size, seed=config.seed, run_length=config.run_length
        )
        reader = BatchReader(store, encoder, peers.device, objective.reads, peers.share)
        held = validation.validation_batches(reader, held_out, config, peers.size)
        with prefetched(lambda update: reader(sampler(update)), done, updates) as batches:
            if peers.rank > 0:
                run.follow(batches, held)
                return encoder
            run.lead(batches, held)
        return run.finish()


class _Run:
    """What changes while training: weights, optimiser, best weights, counters."""

    def __init__(
        self,
        peers: Peers,
        store: FrameStore,
        config: TrainConfig,
        folder: Path,
        encoder: SlotEncoder,
        objective: Objective,
    ) -> None:
        self.peers, self.store, self.config, self.folder = peers, store, config, folder
        self.encoder, objective = encoder.to(peers.device), objective.to(peers.device)
        self.modules = {"encoder": encoder, "objective": objective}
        self.parameters = [*encoder.parameters(), *objective.parameters()]
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.learning_rate)
        self.step = TrainingStep(encoder, objective, config.precision, peers.gather)
        self.state = TrainState(identity=self._identity())
        self.best = self._weights()
        self.sums: dict[str, Tensor | float] = {}
        self.began = self.saved = time.monotonic()

    def resume(self) -> None:
        """Go on where the folder's state is, if there is one."""
        path = self.folder / STATE
        if not path.exists():
            encoders.refuse_other(self.folder, {"method": self.config.resolved_method.name})
            return
        identity = self.state.identity
        self.state, self.best = load_state(path, identity, self.modules, self.optimizer)
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

    def lead(self, batches: Iterable[TransitionBatch], held: list[TransitionBatch]) -> None:
        """Take all updates; log, validate and save on the way."""
        done, updates = self.state.update, self.config.num_updates
        with (
            MetricsLog(self.folder, update=done) as log,
            Progress("train", total=updates, start=done, unit="updates") as progress,
            self.peers.stopping() as stop_is_asked,
        ):
            self.snapshot()
            for batch in batches:
                self.update(batch)
                self.snapshot()
                progress.advance(1)
                if self.state.update % _LOG_EVERY == 0:
                    means = {name: float(sum_) / _LOG_EVERY for name, sum_ in self.sums.items()}
                    self.write(log, "train", means)
                    self.sums = {}
                if self.validation_is_due:
                    loss = self.validate(held, log)
                    progress.advance(0, note=f"validation loss {loss:.3f}")
                stopping = stop_is_asked()
                if stopping or time.monotonic() - self.saved > _SAVE_SECONDS:
                    self.save()
                if stopping:
                    raise KeyboardInterrupt

    def follow(self, batches: Iterable[TransitionBatch], held: list[TransitionBatch]) -> None:
        """Compute what the first of several processes computes; write and judge nothing."""
        for batch in batches:
            self.update(batch)
            if self.validation_is_due:
                validation.validate(self.step, held)

    @property
    def validation_is_due(self) -> bool:
        update = self.state.update
        return update % self.config.validate_every == 0 or update == self.config.num_updates

    def update(self, batch: TransitionBatch) -> None:
        """Take one optimiser step; metrics are only summed, so that a GPU need not wait."""
        self.optimizer.zero_grad(set_to_none=True)
        output = self.step(batch)
        output.loss.backward()  # type: ignore[no-untyped-call]
        self.peers.average_gradients(self.parameters)
        self.optimizer.step()
        self.state.update += 1
        for name, value in output.metrics.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def validate(self, batches: list[TransitionBatch], log: MetricsLog) -> float:
        """Write the validation metrics, keep the weights if they are the best, return the loss."""
        metrics = validation.validate(self.step, batches)
        self.write(log, "validation", metrics)
        validation.warn_of_collapse(metrics, self.state.update)
        if self.state.best_loss is None or metrics["loss"] < self.state.best_loss:
            self.state.best_loss, self.state.best_update = metrics["loss"], self.state.update
            self.best = self._weights()
        return metrics["loss"]

    def write(self, log: MetricsLog, split: str, metrics: dict[str, float]) -> None:
        """Write a row of metrics, which must be finite."""
        update, seconds = self.state.update, time.monotonic() - self.began
        validation.check_finite(metrics, update, self.config.learning_rate)
        log.write(update=update, split=split, seconds=seconds, metrics=metrics)

    def snapshot(self) -> None:
        """Keep the encoder for the curve over training, if this is one of its updates."""
        update = self.state.update
        folder = encoders.snapshot_folder(self.folder, update)
        if update in encoders.SNAPSHOTS and not is_saved(folder):
            self.state.seconds = time.monotonic() - self.began if update else 0.0
            self.encoder.provenance = self._provenance()
            self.encoder.save_pretrained(folder)

    def save(self) -> None:
        """Write the state."""
        self.state.seconds = time.monotonic() - self.began
        self.state.sums = {name: float(total) for name, total in self.sums.items()}
        save_state(self.folder / STATE, self.state, self.modules, self.optimizer, self.best)
        self.saved = time.monotonic()

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
        return encoders.provenance(
            self.store,
            self.config,
            updates=self.state.update,
            seconds=self.state.seconds,
            device=self.encoder.device.type,
        )

    def _weights(self) -> dict[str, Tensor]:
        return {name: t.detach().clone() for name, t in self.encoder.state_dict().items()}

    def _identity(self) -> dict[str, Any]:
        """Everything the weights depend on but the length of training, which can be extended."""
        settings = asdict(self.config)
        for name in ("budget", "updates", "threads", "device", "devices"):
            settings.pop(name)
        method = self.config.resolved_method
        return settings | {
            "method": method.name,
            "settings": method.settings,
            "num_slots": self.encoder.num_slots,
            "slot_dim": self.encoder.slot_dim,
            "data": self.store.checksum,
        }
