"""What the plots show, read from the figures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure

from pretrain.bench.results import plots
from pretrain.bench.results.aggregate import Scores
from pretrain.bench.results.rows import Row


def test_methods_that_lack_games_are_pale_and_last(
    row: Callable[..., Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(plots, "png", figures.append)
    rows = [row("random", "pong", 0.4), row("random", "boxing", 0.2), row("scn", "pong", 0.6)]
    rows += [row("supervised", "pong", 0.9), row("supervised", "boxing", 0.7)]
    scores = Scores(rows, "scn", "accuracy")
    plots.overall(scores, scores, "here")
    axis = figures[0].axes[0]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == ["Random-CNN", "Supervised", "SCN (1 game)"]
    circles = [line for line in axis.lines if line.get_marker() == "o"]
    assert [np.asarray(line.get_xdata())[0] for line in circles] == pytest.approx([0.3, 0.8, 0.6])
    assert [line.get_alpha() for line in circles] == [1.0, 1.0, plots._PALE]
    assert "mean of 2 games" in axis.get_xlabel()
    # The paper's, each over its line's games: (0.47 + 0.71) / 2, (0.93 + 1.00) / 2, 0.73.
    papers = [line for line in axis.lines if line.get_linewidth() == 2]
    assert [np.asarray(line.get_xdata())[0] for line in papers] == pytest.approx(
        [0.59, 0.965, 0.73]
    )
