"""The verb ``bench``: games x methods x seeds."""

from dataclasses import dataclass

from pretrain.config import BenchConfig


@dataclass(frozen=True, kw_only=True)
class BenchVerb(BenchConfig):
    """Train and probe games x methods x seeds at one budget; write rows, tables and plots.

    The same command goes on after a stop, tries failed cells again and does what a changed
    command line adds. Another budget of the same length of data extends the trainings.
    """

    def __call__(self, command: list[str]) -> None:
        """Run what is missing of the matrix, then render."""
        from pretrain.bench.run import bench

        bench(self)
