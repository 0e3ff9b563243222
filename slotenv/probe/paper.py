"""The paper's numbers, to stand beside one's own.

Source: Slot Contrastive Networks, https://arxiv.org/abs/2007.09294, tables 1 to 3. The
``notebook`` columns are a second set of runs, in the notebook of the authors' repository
(https://github.com/eracah/slot-contrastive-networks). All are under the ``scn`` label view.
"""

from slotenv.labels import find_game

PAPER_METHODS = ("random", "scn", "cswm", "supervised", "notebook_scn", "notebook_stdim")
"""What the paper and its notebook have numbers of, in the order of their columns."""

# Slot accuracy: random CNN, SCN, C-SWM, supervised (table 3); then the notebook's SCN and ST-DIM.
_TABLE_3: dict[str, tuple[float, float, float, float, float | None, float | None]] = {
    "asteroids": (0.14, 0.11, 0.11, 0.39, 0.06, 0.14),
    "berzerk": (0.30, 0.35, 0.38, 0.66, 0.42, 0.42),
    "bowling": (0.39, 0.83, 0.96, 1.00, 0.86, 0.98),
    "boxing": (0.71, 0.68, 0.35, 1.00, 0.81, 0.94),
    "breakout": (0.21, 0.55, 0.70, 0.75, 0.47, 0.57),
    "demonattack": (0.10, 0.22, 0.14, 0.72, 0.22, 0.18),
    "freeway": (0.58, 0.83, 0.84, 0.98, 0.90, 0.82),
    "frostbite": (0.71, 0.48, 0.69, 0.94, 0.78, 0.78),
    "montezumarevenge": (0.70, 0.79, 0.92, 0.99, 0.85, 0.86),
    "mspacman": (0.13, 0.11, -0.04, 0.82, 0.07, 0.23),
    "pitfall": (0.50, 0.27, 0.30, 0.83, 0.34, 0.50),
    "pong": (0.47, 0.73, 0.82, 0.93, 0.78, 0.83),
    "privateeye": (0.74, 0.57, 0.39, 0.99, 0.58, 0.81),
    "riverraid": (0.11, 0.38, 0.59, 0.94, 0.35, 0.64),
    "seaquest": (0.36, 0.39, 0.54, 0.83, 0.49, 0.48),
    "spaceinvaders": (0.41, 0.42, 0.21, 0.92, 0.51, None),
    "tennis": (0.43, 0.50, 0.66, 0.90, 0.52, 0.73),
    "venture": (0.12, 0.12, 0.27, 0.50, 0.18, 0.28),
    "videopinball": (0.48, 0.45, 0.01, 0.99, 0.39, None),
    "yarsrevenge": (0.17, 0.11, 0.11, 0.81, 0.14, 0.44),
    "overall": (0.39, 0.45, 0.45, 0.84, 0.49, 0.59),
}

PAPER_ACCURACY: dict[str, dict[str, float | None]] = {
    game: dict(zip(PAPER_METHODS, row, strict=True)) for game, row in _TABLE_3.items()
}
"""Slot accuracy by game, and ``"overall"``, by method. None: not given. The notebook's overall
numbers are the means of its rows (18 for ST-DIM)."""

PAPER_DISENTANGLEMENT: dict[str, dict[str, float]] = {
    "random": {"modularity": 0.003, "compactness": 0.007},
    "scn": {"modularity": 0.004, "compactness": 0.014},
    "cswm": {"modularity": 0.041, "compactness": 0.304},
    "supervised": {"modularity": 0.198, "compactness": 0.266},
}
"""Table 1, means over the 20 games."""

PAPER_ABLATION: dict[str, dict[str, float]] = {
    "scn": {"accuracy": 0.45, "modularity": 0.0045, "compactness": 0.0137},
    "scn_loss1_only": {"accuracy": 0.40, "modularity": 0.0041, "compactness": 0.0170},
}
"""Table 2: with and without the diversity loss, means over the 20 games."""


def paper_row(game: str) -> dict[str, float | None]:
    """Return the paper's slot accuracy in a game by each of :data:`PAPER_METHODS`.

    None stands where the source has no number.

    Args:
        game: A key, an Atari id in any form, or ``"overall"``.

    Raises:
        ValueError: If the paper did not use the game.

    Example:
        >>> paper_row("ALE/Pong-v5")["scn"]
        0.73
    """
    return dict(PAPER_ACCURACY[find_game(game, PAPER_ACCURACY, what="numbers of the paper")])
