"""Figures in the README's results, against the rows that they are of.

A figure that is typed into the text needs a line in ``support/readme_benchmark.py`` or
``support/readme_studies.py`` that computes it, or one below that says why it follows from no row.
"""

import re

import pytest
from readme_benchmark import BENCHMARK
from readme_check import Sentence, unaccounted
from readme_rows import ROOT
from readme_studies import LONG_TRAINING, STUDIES

_SPEEDS = "make benchmarks prints it, on one machine"
_SETTING = "what was run"
_NAME = "a name"
NOT_FROM_ROWS = {
    "the paper's tables 1 to 3,": _NAME,
    "counted in table 3": _NAME,
    "(table 2)": _NAME,
    "by more than .02 in": _SETTING,
    "below 0 in": _SETTING,
    "of 1,000 frames": "the unit",
    "95 % interval": _SETTING,
    "Environment steps per second, ... as many as SCN's encoder.": _SPEEDS,
    "on 2 CPU cores without a GPU": _SETTING,
    "Speed on 2 cores, ... Training is fast": _SPEEDS,
}
SENTENCES = (*BENCHMARK, *STUDIES, *LONG_TRAINING)


@pytest.fixture(scope="module")
def prose() -> str:
    text = (ROOT / "README.md").read_text()
    return text[text.index("\n## Results\n") : text.index("\n## Where to change what\n")]


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.text[:40])
def test_figures_are_those_of_the_rows(sentence: Sentence, prose: str) -> None:
    assert sentence.wrong(prose) is None
    match = sentence.find(prose)
    for i, figure in enumerate(match.groups(), 1):  # each of them counts
        begin, end = match.span(i)
        assert sentence.wrong(prose[:begin] + altered(figure) + prose[end:]) is not None


def test_every_number_follows_from_rows_or_is_listed(prose: str) -> None:
    assert unaccounted(prose, SENTENCES, NOT_FROM_ROWS) == []


@pytest.mark.parametrize("typed", ["It has .31 there.", "Of 1,024, -3 fail.", "Over seven games."])
def test_a_new_number_is_noticed(typed: str, prose: str) -> None:
    found = unaccounted(f"{prose}\n{typed}", SENTENCES, NOT_FROM_ROWS)
    assert found
    assert all(typed in around for around in found)


def test_no_number_is_sought_in_code_and_names() -> None:
    assert unaccounted("SHA1 of `--seeds 0 1`, [7.md](a/7.md), R2\n```\nrun 8\n```", [], []) == []


def test_a_sentence_is_found_across_lines_once() -> None:
    sentence = Sentence("it has # in #.", lambda: [".5", "Pong and Boxing"])
    assert sentence.wrong("There it has .5\nin Pong and\nBoxing.") is None
    assert "'.6'" in str(sentence.wrong("There it has .6 in Pong and Boxing."))
    for text in ("There it had .5 in Pong.", "it has .5 in Pong. it has .5 in Pong."):
        with pytest.raises(AssertionError, match=r"times in README: 'it has # in #\.'"):
            sentence.wrong(text)


def altered(figure: str) -> str:
    """Return another number, or another word."""
    digit = re.search(r"\d", figure[::-1])
    if digit is None:
        return f"{figure}x"
    at = len(figure) - 1 - digit.start()
    return f"{figure[:at]}{(int(digit[0]) + 1) % 10}{figure[at + 1 :]}"
