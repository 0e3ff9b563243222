"""Sentences of README, and how their figures follow from rows."""

import prose_rows as rows
from prose_check import Sentence
from prose_words import dec, found, minutes, ours, whole

from slotenv.environments import atari_games
from slotenv.probe import PAPER_ACCURACY

FRONT = (
    Sentence("an encoder for each of ALE's # games", lambda: whole(len(atari_games()))),
    Sentence("plays # frames at random", lambda: whole(rows.budget().frames)),
    Sentence(
        "read linearly from slots: R2, # games | **#** | **#** | # | # |",
        lambda: [
            *whole(len(rows.games())),
            *ours("accuracy")[:2],
            *dec(PAPER_ACCURACY["overall"]["scn"], PAPER_ACCURACY["overall"]["supervised"]),
        ],
    ),
    Sentence(
        "| games ahead of that paper's SCN and C-SWM | **#** of # | # | | |",
        lambda: [*rows.ahead_of_paper("objects"), rows.ahead_of_paper("objects_held")[0]],
    ),
    Sentence(
        "| objects found: F1, # games (regions that differ from the background: #) | **#** |",
        lambda: [
            *whole(len(rows.found("slots"))),
            *found("difference", "f1"),
            *found("slots", "f1"),
        ],
    ),
    Sentence(
        "to slots of Pong, one core | # | # |",
        lambda: whole(*2 * [rows.agents("slots")[0]["pretraining_seconds"]]),
    ),
    Sentence(
        "one wins every game # to # after # minutes, the making of slots counted; the other ends "
        "at +#. Pixels have learned nothing after # minutes.",
        lambda: [
            *whole(rows.agents("slots")[0]["return"], 21 - rows.agents("slots")[0]["return"]),
            minutes("slots", 0),
            *whole(rows.agents("slots")[1]["return"]),
            minutes("pixels", 0),
        ],
    ),
    Sentence(
        "precision is # in # games, recall #.",
        lambda: [
            *found("slots", "precision"),
            *whole(len(rows.found("slots"))),
            *found("slots", "recall"),
        ],
    ),
)
