"""The metrics of a training: a line of JSON for each row, and TensorBoard events."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field
from torch.utils.tensorboard import SummaryWriter

from slotenv import records
from slotenv.records import Count

METRICS_FILE = "metrics.jsonl"


class _Row(BaseModel):
    """A line of the log; its other fields are metrics by name."""

    model_config = records.OPEN
    __pydantic_extra__: dict[str, float] = Field(init=False)

    update: Count
    split: Literal["train", "validation"]
    seconds: float


class MetricsLog:
    """Appends rows to ``metrics.jsonl`` and to TensorBoard events in a run folder.

    Training goes on from ``update``: later rows, of a run that was killed, are dropped.
    """

    def __init__(self, folder: Path, *, update: int) -> None:
        path = folder / METRICS_FILE
        records.write_lines(path, [row for row in read_metrics(folder) if row["update"] <= update])
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115
        self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=update + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._events.close()

    def write(self, *, update: int, split: str, seconds: float, metrics: dict[str, float]) -> None:
        """Add one row: metrics after some updates and seconds of training.

        ``split`` is ``"train"``, whose metrics are means since the last row, or ``"validation"``.
        """
        row = {"update": update, "split": split, "seconds": round(seconds, 2), **metrics}
        self._file.write(records.dumps(row) + "\n")
        self._file.flush()
        for name, value in metrics.items():
            self._events.add_scalar(f"{split}/{name}", value, update)


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of ``metrics.jsonl``; a last line cut short by a kill is left out."""
    path = folder / METRICS_FILE
    if not path.exists():
        return []
    remedy = "delete the line to go without it, or the file to go without the curve"
    rows = records.read_lines(path, _Row, remedy=remedy, growing=True)
    return [row.model_dump() for row in rows]
