"""Sentences of a page with figures in them, found again, compared and brought up to date."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

_DIGITS = r"(?<![\w.])(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
_WORD = r"\b(?:three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty)\b"  # two: too common
_NUMBER = re.compile(f"{_DIGITS}|{_WORD}", re.IGNORECASE)
_NO_PROSE = re.compile(r"```.*?```|`[^`]*`|!?\[[^]]*\]\([^)]*\)", re.DOTALL)
_TOKEN = r"[^\s`|*()]+?"
_FIGURE = rf"({_TOKEN}(?:(?:,|\s+and)\s+{_TOKEN})*?)"  # a number, a word or a list of games


class Sentence(NamedTuple):
    """A piece of a text with ``#`` for each figure, and the figures that follow from rows."""

    text: str
    figures: Callable[[], Iterable[str]]


@dataclass(frozen=True)
class Page:
    """A text, and where its numbers come from.

    Attributes:
        name: Its path in the repository.
        text: What it says.
        sentences: Sentences whose figures follow from rows.
        other: Pieces of the text, each with the reason why the numbers in it follow from no row.
    """

    name: str
    text: str
    sentences: tuple[Sentence, ...]
    other: dict[str, str]

    def find(self, sentence: str) -> re.Match[str]:
        """Find a sentence, which must be there once, however its lines are broken.

        ``#`` is a figure, ``...`` as much as need be.

        Raises:
            AssertionError: If it is not, with page and sentence.
        """
        pattern = r"\s+".join(map(re.escape, sentence.split()))
        pattern = pattern.replace(r"\.\.\.", ".*?").replace(r"\#", _FIGURE)
        found = list(re.finditer(pattern, self.text, re.DOTALL))
        assert len(found) == 1, f"{len(found)} times in {self.name}: {sentence!r}"
        return found[0]

    def wrong(self, sentence: Sentence) -> str | None:
        """Say what the page has and what the rows have, None if they agree."""
        said = [" ".join(part.split()) for part in self.find(sentence.text).groups()]
        right = list(sentence.figures())
        if said == right:
            return None
        return f"{sentence.text!r}: {self.name} has {said}, the rows {right}"

    def unaccounted(self) -> list[str]:
        """Return the numbers that stand in no ``#`` of a sentence, with what is around.

        Code, links and captions of pictures are no prose.
        """
        masked = _NO_PROSE.sub(lambda match: "x" * len(match[0]), self.text)
        spans = [self.find(text).span() for text in self.other]
        for sentence in self.sentences:
            match = self.find(sentence.text)
            spans += [match.span(i + 1) for i in range(len(match.groups()))]
        return [
            f"{self.name}: {self.text[max(number.start() - 40, 0) : number.end() + 40]}"
            for number in _NUMBER.finditer(masked)
            if not any(begin <= number.start() and number.end() <= end for begin, end in spans)
        ]

    def with_figures_of_rows(self, sentence: Sentence) -> "Page":
        """Return the page with the rows' figures in a sentence; what agrees stays as it is.

        Raises:
            ValueError: If the rows give another count of figures than the sentence has ``#``.
        """
        match = self.find(sentence.text)
        figures = list(sentence.figures())
        text = self.text
        for i, figure in reversed(list(zip(range(match.re.groups), figures, strict=True))):
            if " ".join(match[i + 1].split()) != figure:
                begin, end = match.span(i + 1)
                text = text[:begin] + figure + text[end:]
        return replace(self, text=text)
