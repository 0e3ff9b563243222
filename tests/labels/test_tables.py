"""The label tables: their facts, their reading and their errors."""

import subprocess
import sys

import numpy as np
import pytest

from slotenv.labels import (
    Affine,
    ByteWithin,
    Label,
    labelled_games,
    labels_for,
)
from slotenv.labels.base import At, ScreenObject
from slotenv.labels.tables_scn import (
    SCN_BYTES,
    SCN_ENCODED_AXES,
    SCN_FILTERED_OUT,
    SCN_NOT_POSITION,
    SCN_UNRESOLVED,
)

# game: (K, labels, kept labels, objects of kept labels), counted independently of the tables.
COUNTS = {
    "asteroids": (18, 36, 28, 15),
    "berzerk": (13, 25, 19, 10),
    "bowling": (2, 4, 2, 1),
    "boxing": (2, 4, 4, 2),
    "breakout": (2, 3, 3, 2),
    "demonattack": (5, 8, 8, 5),
    "freeway": (11, 11, 11, 11),
    "frostbite": (10, 11, 10, 9),
    "hero": (1, 2, 2, 1),
    "montezumarevenge": (3, 6, 3, 2),
    "mspacman": (6, 12, 10, 5),
    "pitfall": (4, 5, 5, 4),
    "pong": (3, 6, 4, 3),
    "privateeye": (2, 4, 4, 2),
    "qbert": (4, 5, 4, 3),
    "riverraid": (2, 3, 3, 2),
    "seaquest": (10, 11, 11, 10),
    "spaceinvaders": (3, 4, 4, 3),
    "tennis": (3, 6, 6, 3),
    "venture": (7, 14, 14, 7),
    "videopinball": (3, 4, 4, 3),
    "yarsrevenge": (4, 8, 7, 4),
}


def every_view():
    return [(game, view) for view in ("scn", "pixel") for game in labelled_games(view)]


def test_all_22_games_have_the_papers_labels():
    assert labelled_games() == sorted(COUNTS)


@pytest.mark.parametrize("game", COUNTS)
def test_counts_of_labels_and_objects(game):
    labels = labels_for(game)
    num_labels = sum(len(axes) for axes in SCN_BYTES[game].values())
    counted = (labels.num_objects, num_labels, len(labels.names), len(set(labels.objects)))
    assert counted == COUNTS[game]


@pytest.mark.parametrize(("game", "view"), every_view())
def test_every_label_is_well_formed(game, view):
    labels = labels_for(game, view)
    assert len(set(labels.names)) == len(labels.names)
    for label in labels.labels:
        assert 0 <= label.byte < 128
        assert label.axis in ("x", "y", "column")
        assert label.name in (f"{label.object}_{label.axis}", label.object)
        assert view == "pixel" or label.object in SCN_BYTES[game]
        assert label.evidence


def test_every_exception_names_a_label_of_its_game():
    names = {
        game: {f"{name}_{axis}" for name, axes in SCN_BYTES[game].items() for axis in axes}
        | set(SCN_BYTES[game])
        for game in SCN_BYTES
    }
    assert all(set(dropped) <= names[game] for game, dropped in SCN_FILTERED_OUT.items())
    for table in (SCN_NOT_POSITION, SCN_UNRESOLVED):
        assert all(set(entries) <= set(labels_for(game).names) for game, entries in table.items())
    assert set(SCN_ENCODED_AXES) <= set(SCN_BYTES)


def test_status_tells_codes_from_coordinates():
    status = {label.name: label.status for label in labels_for("demonattack").labels}
    assert status["enemy1_x"] == "encoded"
    assert status["enemy1_y"] == "position"
    kinds = [label.status for label in labels_for("spaceinvaders").labels]
    assert kinds == ["position", "position", "not_position", "not_position"]
    assert labels_for("yarsrevenge").labels[2].status == "unresolved"


def test_scn_view_reads_raw_bytes():
    ram = np.random.default_rng(0).integers(0, 256, (7, 128)).astype(np.uint8)
    values, presence = labels_for("mspacman").read(ram)
    assert labels_for("mspacman").names[0] == "enemy_sue_x"
    np.testing.assert_array_equal(values[:, 0], ram[:, 6])
    np.testing.assert_array_equal(values[:, -1], ram[:, 16])
    assert values.dtype == np.float64
    assert presence.all()
    assert presence.dtype == np.bool_


def test_pixel_view_decodes_pong_by_hand():
    labels = labels_for("pong", "pixel")
    ram = np.zeros((2, 128), dtype=np.uint8)
    ram[0, [49, 54, 50, 51]] = [109, 114, 115, 63]
    values, presence = labels.read(ram)
    assert dict(zip(labels.names, values[0], strict=True)) == {
        "player_y": 50,
        "enemy_y": 100,
        "ball_x": 60,
        "ball_y": 100,
    }
    assert presence[0].all()
    assert presence[1].tolist() == [True, False, False, False]
    assert values[1, 2] == -49  # not 207: the byte was cast first


def test_one_moment_reads_like_one_row():
    labels = labels_for("boxing", "pixel")
    ram = np.arange(128, dtype=np.uint8)
    one, many = labels.read(ram), labels.read(ram[None])
    assert one.values.shape == (1, 4)
    np.testing.assert_array_equal(one.values, many.values)
    assert labels.axes == ("x", "y", "x", "y")


def test_pixel_view_follows_tennis_players_across_the_court():
    labels = labels_for("tennis", "pixel")
    ram = np.zeros((2, 128), dtype=np.uint8)
    ram[:, [26, 24, 27, 25]] = [50, 140, 90, 7]
    ram[1, 80] = 1
    values = labels.read(ram).values
    assert labels.names[:4] == ("player_x", "player_y", "enemy_x", "enemy_y")
    assert values[0, :4].tolist() == [50, 26, 90, 160]
    assert values[1, :4].tolist() == [90, 160, 50, 26]


def test_a_pixel_view_has_positions_only():
    for game in labelled_games("pixel"):
        assert {label.status for label in labels_for(game, "pixel").labels} == {"position"}
    assert "fruit_x" not in labels_for("mspacman", "pixel").names  # never seen in random play


def test_labels_of_an_object_agree_on_its_presence():
    ram = np.random.default_rng(0).integers(0, 256, (500, 128)).astype(np.uint8)
    for game in labelled_games("pixel"):
        labels = labels_for(game, "pixel")
        presence = labels.read(ram).presence
        for i, name in enumerate(labels.objects):
            first = labels.objects.index(name)
            assert (presence[:, i] == presence[:, first]).all(), (game, name)


def test_the_20_games_of_the_paper_have_a_pixel_view():
    assert set(COUNTS) - set(labelled_games("pixel")) == {"hero", "qbert"}
    assert set(labelled_games("pixel")) <= set(COUNTS)


def test_an_object_is_written_once_and_makes_a_label_of_each_coordinate():
    there = ByteWithin(9, 1, 1)
    ball = ScreenObject("ball", x=At(5), y=At(6, Affine(2), "by eye"), presence=there)
    assert list(ball.labels()) == [
        Label(
            name="ball_x",
            object="ball",
            axis="x",
            byte=5,
            presence=there,
            evidence="poke; left edge",
        ),
        Label(
            name="ball_y",
            object="ball",
            axis="y",
            byte=6,
            decode=Affine(2),
            presence=there,
            evidence="by eye",
        ),
    ]
    (only,) = ScreenObject("paddle", y=At(7)).labels()
    assert (only.name, only.evidence) == ("paddle_y", "poke; top edge")


@pytest.mark.parametrize("name", ["ALE/MsPacman-v5", "MsPacmanNoFrameskip-v4", "ms_pacman"])
def test_games_are_found_by_any_id(name):
    assert labels_for(name).game == "mspacman"


def test_unknown_games_are_told_what_there_is():
    with pytest.raises(ValueError, match=r"no labels for 'Pnog'; closest: pong"):
        labels_for("Pnog")
    with pytest.raises(ValueError, match=r"no labels for 'CarRacing-v3'; there are asteroids, "):
        labels_for("CarRacing-v3")
    with pytest.raises(ValueError, match=r"no labels for 'ALE/Skiing-v5'"):
        labels_for("ALE/Skiing-v5")


def test_a_missing_view_is_told_what_there_is():
    with pytest.raises(ValueError, match=r"'pixel' labels for 'qbert' yet.*boxing, breakout"):
        labels_for("qbert", "pixel")
    with pytest.raises(ValueError, match=r"view must be one of scn, pixel, got 'ram'"):
        labels_for("pong", "ram")


@pytest.mark.parametrize("ram", [np.zeros(128), np.zeros(128, dtype=np.int64), [0] * 128])
def test_ram_must_be_uint8(ram):
    with pytest.raises(TypeError, match="uint8"):
        labels_for("pong").read(ram)


@pytest.mark.parametrize("shape", [(), (64,), (128, 4), (2, 3, 128)])
def test_ram_must_have_128_bytes(shape):
    with pytest.raises(ValueError, match=r"\(N, 128\)"):
        labels_for("pong").read(np.zeros(shape, dtype=np.uint8))


def test_labels_by_key_need_numpy_only():
    """Beside what ``import slotenv`` itself loads, which registers ids with Gymnasium."""
    code = (
        "import sys, slotenv; before = set(sys.modules);"
        "from slotenv.labels import labels_for; labels_for('pong');"
        "loaded = {name.partition('.')[0] for name in set(sys.modules) - before};"
        "print(sorted(loaded - set(sys.stdlib_module_names) - {'slotenv', 'numpy'}),"
        "[name for name in ('torch', 'sklearn', 'stable_baselines3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"
