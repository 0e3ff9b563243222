"""Figures in README and docs/results.md, against the rows that they are of.

A figure that is typed into the text needs a line in ``support/prose_front.py``,
``support/prose_benchmark.py`` or ``support/prose_studies.py`` that computes it, or one in
``support/prose_pages.py`` that says why it follows from no row. New rows change figures:
``python tests/support/write_figures.py`` writes them into the pages.
"""

import re
from dataclasses import replace

import pytest
import write_figures
from prose_check import Page, Sentence
from prose_pages import pages

PAGES = pages()
SENTENCES = [(page, sentence) for page in PAGES for sentence in page.sentences]
IDS = [f"{page.name}: {sentence.text[:40]}" for page, sentence in SENTENCES]
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.mark.parametrize(("page", "sentence"), SENTENCES, ids=IDS)
def test_figures_are_those_of_the_rows(page: Page, sentence: Sentence) -> None:
    figures = list(sentence.figures())
    sentence = sentence._replace(figures=lambda: figures)  # computed once
    assert page.wrong(sentence) is None
    match = page.find(sentence.text)
    for i, figure in enumerate(match.groups(), 1):  # each of them counts
        begin, end = match.span(i)
        changed = replace(page, text=page.text[:begin] + altered(figure) + page.text[end:])
        assert changed.wrong(sentence) is not None
        assert changed.with_figures_of_rows(sentence).wrong(sentence) is None


@EACH_PAGE
def test_every_number_follows_from_rows_or_is_listed(page: Page) -> None:
    assert page.unaccounted() == []


@EACH_PAGE
@pytest.mark.parametrize("typed", ["It has .31 there.", "Of 1,024, -3 fail.", "Over seven games."])
def test_a_new_number_is_noticed(typed: str, page: Page) -> None:
    found = replace(page, text=f"{page.text}\n{typed}").unaccounted()
    assert found
    assert all(typed in around and around.startswith(page.name) for around in found)


def of_text(text: str, *sentences: Sentence) -> Page:
    return Page("docs/page.md", text, sentences, {})


def test_no_number_is_sought_in_code_and_names() -> None:
    page = of_text("SHA1 of `--seeds 0 1`, [7.md](a/7.md), R2\n```\nrun 8\n```")
    assert page.unaccounted() == []


def test_a_sentence_is_found_across_lines_once() -> None:
    sentence = Sentence("it has # in #.", lambda: [".5", "Pong and Boxing"])
    assert of_text("There it has .5\nin Pong and\nBoxing.").wrong(sentence) is None
    assert "'.6'" in str(of_text("There it has .6 in Pong and Boxing.").wrong(sentence))
    for text in ("There it had .5 in Pong.", "it has .5 in Pong. it has .5 in Pong."):
        with pytest.raises(AssertionError, match=r"times in docs/page\.md: 'it has # in #\.'"):
            of_text(text).wrong(sentence)


def test_only_figures_that_changed_are_written() -> None:
    sentence = Sentence("**#** in #, not #.", lambda: [".70", "Pong and Boxing", "12"])
    page = of_text("It has **.5** in\nPong and\nBoxing, not 7.\n")
    assert page.with_figures_of_rows(sentence).text == (
        "It has **.70** in\nPong and\nBoxing, not 12.\n"
    )
    with pytest.raises(ValueError, match="zip"):
        page.with_figures_of_rows(Sentence(sentence.text, lambda: [".70"]))


def test_a_page_is_written_and_what_cannot_be_is_named(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setattr(write_figures, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    right = Sentence("had #", lambda: ["2"])
    assert write_figures.write(of_text("It had 1, and 3 games.", right))
    assert (tmp_path / "docs/page.md").read_text() == "It had 2, and 3 games."
    assert "docs/page.md has ['1'], the rows ['2']" in capsys.readouterr().out
    gone, empty = Sentence("no # more", lambda: ["4"]), Sentence("and #", lambda: [[][0]])
    assert not write_figures.write(of_text("It had 1, and 3 games.", gone, empty, right))
    assert (tmp_path / "docs/page.md").read_text() == "It had 2, and 3 games."
    said = capsys.readouterr().out
    assert all(f"docs/page.md: change {one.text!r} by hand" in said for one in (gone, empty))


def altered(figure: str) -> str:
    """Return another number, or another word."""
    digit = re.search(r"\d", figure[::-1])
    if digit is None:
        return f"{figure}x"
    at = len(figure) - 1 - digit.start()
    return f"{figure[:at]}{(int(digit[0]) + 1) % 10}{figure[at + 1 :]}"
