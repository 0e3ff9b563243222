"""Tables of the ``pixel`` view: coordinates on the 210 x 160 screen and when each object is on it.

A game is one file, named by its key, with the tuple ``OBJECTS``. Every label was verified on the
real emulator: its byte was changed and the object seen to move or, where the game recomputes the
byte at once, the object was found by its other coordinate or its colour. ``python -m pretrain
upkeep labels check`` repeats that. What did not pass is left out, and so are coordinates that never
change (the x of Pong's paddles) and bytes that are not coordinates (Video Pinball's flippers).

Coordinates are of an object's left or top edge, may reach beyond the playfield while the object is
clipped at its border, and are exact on an emulator frame; on the maximum of two frames an edge can
be one pixel off.

Most bytes are those of AtariARI, MIT License, Copyright (c) 2019 Ankesh Anand; the full notice is
in ``tables_scn.py``.
"""
