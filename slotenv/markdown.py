"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(
    headings: Sequence[str], lines: Iterable[Sequence[object]], *, words: int = 1
) -> list[str]:
    """Return a table as lines of Markdown.

    Args:
        headings: One a column.
        lines: Cells of any text: line breaks become spaces, and bars are escaped.
        words: How many of the first columns are set to the left; numbers are set to the right.
    """
    rule = ["---" if i < words else "---:" for i in range(len(headings))]
    return [f"| {' | '.join(map(_cell, cells))} |" for cells in (headings, rule, *lines)]


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
