"""Charts as PNG files.

Figures are made without pyplot, so that nothing global is touched or left behind.
"""

from __future__ import annotations

import io
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 130


def new_figure(
    width: float, height: float, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Return an empty figure; sizes in inches."""
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def png(figure: Figure, *, tight: bool = False) -> bytes:
    """Return the figure as a PNG file, cut to what is drawn if ``tight``."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight" if tight else None)
    return buffer.getvalue()


def tidy(axis: Axes, grid: Literal["x", "y", "both"] = "both") -> None:
    """Leave the lower and left border and a pale grid behind what is drawn."""
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(alpha=0.25, axis=grid)
    axis.set_axisbelow(True)
