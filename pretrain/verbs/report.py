"""The verb ``report``: the page of a run."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.config import Flags


@dataclass(frozen=True, kw_only=True)
class ReportVerbConfig(Flags):
    """Write report.html of a run folder anew."""

    out: Path
    """Run folder."""

    def __call__(self, command: list[str]) -> None:
        """Write the page, and print where it lies."""
        from pretrain.report import write_report

        print(f"report: {write_report(self.out)}")
