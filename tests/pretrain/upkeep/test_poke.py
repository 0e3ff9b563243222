"""Pixel labels on the real emulator, as ``pretrain upkeep labels check`` checks them all."""

import ale_py
import numpy as np
import pytest

from pretrain.cli import main
from pretrain.upkeep.labels_check import check_labels, make_emulator, play
from pretrain.upkeep.poke import MIN_CHECKED, Box, Look, judge
from slotenv.labels import Affine, ByteWithin, Label, Modular, labelled_games, labels_for

pytestmark = pytest.mark.ale

ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)

MOMENTS = 18


@pytest.mark.parametrize("game", labelled_games("pixel"))
def test_labels_are_where_their_objects_are(game):
    verdicts = check_labels(game, moments=MOMENTS, patience=1)
    assert [v.label.name for v in verdicts] == list(labels_for(game, "pixel").names)
    # The rest are too rare for so few moments; the full check goes on until it has seen them.
    checked = [v for v in verdicts if v.checked >= MIN_CHECKED]
    assert len(checked) >= 0.4 * len(verdicts)
    assert [v for v in checked if v.outcome != "ok"] == []


WRONG = {
    "another offset": ("pong", Label(name="ball_x", object="ball", axis="x", byte=49)),
    "another scale": (
        "freeway",
        Label(name="a_x", object="a", axis="x", byte=112, decode=Modular(2, -3)),
    ),
    "the other axis": ("freeway", Label(name="a_y", object="a", axis="y", byte=112)),
    "a byte that moves nothing": (
        "spaceinvaders",
        Label(name="enemies_y", object="a", axis="y", byte=24, decode=Affine(2, -100)),
    ),
    "a presence too often": (
        "seaquest",
        Label(name="player_missile_x", object="a", axis="x", byte=103),
    ),
    "a presence too rarely": (
        "boxing",
        Label(
            name="player_x",
            object="a",
            axis="x",
            byte=32,
            decode=Affine(offset=5),
            presence=ByteWithin(32, 0, 30),
        ),
    ),
}


@pytest.mark.parametrize("why", WRONG)
def test_a_wrong_label_fails(why):
    game, label = WRONG[why]
    (verdict,) = check_labels(game, [label], moments=30, patience=1)
    assert verdict.outcome != "ok"


def test_the_verb_prints_a_line_a_label_and_fails_with_exit_code_1(capsys, monkeypatch):
    main(["upkeep", "labels", "check", "--games", "ALE/Bowling-v5", "--moments", "20"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("bowling") and " ok " in line for line in lines[1:])
    monkeypatch.setattr(
        "pretrain.upkeep.labels_check.check_labels", lambda *_, **__: _one_failure()
    )
    with pytest.raises(SystemExit) as done:
        main(["upkeep", "labels", "check", "--games", "bowling"])
    assert done.value.code == 1
    assert "1 labels fail: bowling ball_x" in capsys.readouterr().err


def _one_failure():
    return [judge(labels_for("bowling", "pixel").labels[0], "poke", [Look(np.zeros(128, "u1"))])]


def test_the_verb_checks_nothing_if_a_game_has_no_labels(capsys):
    with pytest.raises(SystemExit) as done:
        main(["upkeep", "labels", "check", "--games", "Pong", "Pnog"])
    assert done.value.code == 2
    said = capsys.readouterr()
    assert "closest: pong" in said.err
    assert said.out == ""


def test_the_verb_names_the_games_there_are():
    with pytest.raises(ValueError, match="closest: pong"):
        check_labels("Pnog")
    with pytest.raises(ValueError, match="no 'pixel' labels for 'qbert'"):
        check_labels("qbert")


def test_a_label_two_pixels_off_passes_and_three_off_fails():
    label = Label(name="a_x", object="a", axis="x", byte=0)

    def looks(miss):
        rams = np.zeros((20, 128), dtype=np.uint8)
        rams[:, 0] = range(20, 60, 2)
        return [Look(ram, Box(0, 7, ram[0] + miss, ram[0] + miss + 7, 64)) for ram in rams]

    assert judge(label, "poke", looks(2)).outcome == "ok"
    assert judge(label, "poke", looks(3)).outcome == "FAIL"
    assert judge(label, "poke", looks(3)).offset == 3


@pytest.mark.parametrize(
    ("game", "byte", "x_byte", "low", "high"),
    [("pong", 54, 49, 45, 207), ("breakout", 101, 99, 21, 185)],
)
def test_the_ball_is_drawn_exactly_while_its_byte_is_within_bounds(game, byte, x_byte, low, high):
    ale = make_emulator(game)
    for _ in play(ale, 90, np.random.default_rng(3)):
        pass
    state = ale.cloneState()
    drawn = {}
    for value in range(256):
        frames = []
        for x in (120, 128):
            ale.restoreState(state)
            ale.setRAM(byte, value)
            ale.setRAM(x_byte, x)
            ale.act(0)
            frames.append(ale.getScreenRGB().copy())
        drawn[int(ale.getRAM()[byte])] = bool((frames[0] != frames[1]).any())
    # Breakout's bricks (ball rows 57 to 92) hide a ball of their own colour.
    hidden = range(48, 81) if game == "breakout" else ()
    for value, is_drawn in drawn.items():
        if value not in hidden:
            assert is_drawn == (low <= value <= high), value
    assert sum(drawn.values()) > 120
