"""Writes the figures of the rows into README and docs/results.md.

Run ``python tests/support/write_figures.py`` after rows were added. Each sentence that changed is
printed with what it had and what it has: read it again, for its words may no longer fit. What
cannot be written is printed too, and then the command fails.
"""

import sys

from prose_check import Page
from prose_pages import pages
from prose_rows import ROOT

from slotenv.atomic import write_atomic


def write(page: Page) -> bool:
    """Bring one page up to date; return whether each of its sentences now has the rows' figures."""
    whole, new = True, page
    for sentence in page.sentences:
        try:
            if (wrong := new.wrong(sentence)) is not None:
                new = new.with_figures_of_rows(sentence)
                sys.stdout.write(f"{wrong}\n")
        except (AssertionError, LookupError, ValueError) as error:
            whole = False
            sys.stdout.write(f"{page.name}: change {sentence.text!r} by hand: {error!r}\n")
    write_atomic(ROOT / page.name, new.text.encode())
    return whole


if __name__ == "__main__":
    sys.exit(not all([write(page) for page in pages()]))
