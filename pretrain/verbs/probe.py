"""The verb ``probe``: what a linear probe reads from the slots of an encoder."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import ProbeFlags


@dataclass(frozen=True, kw_only=True)
class ProbeVerbConfig(ProbeFlags):
    """Probe an encoder on a data set that it was not trained on, and print the table."""

    encoder: str
    """A ready-made encoder (pong), an encoder folder, a run folder or a hub id."""
    data: Path
    """Data folder, as collect makes it, of a labelled Atari game and another seed."""
    fit_on: Path | None = None
    """Data folder of another play, say random, to fit the probe on; data is what it is tested on.
    Default: data, too."""
    shuffle_labels: bool = False
    """Shuffle the labels first: a control that must score about 0."""
    json: Path | None = None
    """Also write the whole report to this file."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fit_on is not None and self.shuffle_labels:
            raise ValueError("shuffle_labels is a control of one data set: leave out fit_on")

    def __call__(self, command: list[str]) -> None:
        """Probe, print the table and write the report that was asked for."""
        from pretrain.data.store import FrameStore
        from pretrain.probe import probe_encoder
        from slotenv import SlotEncoder, records

        report = probe_encoder(
            SlotEncoder.from_pretrained(self.encoder),
            FrameStore(self.data),
            view=self.view,
            shuffle_labels=self.shuffle_labels,
            fit_on=None if self.fit_on is None else FrameStore(self.fit_on),
            hold=self.hold,
        )
        print(report.to_markdown())
        if self.json is not None:
            records.write(self.json, report)
