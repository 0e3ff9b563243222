"""What a run folder holds, read once; everything but the encoder may be missing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pretrain.data.run_files import CurvePoint, ProbeRow, read_probe, read_record
from pretrain.data.store import FrameStore
from pretrain.runtime.metrics_log import read_metrics
from slotenv.encoders import SlotEncoder
from slotenv.probe import ProbeReport


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """A run folder in memory.

    Attributes:
        config: ``config.json``, empty if missing.
        metrics: Rows of ``metrics.jsonl``.
        encoder: The pretrained encoder.
        store: The probe's frames, else the ones of pretraining, else None.
        rows: Probe rows, empty if there was no probe.
        curve: Accuracy over training, ordered by updates.
    """

    config: dict[str, Any]
    metrics: list[dict[str, Any]]
    encoder: SlotEncoder
    store: FrameStore | None
    rows: list[ProbeRow]
    curve: list[CurvePoint]

    @property
    def env_id(self) -> str:
        """The environment as the user named it."""
        return str(self.config.get("env_id") or self.encoder.provenance.get("env_id") or "unknown")

    @property
    def game(self) -> str | None:
        """Name of the Atari game, None for another environment."""
        return self.config.get("game")

    @property
    def best_rows(self) -> list[ProbeRow]:
        """Probe rows of the pretrained encoder, whose name comes first."""
        return [row for row in self.rows if row.name == self.rows[0].name]

    @property
    def untrained_rows(self) -> list[ProbeRow]:
        """Probe rows of the encoder before any update; none where there are no updates."""
        if self.encoder.provenance.get("updates") == 0:
            return []
        return [row for row in self.rows if row.name == "untrained"]

    @property
    def report(self) -> ProbeReport | None:
        """What the first probe of the pretrained encoder found, None without any."""
        return self.best_rows[0].report if self.rows else None


def read_run(folder: Path) -> RunFolder:
    """Read a run folder.

    Raises:
        ValueError: If it has no encoder or holds a file that is damaged; the message says which.
    """
    encoder_folder = folder / "encoder"
    if not encoder_folder.is_dir():
        raise ValueError(
            f"{folder} has no encoder/, so there is nothing to report: train first "
            "(the folder appears when training has ended)"
        )
    try:
        encoder = SlotEncoder.from_pretrained(encoder_folder)
    except FileNotFoundError as error:
        raise ValueError(f"{encoder_folder} is incomplete: {error}") from error
    stores = [folder / "data" / name for name in ("probe", "pretrain")]
    stores = [path for path in stores if (path / "data.json").is_file()]
    probe = read_probe(folder)
    curve = [p for p in probe.curve if p.accuracy is not None and p.ridge_accuracy is not None]
    return RunFolder(
        config=read_record(folder),
        metrics=read_metrics(folder),
        encoder=encoder,
        store=FrameStore(stores[0]) if stores else None,
        rows=probe.rows,
        curve=sorted(curve, key=lambda point: point.updates),
    )
