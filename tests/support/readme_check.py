"""Sentences of a text with figures in them, found again and compared."""

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

_DIGITS = r"(?<![\w.])(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)"
_WORD = r"\b(?:three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty)\b"  # two: too common
_NUMBER = re.compile(f"{_DIGITS}|{_WORD}", re.IGNORECASE)
_NO_PROSE = re.compile(r"```.*?```|`[^`]*`|!?\[[^]]*\]\([^)]*\)", re.DOTALL)
_TOKEN = r"[^\s`|*()]+?"
_FIGURE = rf"({_TOKEN}(?:(?:,|\s+and)\s+{_TOKEN})*?)"  # a number, a word or a list of games


class Sentence(NamedTuple):
    """A piece of the text with ``#`` for each figure, and the figures that follow from rows."""

    text: str
    figures: Callable[[], Iterable[str]]

    def find(self, prose: str) -> re.Match[str]:
        return find(self.text, prose)

    def wrong(self, prose: str) -> str | None:
        """Say what the text has and what the rows have, None if they agree."""
        said = [" ".join(part.split()) for part in self.find(prose).groups()]
        right = list(self.figures())
        return None if said == right else f"{self.text!r}: README has {said}, the rows {right}"


def find(sentence: str, prose: str) -> re.Match[str]:
    """Find a sentence, which must be there once, however its lines are broken.

    ``#`` is a figure, ``...`` as much as need be.

    Raises:
        AssertionError: If it is not, with the sentence.
    """
    pattern = r"\s+".join(map(re.escape, sentence.split()))
    pattern = pattern.replace(r"\.\.\.", ".*?").replace(r"\#", _FIGURE)
    found = list(re.finditer(pattern, prose, re.DOTALL))
    assert len(found) == 1, f"{len(found)} times in README: {sentence!r}"
    return found[0]


def unaccounted(prose: str, sentences: Iterable[Sentence], other: Iterable[str]) -> list[str]:
    """Return the numbers of a text that stand in no ``#`` of a sentence, with what is around.

    Code, links and captions of pictures are no prose.
    """
    masked = _NO_PROSE.sub(lambda match: "x" * len(match[0]), prose)
    spans = [find(text, prose).span() for text in other]
    for sentence in sentences:
        match = sentence.find(prose)
        spans += [match.span(i + 1) for i in range(len(match.groups()))]
    return [
        prose[max(number.start() - 40, 0) : number.end() + 40]
        for number in _NUMBER.finditer(masked)
        if not any(begin <= number.start() and number.end() <= end for begin, end in spans)
    ]
