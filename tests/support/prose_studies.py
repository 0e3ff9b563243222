"""Sentences of docs/results.md on studies beside the benchmark, and their figures from rows."""

import prose_rows as rows
from prose_check import Sentence
from prose_words import agents, dec, found, minutes, named, standing_out, sweep, whole, word

from pretrain.drawing.estimate import show
from pretrain.report.tables import PAPER_UPDATES
from slotenv.probe import PAPER_ACCURACY, PAPER_DISENTANGLEMENT


def lost_with_old_probe(method: str, *games: str) -> float:
    """Return the most that is lost on a player's frames with the probe of random play."""
    return max(player - old for _, player, old in (rows.played(method, g) for g in games))


def lost_with_own_probe(*methods: str) -> float:
    """Return the most that is lost on a player's frames, of all games that have a player."""
    played = (rows.played(m, g) for m in methods for g in ("boxing", "breakout", "freeway", "pong"))
    return max(random - player for random, player, _ in played)


STUDIES = (
    Sentence(
        "read # of the screen coordinates (ridge, mean of # games) in frames that are the maximum "
        "of two emulator frames, # in single ones, which `gym.make` gives; with hidden objects "
        "held # and #:",
        lambda: [
            *dec(rows.mean_read("pooled", hold=False)),
            *whole(len(rows.read_ridge("pooled", hold=False))),
            *dec(rows.mean_read("single", hold=False)),
            *dec(rows.mean_read("pooled", hold=True), rows.mean_read("single", hold=True)),
        ],
    ),
    Sentence(
        "Held, SpaceInvaders loses #, whose",
        lambda: dec(rows.single_loses("spaceinvaders", hold=True)),
    ),
    Sentence("and Frostbite #, where", lambda: dec(rows.single_loses("frostbite", hold=True))),
    Sentence(
        "of `gym.make`, # frames in each of # games whose boxes",
        lambda: whole(rows.found("slots")[0]["frames"], len(rows.found("slots"))),
    ),
    Sentence("| slots | **#** | # | # |", lambda: found("slots", "f1", "precision", "recall")),
    Sentence(
        "followed by a tracker | # | # | # |",
        lambda: found("difference", "f1", "precision", "recall"),
    ),
    Sentence("| every object at its mean box | # | | |", lambda: found("mean", "f1")),
    Sentence(
        "there, # are the second on an object and # lie on nothing that OCAtari knows",
        lambda: found("slots", "doubles", "on_nothing"),
    ),
    Sentence(
        "scripted players of # games, with",
        lambda: whole(len({row["game"] for row in rows.read("bench/players.jsonl")})),
    ),
    Sentence(
        "With their own probe slots lose at most # (in Breakout; held, #).",
        lambda: dec(lost_with_own_probe("objects"), lost_with_own_probe("objects_held")),
    ),
    Sentence(
        "held, they lose # in Freeway and at most # in the others; not held, # in Breakout and # "
        "in Freeway.",
        lambda: dec(
            lost_with_old_probe("objects_held", "freeway"),
            lost_with_old_probe("objects_held", "boxing", "breakout", "pong"),
            lost_with_old_probe("objects", "breakout"),
            lost_with_old_probe("objects", "freeway"),
        ),
    ),
    Sentence(
        "SCN's read # in Pong, # in Boxing, # in Breakout and # in Freeway.",
        lambda: dec(*(rows.played("scn", g)[2] for g in ("pong", "boxing", "breakout", "freeway"))),
    ),
    Sentence("slots of Pong, # seeds on slots and # on the rest, each", agents),
    Sentence(
        "A line is the mean of the last # games of learning, a dot the finished agent over # games",
        lambda: whole(
            max(r["games"] for r in rows.read("learning_curves.jsonl")), rows.agents()[0]["games"]
        ),
    ),
    Sentence(
        "one wins every game # to # after # minutes, pretraining counted; the other is held up by "
        "endless rallies and ends at +#.",
        lambda: [
            *whole(rows.agents("slots")[0]["return"], 21 - rows.agents("slots")[0]["return"]),
            minutes("slots", 0),
            *whole(rows.agents("slots")[1]["return"]),
        ],
    ),
    Sentence(
        "# of # games keep their accuracy; # loses #, where",
        lambda: [
            *whole(sum(loss < 0.005 for loss in rows.grey_losses().values())),
            *whole(len(rows.grey_losses())),
            named(game for game, loss in rows.grey_losses().items() if loss >= 0.005),
            *dec(max(rows.grey_losses().values())),
        ],
    ),
    Sentence(
        "objects read # of LunarLander, better than pixels (#), and # of Acrobot, where pixels "
        "read #:",
        lambda: dec(
            rows.outside("LunarLander-v3", "objects"),
            rows.outside("LunarLander-v3", "pixels 21 x 16"),
            rows.outside("Acrobot-v1", "objects"),
            rows.outside("Acrobot-v1", "pixels 21 x 16"),
        ),
    ),
    Sentence(
        "single pixels, reads # and # there.",
        lambda: dec(*(rows.outside(e, "object mixture") for e in ("LunarLander-v3", "Acrobot-v1"))),
    ),
    Sentence(
        "takes the mixture apart on # games' validation frames.",
        lambda: [word(len({row["game"] for row in rows.read("variants.jsonl")}))],
    ),
    Sentence(
        "the place that is inferred in each frame (#), a second look around (#), putting doubles "
        "back (#), counting objects cut by the edge as present (#), several usual colours at a "
        "place (#).",
        lambda: dec(
            *map(rows.variant_loss, ("at_home", "one_look", "no_parting", "enough", "one_usual"))
        ),
    ),
)

_METRICS = ("accuracy", "modularity", "compactness")


def _line(method: str, digits: tuple[int, int, int] = (3, 4, 4)) -> list[str]:
    """Return the cells of a method in the table on Pong, each mean and error a figure."""
    shown = zip(_METRICS, digits, strict=True)
    return [
        figure
        for metric, count in shown
        for figure in show(rows.pong_scn(method, metric), count).split(" ± ")
    ]


def _paper_line(method: str) -> list[str]:
    """Return the paper's cells."""
    games = str(len(PAPER_ACCURACY.keys() - {"overall"}))
    modularity, compactness = map(str, PAPER_DISENTANGLEMENT[method].values())
    return [str(PAPER_ACCURACY["pong"][method]), modularity, games, compactness, games]


LONG_TRAINING = (
    Sentence(
        "the paper's frames, # slots, one training on 2 CPU cores without a GPU; mean and standard "
        "error over # probe data sets of # frames each,",
        lambda: [
            *whole(rows.read("pong_scn.jsonl")[0]["num_slots"]),
            word(len({row["probe_seed"] for row in rows.read("pong_scn.jsonl")})),
            *whole(rows.probe_frames(rows.read("pong_scn.jsonl")[0])),
        ],
    ),
    Sentence(
        "| SCN | # | # ± # | # ± # | # ± # |",
        lambda: [*whole(max(rows.pong_curve())), *_line("SCN")],
    ),
    Sentence(
        "| untrained | # | # ± # | # ± # | # ± # |",
        lambda: [*whole(min(rows.pong_curve())), *_line("untrained")],
    ),
    Sentence(
        "| SCN, shuffled labels | # | # | # | # |",
        lambda: [*whole(max(rows.pong_curve())), *_line("SCN, shuffled labels")],
    ),
    Sentence(
        "| paper: SCN | # | # | # (# games) | # (# games) |",
        lambda: [*whole(PAPER_UPDATES), *_paper_line("scn")],
    ),
    Sentence(
        "| paper: random CNN | | # | # (# games) | # (# games) |",
        lambda: _paper_line("random"),
    ),
    Sentence(
        "| paper: supervised | | # | # (# games) | # (# games) |",
        lambda: _paper_line("supervised"),
    ),
    Sentence(
        "(first probe seed): #: #, #: #, #: #, #: #, #: #, #: #, #: #.",
        lambda: [
            figure
            for updates in (250, 1_000, 2_000, 4_000, 8_000, 12_000, 16_000)
            for figure in (*whole(updates), *dec(rows.pong_curve()[updates]))
        ],
    ),
    Sentence(
        "our untrained encoder scores # where the paper has #.",
        lambda: dec(rows.pong_scn("untrained").mean, PAPER_ACCURACY["pong"]["random"]),
    ),
    Sentence(
        "Over the # games the diversity loss adds # to accuracy (95 % interval # to #) and",
        lambda: [*whole(len(rows.games("loss1only"))), *dec(*rows.diversity_adds(), digits=3)],
    ),
    Sentence(
        "over weights from # to #, with and without, modularity is # to # and compactness # to # "
        "(# with weight #, where accuracy falls to #), after # updates",
        lambda: [
            *whole(min(rows.sweep("accuracy"))[0], max(rows.sweep("accuracy"))[0]),
            *sweep("modularity"),
            *sweep("compactness"),
            *standing_out(),
            *whole(rows.UPDATES),
        ],
    ),
    Sentence(
        "Seeds #, # and # differ more than that: SCN ends at #, # and #.",
        lambda: [*whole(0, 1, 2), *dec(*(rows.of_seed("scn", seed) for seed in (0, 1, 2)))],
    ),
    Sentence(
        "they end at #, # and #.",
        lambda: dec(*(rows.of_seed("scn", seed, standardise=True) for seed in (0, 1, 2))),
    ),
)
