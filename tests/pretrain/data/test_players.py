"""Players: random as ever, scripted ones by hand and on the real games."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES

from pretrain.cli import main
from pretrain.data.collect import collect
from pretrain.data.players import (
    RULES,
    ScriptedPlayer,
    Seen,
    make_player,
    play_boxing,
    play_breakout,
    play_freeway,
    play_pong,
)
from pretrain.data.store import DataDescription, FrameStore
from slotenv.environments import preset_for
from slotenv.labels import labels_for

ENV = f"fake_envs:{SPRITES}"
MEANINGS = ["NOOP", "FIRE", "RIGHT", "LEFT"]


def describe(env_id: str, player: str, steps: int = 90, shard: int = 30) -> DataDescription:
    return DataDescription(
        env_id=env_id,
        preset=preset_for(env_id).to_dict(),
        seed=3,
        num_steps=steps,
        shard_steps=shard,
        player=player,
    )


def pong_ram(**coordinates: int) -> np.ndarray:
    """RAM of Pong with these pixel coordinates."""
    ram = np.zeros(128, np.uint8)
    for name, (byte, offset) in {
        "player_y": (51, 13),
        "enemy_y": (50, 15),
        "ball_x": (49, 49),
        "ball_y": (54, 14),
    }.items():
        ram[byte] = coordinates.get(name, -offset) + offset
    return ram


def test_random_play_is_the_seeded_action_space(tmp_path: Path) -> None:
    collect(tmp_path, describe(ENV, "random"), workers=1)
    expected = []
    space = gym.make(ENV).action_space
    for shard in range(3):
        space.seed(int((np.random.SeedSequence([3, shard]).generate_state(2) >> 1)[1]))
        expected += [space.sample() for _ in range(30)]
    np.testing.assert_array_equal(FrameStore(tmp_path).actions, expected)


def pong(ball: tuple[float, float], player: float) -> Seen:
    return {"ball_x": ball[0], "ball_y": ball[1], "player_y": player, "enemy_y": 100.0}


@pytest.mark.parametrize(
    ("ball", "before", "player", "slide", "last", "expected"),
    [
        # It comes 4 right and 4 down a step: from column 100 it is at row 140 in column 140.
        ((100, 100), (96, 96), 134, 0, "NOOP", "NOOP"),
        ((100, 100), (96, 96), 120, 0, "NOOP", "LEFT"),
        ((100, 100), (96, 96), 150, 0, "FIRE", "RIGHT"),
        ((100, 100), (96, 96), 120, 10, "LEFT", "NOOP"),  # the paddle slides there by itself
        ((100, 100), (96, 96), 150, -10, "RIGHTFIRE", "NOOP"),
        # Down to the wall at 190, and 10 rows back.
        ((100, 160), (96, 156), 174, 0, "NOOP", "NOOP"),
        ((100, 160), (96, 156), 194, 0, "NOOP", "RIGHT"),
        # It goes away: along with it.
        ((100, 60), (104, 56), 54, 0, "NOOP", "NOOP"),
        ((100, 60), (104, 56), 106, 0, "NOOP", "RIGHT"),
    ],
)
def test_pong_goes_where_the_ball_will_come(
    ball: tuple[float, float],
    before: tuple[float, float],
    player: float,
    slide: float,
    last: str,
    expected: str,
) -> None:
    assert play_pong(pong(ball, player), pong(before, player - slide), last) == expected


def test_pong_and_breakout_serve_when_there_is_no_ball() -> None:
    assert play_pong({"player_y": 100.0}, {}, "NOOP") == "FIRE"
    assert play_breakout({"player_x": 100.0}, {}, "NOOP") == "FIRE"
    assert play_pong(pong((100, 100), 100), {"player_y": 100.0}, "NOOP") == "NOOP"


def test_breakout_follows_the_ball() -> None:
    for ball, expected in ((107.0, "NOOP"), (111.0, "RIGHT"), (103.0, "LEFT")):
        seen = {"ball_x": ball, "ball_y": 9.0, "player_x": 100.0}
        assert play_breakout(seen, {}, "NOOP") == expected


def test_freeway_goes_up() -> None:
    assert play_freeway({"player_y": 100.0}, {}, "NOOP") == "UP"


@pytest.mark.parametrize(
    ("right", "higher", "expected"),
    [
        (10, 12, "FIRE"),
        (-10, 12, "FIRE"),
        (50, 12, "RIGHT"),
        (-50, 12, "LEFT"),
        (5, 12, "LEFT"),  # too close
        (-5, 12, "RIGHT"),
        (0, 12, "RIGHT"),
        (10, 40, "UP"),
        (10, 2, "DOWN"),
        (10, -12, "DOWN"),
        (50, 40, "UPRIGHT"),
    ],
)
def test_boxing_comes_within_reach_and_punches(right: int, higher: int, expected: str) -> None:
    seen = {"player_x": 60.0, "player_y": 80.0, "enemy_x": 60.0 + right, "enemy_y": 80.0 - higher}
    assert play_boxing(seen, {}, "NOOP") == expected


def player_of(rule: str, seed: int = 0, meanings: list[str] = MEANINGS) -> ScriptedPlayer:
    return ScriptedPlayer(lambda *seen: rule, labels_for("pong", "pixel"), meanings, seed)


def test_a_rule_sees_what_is_on_the_screen_now_and_before() -> None:
    calls: list[tuple[Seen, Seen, str]] = []

    def rule(seen: Seen, before: Seen, last: str) -> str:
        calls.append((seen, before, last))
        return "FIRE"

    player = ScriptedPlayer(rule, labels_for("pong", "pixel"), MEANINGS, 0)
    first = {"player_y": 100, "enemy_y": 90, "ball_x": 80, "ball_y": 70}
    player(pong_ram(**first))
    player(pong_ram(player_y=104))
    assert calls == [(first, {}, "NOOP"), ({"player_y": 104}, first, "FIRE")]


def test_actions_go_by_their_meaning() -> None:
    ram = pong_ram(player_y=100)
    assert player_of("LEFT")(ram) == 3
    assert player_of("LEFT", meanings=["LEFT", "NOOP"])(ram) == 0


def test_one_action_in_twenty_is_random_and_follows_the_seed() -> None:
    ram = pong_ram(player_y=100)
    players = [player_of("NOOP", seed) for seed in (1, 1, 2)]
    one, again, other = ([player(ram) for _ in range(4000)] for player in players)
    assert one == again != other
    counts = np.bincount(one, minlength=4)
    assert set(np.flatnonzero(counts)) == {0, 1, 2, 3}
    assert abs(counts[1:].sum() - 150) < 5 * np.sqrt(150)


def test_what_cannot_be_played_is_named(tmp_path: Path) -> None:
    text = "no scripted player of ALE/Tennis-v5: there is one of boxing, breakout, freeway, pong"
    for env_id, message in (("ALE/Tennis-v5", text), (ENV, "no scripted player of fake_envs")):
        with pytest.raises(ValueError, match=message):
            collect(tmp_path / "data", describe(env_id, "scripted"), workers=1)
    with pytest.raises(ValueError, match="must be one of random, scripted, got 'good'"):
        collect(tmp_path / "data", describe(ENV, "good"), workers=1)
    assert not (tmp_path / "data").exists()
    with pytest.raises(TypeError, match="this environment has none"):
        player_of("NOOP")(None)


def test_the_command_line_names_the_games(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["collect", "--env", "Tennis", "--player", "scripted", "--out", str(tmp_path / "d")])
    assert stopped.value.code == 2
    assert "there is one of boxing, breakout, freeway, pong" in capsys.readouterr().err


@pytest.mark.ale
@pytest.mark.parametrize("game", sorted(RULES))
def test_scripted_play_scores_more_than_random_play(tmp_path: Path, game: str) -> None:
    scores = {}
    for player in ("random", "scripted"):
        collect(tmp_path / player, describe(game, player, steps=700, shard=700), workers=1)
        scores[player] = FrameStore(tmp_path / player).rewards.sum()
    assert scores["scripted"] >= scores["random"] + 5


@pytest.mark.ale
def test_scripted_play_works_on_the_frames_that_gymnasium_gives(tmp_path: Path) -> None:
    collect(tmp_path, describe("ALE/Freeway-v5", "scripted", steps=300, shard=300), workers=1)
    assert FrameStore(tmp_path).rewards.sum() >= 1


@pytest.mark.ale
def test_scripted_play_is_the_same_with_workers_and_after_a_stop(tmp_path: Path) -> None:
    one = collect(tmp_path / "one", describe("Pong", "scripted"), workers=1)
    assert collect(tmp_path / "two", describe("Pong", "scripted"), workers=2) == one
    (tmp_path / "one" / "shard-00001.npz").unlink()
    assert collect(tmp_path / "one", describe("Pong", "scripted"), workers=1) == one
    actions = FrameStore(tmp_path / "one").actions.reshape(3, 30)
    assert not (actions[0] == actions[1]).all()


@pytest.mark.ale
def test_the_player_is_decided_by_the_description(tmp_path: Path) -> None:
    env = gym.make("ALE/Pong-v5")
    env.reset(seed=0)
    assert isinstance(make_player("scripted", env, "ALE/Pong-v5", 0), ScriptedPlayer)
    env.close()
