"""True coordinates in ``info``: against the screen and the RAM, and what has none."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from fake_envs import SPRITES
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

from slotenv import RecordLabels
from slotenv.labels import labels_for

PLAYER, BALL = (92, 186, 92), (236, 236, 236)  # colours of Pong's screen
PLAYFIELD = slice(34, 194)  # rows


def top_left(frame, colour, columns=slice(0, 160)):
    """Return row and column of the first pixel of a colour in the playfield, None if none is."""
    places = np.argwhere((frame[PLAYFIELD, columns] == colour).all(axis=-1))
    if len(places) == 0:
        return None
    return places.min(axis=0) + np.array([PLAYFIELD.start, columns.start])


@pytest.mark.ale
def test_labels_are_where_the_objects_are_in_the_frame_of_the_same_step():
    env = RecordLabels(gym.make("ALE/Pong-v5"))
    env.reset(seed=0)
    frame, _, _, _, info = env.step(0)  # in the first, the console has not drawn the ball yet
    seen = {True: 0, False: 0}
    for i in range(150):
        labels, present = info["labels"], info["labels_present"]
        assert labels.keys() == present.keys() == {"player_y", "enemy_y", "ball_x", "ball_y"}
        paddle = top_left(frame, PLAYER, slice(140, 144))
        # Objects begin on even rows, and the bytes count all.
        assert paddle is None or abs(paddle[0] - max(labels["player_y"], 34)) <= 1
        ball = top_left(frame, BALL)
        assert present["ball_x"] == present["ball_y"] == (ball is not None)
        seen[ball is not None] += 1
        if ball is not None:
            assert labels["ball_x"] == ball[1]
            assert abs(ball[0] - max(labels["ball_y"], 34)) <= 1
        frame, _, _, _, info = env.step([2, 3][i // 8 % 2])
    assert min(seen.values()) > 20


@pytest.mark.ale
@pytest.mark.parametrize("view", ["pixel", "scn"])
def test_labels_are_those_of_the_ram_and_new_in_each_step(view):
    env = RecordLabels(gym.make("ALE/Breakout-v5"), view=view)
    infos = [env.reset(seed=0)[1]]
    for action in (1, 2, 2, 3):
        infos.append(env.step(action)[-1])
        read = labels_for("breakout", view).read(env.unwrapped.ale.getRAM())
        assert list(infos[-1]["labels"].values()) == read.values[0].tolist()
        assert list(infos[-1]["labels_present"].values()) == read.presence[0].tolist()
        assert all(type(value) is float for value in infos[-1]["labels"].values())
        assert all(type(value) is bool for value in infos[-1]["labels_present"].values())
    assert {"lives", "frame_number"} <= infos[-1].keys()
    assert len({id(info["labels"]) for info in infos}) == len(infos)


@pytest.mark.ale
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("reset", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_vector_of_wrapped_games_has_arrays_of_labels(mode, reset):
    short = {"max_num_frames_per_episode": 40}
    envs = gym.make_vec(
        "ALE/Pong-v5",
        2,
        vectorization_mode=mode,
        vector_kwargs={"autoreset_mode": reset},
        wrappers=[RecordLabels],
        **short,
    )
    single = RecordLabels(gym.make("ALE/Pong-v5", **short))
    _, infos = envs.reset(seed=5)
    _, info = single.reset(seed=6)
    same = ["player_y", "ball_x"]
    for _ in range(12):
        for name in same:
            assert infos["labels"][name].shape == (2,)
            assert infos["labels"][name][1] == info["labels"][name]
        assert infos["labels_present"]["ball_x"][1] == info["labels_present"]["ball_x"]
        _, _, _, truncated, infos = envs.step(np.array([2, 2]))
        _, _, _, ended, info = single.step(2)
        assert truncated[1] == ended
        if ended:
            break
    assert ended
    if reset == AutoresetMode.SAME_STEP:
        final = infos["final_info"]["labels"]
        assert all(final[name][1] == info["labels"][name] for name in same)
    envs.close()


@pytest.mark.ale
@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
def test_gymnasium_accepts_it_and_its_spec_is_made_again():
    env = RecordLabels(gym.make("ALE/Pong-v5"), view="scn")
    check_env(env, skip_render_check=True)
    again = gym.make(type(env.spec).from_json(env.spec.to_json()))
    expected = env.reset(seed=1)[1]["labels"]
    assert again.reset(seed=1)[1]["labels"] == expected


@pytest.mark.ale
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: gym.make("ALE/Zaxxon-v5"), ValueError, "no labels for 'zaxxon'"),
        (lambda: gym.make(SPRITES), TypeError, "has none: give it a game of ALE's"),
        (lambda: gym.make_vec("ALE/Pong-v5", 2), TypeError, "wrap each of its environments"),
        (lambda: "ALE/Pong-v5", TypeError, r"needs a gymnasium\.Env, got str"),
    ],
)
def test_what_has_no_labels_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        RecordLabels(make())


@pytest.mark.ale
def test_wrong_views_and_two_wrappers_are_refused():
    env = gym.make("ALE/Pong-v5")
    with pytest.raises(ValueError, match="view must be one of scn, pixel"):
        RecordLabels(env, view="screen")
    with pytest.raises(ValueError, match="once"):
        RecordLabels(RecordLabels(env)).reset()
