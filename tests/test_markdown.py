"""Tables in Markdown, as GitHub reads them."""

from __future__ import annotations

from slotenv import markdown


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    lines = markdown.table(["game", "method", "score"], [["pong", "SCN", 0.5]], words=2)
    assert lines == ["| game | method | score |", "| --- | --- | ---: |", "| pong | SCN | 0.5 |"]
    assert markdown.table(["game", "score"], []) == ["| game | score |", "| --- | ---: |"]


def test_no_cell_breaks_the_table() -> None:
    (*_, line) = markdown.table(["", "why"], [["a|b", "two\nlines  and\ttabs"]])
    assert line == "| a\\|b | two lines and tabs |"
