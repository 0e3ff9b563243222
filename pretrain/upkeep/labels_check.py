"""Pixel labels on the real emulator: change a byte and see its object move, or find it by colour.

A label whose byte the game recomputes before it draws is checked against the object as its other
coordinate's byte locates it, or as its colour does.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from pretrain.upkeep.poke import (
    MIN_CHECKED,
    SHIFT,
    Box,
    Look,
    Verdict,
    box_of,
    judge,
    poke,
    read_label,
    read_ram,
)
from slotenv.environments import atari_game
from slotenv.labels import Label, labelled_games, labels_for


class Patch(NamedTuple):
    """Rows and columns in which a colour, 0xRRGGBB, is an object.

    ``size`` is (height, width) of the object unclipped, uncovered and unstretched; None: any.
    """

    colour: int
    rows: slice
    size: tuple[int, int] | None = None
    columns: slice = slice(None)


COLOURS: dict[str, dict[str, Patch]] = {
    "pong": {
        "player": Patch(0x5CBA5C, slice(34, 194), (16, 4)),
        "enemy": Patch(0xD5824A, slice(34, 194), (16, 4)),
        "ball": Patch(0xECECEC, slice(34, 194), (4, 2)),
    },
    "spaceinvaders": {
        "player": Patch(0x328432, slice(180, 195), (10, 7)),
        "enemies": Patch(0x86861D, slice(25, 180)),
    },
    "tennis": {"ball": Patch(0xECECEC, slice(None), (2, 2))},
    "breakout": {
        "player": Patch(0xC84848, slice(189, 193), (4, 16), slice(8, 152)),
        "ball": Patch(0xC84848, slice(93, 189), (4, 2), slice(8, 152)),
    },
}
"""Objects whose bytes the game recomputes before they are drawn."""
_HEADER = (
    f"{'game':<17} {'label':<28} {'method':<22} {'':<5}{'85 %':>8} {'offset':>6} "
    f"{'within':>14}{'seen':>7} {'ghost':>6}"
)
_SKIPPED, _APART = 200, 53  # emulator frames: before the first moment, between two


def check_games(games: Sequence[str], *, moments: int, seed: int) -> None:
    """Check the pixel labels of games, or of all that have them, and print the table.

    Raises:
        ValueError: If a game has no pixel labels; nothing is checked then.
        RuntimeError: If labels fail, or too little was seen of them to decide.
    """
    keys = [labels_for(game, "pixel").game for game in games or labelled_games("pixel")]
    names: dict[str, list[str]] = {"ok": [], "FAIL": [], "few": []}
    print(_HEADER)
    for game in keys:
        verdicts = check_labels(game, moments=moments, seed=seed)
        print(to_table(game, verdicts), flush=True)
        for verdict in verdicts:
            names[verdict.outcome].append(f"{game} {verdict.label.name}")
    said = {"FAIL": "fail", "few": "were seen too little to decide (give more --moments)"}
    errors = [
        f"{len(names[outcome])} labels {what}: {', '.join(names[outcome])}"
        for outcome, what in said.items()
        if names[outcome]
    ]
    if errors:
        raise RuntimeError("; ".join(errors))


def check_labels(
    game: str,
    labels: Sequence[Label] | None = None,
    *,
    moments: int = 60,
    seed: int = 1,
    patience: int = 4,
) -> list[Verdict]:
    """Verify labels, by default a game's pixel view, at moments about a second of play apart.

    Play is random, and goes on for up to ``patience`` times as many moments while an object was
    hardly seen. Returned is for each label the verdict of the first method that it passes, else of
    the best one.
    """
    table = labels_for(game, "pixel")
    labels = table.labels if labels is None else labels
    looks: dict[str, list[Look]] = {label.name: [] for label in labels}
    coloured: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]] = []
    ranges = _ranges(table.game, labels, moments, seed)
    ale = make_emulator(table.game)
    rng = np.random.default_rng(seed)
    for frame in play(ale, _SKIPPED + _APART * patience * moments, rng):
        if frame <= _SKIPPED or frame % _APART:
            continue
        state = ale.cloneState()
        for label in labels:
            looks[label.name].append(poke(ale, state, label, *ranges[label.name]))
        ale.restoreState(state)
        ale.act(0)
        coloured.append((read_ram(ale), np.array(ale.getScreenRGB())))
        ale.restoreState(state)
        if len(coloured) >= moments and all(
            sum(read_label(label, look.ram)[1] for look in looks[label.name]) >= 2 * MIN_CHECKED
            for label in labels
        ):
            break
    colours = COLOURS.get(table.game, {})
    return [_best(label, labels, looks, coloured, colours.get(label.object)) for label in labels]


def to_table(game: str, verdicts: Sequence[Verdict]) -> str:
    """Return one line a label, with what it says and whether it passed."""
    return "\n".join(
        f"{game:<17} {v.label.name:<28} {v.method:<22} {v.outcome:<5}"
        f"{v.worst:>5.0f} px {v.offset:>+6.1f} {v.within:>6.0%} of {v.checked:<4}"
        f"{v.seen:>6.0%} {v.unannounced:>6.0%}"
        for v in verdicts
    )


def make_emulator(game: str) -> Any:
    """Return an Arcade Learning Environment that plays single frames of a game, reset to seed 0."""
    env = gym.make(f"ALE/{atari_game(game)}-v5", frameskip=1, repeat_action_probability=0.0)
    env.reset(seed=0)
    ale: Any = env.unwrapped.ale  # type: ignore[attr-defined]
    return ale


def play(ale: Any, frames: int, rng: np.random.Generator) -> Iterator[int]:
    """Act at random, each action held for 4 to 12 frames, FIRE now and then; draws nothing."""
    codes = ale.getMinimalActionSet()
    hold, action = 0, codes[0]
    for frame in range(frames):
        if hold == 0:
            action = codes[1 if rng.random() < 0.1 else rng.integers(len(codes))]
            hold = int(rng.integers(4, 13))
        hold -= 1
        ale.act(action)
        if ale.game_over():
            ale.reset_game()
        yield frame


def find_colour(patch: Patch, frame: NDArray[np.uint8]) -> Box | None:
    """Return where an object is by its colour, or None if it cannot be seen."""
    codes = frame @ np.array([1 << 16, 1 << 8, 1])  # 0xRRGGBB of each pixel
    mask = np.zeros(codes.shape, np.bool_)
    window = patch.rows, patch.columns
    mask[window] = codes[window] == patch.colour
    return box_of(mask)


def _ranges(
    game: str, labels: Sequence[Label], moments: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Return between which coordinates each object can be moved: where it goes in play."""
    ale = make_emulator(game)
    frames = play(ale, _SKIPPED + _APART * moments, np.random.default_rng(seed))
    rams = np.stack([read_ram(ale) for frame in frames if frame > _SKIPPED]).astype(np.int16)
    ranges = {}
    for label in labels:
        values = label.decode(rams, label.byte)[label.presence(rams)]
        low, high = (float(values.min()), float(values.max())) if len(values) else (40.0, 100.0)
        wider = max(0.0, (3 * SHIFT - (high - low)) / 2)
        border = 152.0 if label.axis == "x" else 200.0
        ranges[label.name] = (max(low - wider, 0.0), min(high + wider, border))
    return ranges


def _best(
    label: Label,
    labels: Sequence[Label],
    looks: dict[str, list[Look]],
    coloured: list[tuple[NDArray[np.uint8], NDArray[np.uint8]]],
    patch: Patch | None,
) -> Verdict:
    verdicts = [judge(label, "poke", looks[label.name])]
    for other in labels:
        if other.object == label.object and other.name != label.name:
            found = [look._replace(moved=None) for look in looks[other.name]]
            verdicts.append(judge(label, f"poke {other.name}", found))
    if patch is not None:
        seen = [Look(ram, find_colour(patch, frame)) for ram, frame in coloured]
        verdicts.append(judge(label, "colour", seen, patch.size))
    # Whether the object is there does not depend on the method: some see it where others cannot.
    share = max(verdict.seen for verdict in verdicts)
    verdicts = [verdict._replace(seen=share) for verdict in verdicts]
    return max(verdicts, key=lambda v: (v.outcome == "ok", v.within))
