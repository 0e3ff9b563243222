"""Corrected labels: coordinates on the 210 x 160 screen and when each object is on it.

A game is one file of ``slotenv/labels/pixel/`` and one line here. Every label of the view was
found on the screen of the real emulator, by changing its byte and seeing the object move or, where
the game recomputes the byte at once, by the object's other coordinate or its colour; ``python -m
pretrain labels check`` repeats that. Rows of status ``unverified`` did not pass and are left out of
the view. Coordinates are of an object's left or top edge, may reach beyond the playfield while the
object is clipped at its border, and are exact on an emulator frame; on the maximum of two frames an
edge can be one pixel off.

Not listed: coordinates that never change (the x of Pong's paddles), and bytes that are no
coordinate (Video Pinball's flippers, the rope of Pitfall!).

The bytes are those of AtariARI, MIT License, Copyright (c) 2019 Ankesh Anand (the full notice is
in ``tables_scn.py``), but for those that the evidence calls another's.
"""

from __future__ import annotations

from slotenv.labels.base import Label
from slotenv.labels.pixel import (
    asteroids,
    berzerk,
    bowling,
    boxing,
    breakout,
    demonattack,
    freeway,
    frostbite,
    montezumarevenge,
    mspacman,
    pitfall,
    pong,
    privateeye,
    riverraid,
    seaquest,
    spaceinvaders,
    tennis,
    venture,
    videopinball,
    yarsrevenge,
)

PIXEL_LABELS: dict[str, tuple[Label, ...]] = {
    "asteroids": asteroids.LABELS,
    "berzerk": berzerk.LABELS,
    "bowling": bowling.LABELS,
    "boxing": boxing.LABELS,
    "breakout": breakout.LABELS,
    "demonattack": demonattack.LABELS,
    "freeway": freeway.LABELS,
    "frostbite": frostbite.LABELS,
    "montezumarevenge": montezumarevenge.LABELS,
    "mspacman": mspacman.LABELS,
    "pitfall": pitfall.LABELS,
    "pong": pong.LABELS,
    "privateeye": privateeye.LABELS,
    "riverraid": riverraid.LABELS,
    "seaquest": seaquest.LABELS,
    "spaceinvaders": spaceinvaders.LABELS,
    "tennis": tennis.LABELS,
    "venture": venture.LABELS,
    "videopinball": videopinball.LABELS,
    "yarsrevenge": yarsrevenge.LABELS,
}
