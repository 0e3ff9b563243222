"""Figures in the README's sentences, against the rows that they are of."""

import re
from pathlib import Path
from statistics import fmean

from pretrain.bench.results.rows import read_rows

ROOT = Path(__file__).parents[1]


def test_compactness_is_that_of_the_rows() -> None:
    text = " ".join((ROOT / "README.md").read_text().split())
    (said,) = re.findall(
        r"compactness is (\.\d+) in Pong, (\.\d+) in Boxing, (\.\d+) in PrivateEye; "
        r"true coordinates have (\.\d+)",
        text,
    )
    values: dict[tuple[str, str], list[float]] = {}
    for row in read_rows([ROOT / "examples/results/bench/rows.jsonl"]):
        if row["view"] == "scn" and not row["snapshot"] and row["compactness"] is not None:
            values.setdefault((row["method"], row["game"]), []).append(row["compactness"])
    expected = [fmean(values["objects", game]) for game in ("pong", "boxing", "privateeye")]
    expected.append(fmean(fmean(v) for (method, _), v in values.items() if method == "coordinates"))
    assert list(said) == [f"{value:.2f}".removeprefix("0") for value in expected]
