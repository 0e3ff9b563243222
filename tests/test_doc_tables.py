"""Tables and counts of the pages, against what they are of."""

from __future__ import annotations

import re

import pytest
from doc_pages import ROOT

from pretrain.bench.references import REFERENCES
from pretrain.config import BUDGETS
from pretrain.methods import HELD, METHODS
from pretrain.verbs.table import UPKEEP, VERBS
from slotenv import ready
from slotenv.labels import labelled_games

PRETRAIN = (ROOT / "docs" / "pretrain.md").read_text()
WRAPPERS = (ROOT / "docs" / "wrappers.md").read_text()


def first_column(heading: str) -> set[str]:
    """Return the names, in back quotes, of the first column of the table with a heading there."""
    table = re.search(
        rf"^\| {re.escape(heading)} \|.*\n\|[-|]*\n((?:\|.*\n)*)", PRETRAIN, re.MULTILINE
    )
    assert table, f"no table of {heading}"
    return {
        name for row in table[1].splitlines() for name in re.findall("`(.+?)`", row.split("|")[1])
    }


def test_every_method_has_a_row():
    assert first_column("name") == {*METHODS, *HELD, *REFERENCES}


def test_every_verb_has_a_row():
    assert first_column("verb") == {*VERBS}
    upkeep = re.findall(r"^\| `upkeep (\w+)", PRETRAIN, re.MULTILINE)
    assert set(upkeep) == {*UPKEEP}


@pytest.mark.parametrize("name", BUDGETS)
def test_budgets_are_as_the_table_says(name):
    row = re.search(rf"^\| `{name}`.*?\|(.*)\|$", PRETRAIN, re.MULTILINE)
    assert row is not None
    frames, updates, probe_frames = (int(cell.replace(",", "")) for cell in row[1].split("|"))
    assert BUDGETS[name] == (frames, updates, probe_frames)


def test_held_slots_read_as_the_study_found():
    said = re.findall(r"^\| ([\w ]+) \| (0\.\d+) \| (0\.\d+) \|$", WRAPPERS, re.MULTILINE)
    study = (ROOT / "examples" / "results" / "single_frames.md").read_text()
    found = re.findall(r"^\| \W*(\w+)\W* \| [\d.]+ \| [\d.]+ \| ([\d.]+) \| ([\d.]+) ", study, re.M)
    rows = {name: (plain, held) for name, plain, held in found}
    assert len(said) > 5
    for game, *read in said:
        assert tuple(read) == rows[game.lower().removesuffix(" of 20 games")]
    assert len(rows) == 20 + 1


@pytest.mark.parametrize(
    ("page", "words", "count"),
    [
        ("index.md", r"each of ALE's (\d+) Atari games", len(ready.names())),
        ("labels.md", r"In (\d+) Atari games it is known", len(labelled_games("scn"))),
        ("labels.md", r"A frame of each of the (\d+) labelled games", len(labelled_games("pixel"))),
        ("labels.md", r"\| games \| (\d+) \|", len(labelled_games("pixel"))),
        ("labels.md", r"\| games \| \d+ \| (\d+): also hero and qbert", len(labelled_games("scn"))),
    ],
)
def test_games_are_as_many_as_a_page_says(page, words, count):
    (said,) = re.findall(words, (ROOT / "docs" / page).read_text())
    assert int(said) == count
