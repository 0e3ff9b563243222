"""Sentences of docs/results.md on games and methods, and how their figures follow from rows."""

from statistics import fmean

import prose_rows as rows
from prose_check import Sentence
from prose_words import (
    CLEARLY,
    OURS,
    attention,
    beside_the_mixture,
    dec,
    named,
    ours,
    seeds,
    whole,
    worse_than_the_mixture,
)

from pretrain.report.tables import PAPER_UPDATES
from slotenv.probe import PAPER_ACCURACY, PAPER_DISENTANGLEMENT

PAPER = PAPER_ACCURACY["overall"]

BENCHMARK = (
    Sentence(
        "# updates of # pairs where the paper has # (`objects` takes none), # frames a game, "
        "probes of #.",
        lambda: whole(
            *(rows.budget().updates, rows.budget().batch_size, PAPER_UPDATES),
            *(rows.budget().frames, rows.budget().probe_frames),
        ),
    ),
    Sentence("Pairs are drawn in runs of #, which", lambda: whole(rows.budget().run_length)),
    Sentence(
        "with one seed, SCN ends in Pong at #, with pairs drawn at random, as in the paper, at #;",
        lambda: dec(rows.of_seed("scn", 0), rows.of_seed("scn", 0, run_length=1)),
    ),
    Sentence(
        "# seeds of SCN, Random-CNN and the mixture in # of # games, # of everything else.", seeds
    ),
    Sentence(
        "Objects over the paper's # games",
        lambda: whole(len(rows.games())),
    ),
    Sentence(
        "| slot accuracy, the paper's labels (R2) | **#** | **#** | # | # | # |",
        lambda: [*ours("accuracy"), *dec(PAPER["scn"], PAPER["supervised"])],
    ),
    Sentence(
        "| slot accuracy, screen coordinates (ridge; least squares) | **#** (#) | **#** (#) "
        "| # (#) | | |",
        lambda: [
            figure
            for method in OURS
            for metric in ("ridge_accuracy", "accuracy")
            for figure in dec(rows.overall(method, metric, "pixel"))
        ],
    ),
    Sentence(
        "| presence (balanced accuracy) | **#** | # | # |",
        lambda: ours("presence_accuracy", "pixel"),
    ),
    Sentence(
        "| modularity | **#** | # | # | # | # |",
        lambda: [
            *ours("modularity"),
            *dec(PAPER_DISENTANGLEMENT["scn"]["modularity"], digits=3),
            *dec(PAPER_DISENTANGLEMENT["supervised"]["modularity"]),
        ],
    ),
    Sentence(
        "| compactness | **#** | # | # | # | # |",
        lambda: [
            *ours("compactness"),
            *dec(PAPER_DISENTANGLEMENT["scn"]["compactness"], digits=3),
            *dec(PAPER_DISENTANGLEMENT["supervised"]["compactness"]),
        ],
    ),
    Sentence(
        "| games ahead of the paper's SCN and C-SWM, counted in table 3 | **#** of # | # | # | | |",
        lambda: [
            *rows.ahead_of_paper("objects"),
            *(rows.ahead_of_paper(method)[0] for method in OURS[1:]),
        ],
    ),
    Sentence(
        "At this budget SCN has # (paper: #) and Supervised # (#), which",
        lambda: dec(
            *(rows.overall("scn"), PAPER["scn"]),
            *(rows.overall("supervised"), PAPER["supervised"]),
        ),
    ),
    Sentence(
        "behind the paper's by more than .02 in # games; the paper trains # times as long.",
        lambda: whole(
            len(rows.behind_paper("supervised", 0.02)), PAPER_UPDATES / rows.budget().updates
        ),
    ),
    Sentence(
        "With # updates, so far in # of these games, it has # where it had # ([tables]",
        lambda: [*whole(*rows.longer_in()), *dec(*rows.longer_and_shorter())],
    ),
    Sentence(
        "C-SWM has # (paper: #), below 0 in #; compactness is # and modularity #, where the paper "
        "has # and #.",
        lambda: [
            *dec(rows.overall("cswm"), PAPER["cswm"]),
            named(game for game in rows.games() if rows.in_game("cswm", game) < 0),
            *dec(rows.overall("cswm", "compactness")),
            *dec(rows.overall("cswm", "modularity"), digits=3),
            *dec(PAPER_DISENTANGLEMENT["cswm"]["compactness"]),
            *dec(PAPER_DISENTANGLEMENT["cswm"]["modularity"], digits=3),
        ],
    ),
    Sentence(
        "ST-DIM has # over its # games, where SCN has # and objects # (held #).",
        lambda: [
            *dec(rows.overall("stdim")),
            *whole(len(rows.games("stdim"))),
            *dec(*(rows.overall(m, of="stdim") for m in ("scn", "objects", "objects_held"))),
        ],
    ),
    Sentence(
        "Over #, Slot Attention has # with SCN's loss, as much as objects (#, held #), and # by "
        "painting frames, no more than untrained (#): in Pong painting makes it worse after # "
        "updates.",
        lambda: [
            named(rows.games("slot_attention")),
            *attention("accuracy", "slot_attention_contrast", "objects", "objects_held"),
            *attention("accuracy", "slot_attention", "slot_attention_random"),
            *whole(max((accuracy, n) for n, accuracy in rows.curve("slot_attention").items())[1]),
        ],
    ),
    Sentence(
        "with SCN's loss, modularity is # and compactness #.",
        lambda: [
            figure
            for metric in ("modularity", "compactness")
            for figure in attention(metric, "slot_attention_contrast")
        ],
    ),
    Sentence(
        "without, the same training ended at # in Breakout, below the untrained network's #, with "
        "it at #.",
        lambda: dec(
            rows.of_seed("slot_attention_contrast", 0, "breakout", standardise=False),
            rows.in_game("slot_attention_random", "breakout"),
            rows.in_game("slot_attention_contrast", "breakout"),
        ),
    ),
    Sentence(
        "screen coordinates better (more than #) in #: what hides, or",
        lambda: [*dec(CLEARLY), worse_than_the_mixture()],
    ),
    Sentence(
        "most in Asteroids (#, mixture #) and Berzerk (#, #).",
        lambda: beside_the_mixture("asteroids", "berzerk"),
    ),
    Sentence(
        "than ridge: most in #, whose floes come in rows (# and # of its screen coordinates).",
        lambda: [
            named([max(lost := rows.least_squares_losses(), key=lambda game: lost[game])]),
            *dec(
                rows.in_game("objects", "frostbite", "accuracy", "pixel"),
                rows.in_game("objects", "frostbite", "ridge_accuracy", "pixel"),
            ),
        ],
    ),
    Sentence(
        "and there Frostbite has # where the mixture has #.",
        lambda: dec(
            rows.in_game("objects", "frostbite"), rows.in_game("object_mixture", "frostbite")
        ),
    ),
    Sentence(
        "By ridge, objects read # of the paper's labels and the mixture #.",
        lambda: dec(*(rows.overall(m, "ridge_accuracy") for m in ("objects", "object_mixture"))),
    ),
    Sentence(
        "The slot that holds an object changes in # of 1,000 frames on average, in # if changes "
        "between two slots on one object are left out. Where things that are alike are followed, "
        "it changes in #; in Venture in # instead of # (",
        lambda: [
            *whole(*(fmean(rows.identity(doubles=one).values()) for one in (True, False))),
            *whole(fmean(rows.identity(followed=True).values())),
            *whole(*(rows.identity(followed=one)["venture"] for one in (True, False))),
        ],
    ),
    Sentence(
        "(DemonAttack: # in bytes, # in pixels), small things of their owner's colour "
        "(YarsRevenge's missile: presence #).",
        lambda: dec(
            rows.in_game("objects", "demonattack"),
            rows.in_game("objects", "demonattack", "accuracy", "pixel"),
            rows.in_game("objects", "yarsrevenge", "presence_accuracy", "pixel"),
        ),
    ),
    Sentence(
        "compactness is # in Pong, # in Boxing, # in PrivateEye; true coordinates have #.",
        lambda: dec(
            *(rows.in_game("objects", g, "compactness") for g in ("pong", "boxing", "privateeye")),
            rows.overall("coordinates", "compactness"),
        ),
    ),
)
