"""README, the pages of ``docs/`` and the notebooks, cut into their blocks of code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
]
NOTEBOOKS = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("examples/*.ipynb"))
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}) *(?P<language>\w*)")
_MARK = re.compile(r"^ *<!-- run: (?P<reason>.+?) -->$")


class Block(NamedTuple):
    """A block of code of a page.

    Attributes:
        page: The page, from the root of the repository.
        line: Line of its first line of content, from 1.
        language: What stands behind the fence, empty if nothing.
        source: Its content, without the indent of the fence.
        run_by: What runs it if it is marked ``<!-- run: ... -->`` in the line before, else None.
    """

    page: str
    line: int
    language: str
    source: str
    run_by: str | None

    @property
    def place(self) -> str:
        """Page and line."""
        return f"{self.page}:{self.line}"


def cells_of(notebook: str) -> Iterator[Block]:
    """Yield the cells of code of a notebook; in place of its line a block has its cell, from 1."""
    cells = json.loads((ROOT / notebook).read_text())["cells"]
    for number, cell in enumerate(cells, start=1):
        if cell["cell_type"] == "code":
            yield Block(notebook, number, "python", "".join(cell["source"]) + "\n", None)


def blocks_of(page: str, text: str | None = None) -> Iterator[Block]:
    """Yield the fenced blocks of a page, top to bottom.

    Args:
        page: The page, from the root of the repository.
        text: Its content; default: what the file holds.
    """
    lines = ((ROOT / page).read_text() if text is None else text).splitlines()
    mark, start = None, 0
    opened: re.Match[str] | None = None
    for number, line in enumerate(lines, start=1):
        if opened is not None:
            if line.strip() == opened["fence"]:
                indent = len(opened["indent"])
                content = "\n".join(one[indent:] for one in lines[start : number - 1])
                reason = mark["reason"] if mark else None
                yield Block(page, start + 1, opened["language"], content + "\n", reason)
                opened = mark = None
        elif (opened := _FENCE.match(line)) is not None:
            start = number
        elif line.strip():  # a mark holds for the next block if only blank lines lie between
            mark = _MARK.match(line)
    if opened is not None:
        raise ValueError(f"{page}:{start}: this fence is not closed")
