"""The paper's numbers are self-consistent: its overall row is the mean of its games."""

import numpy as np
import pytest

from slotenv.labels import labelled_games
from slotenv.probe import PAPER_ACCURACY, PAPER_METHODS, paper_row


def test_the_papers_20_games_are_labelled():
    games = set(PAPER_ACCURACY) - {"overall"}
    assert len(games) == 20
    assert set(labelled_games()) - games == {"hero", "qbert"}


@pytest.mark.parametrize("method", PAPER_METHODS)
def test_overall_is_the_mean_of_the_rows(method):
    rows = [row[method] for game, row in PAPER_ACCURACY.items() if game != "overall"]
    given = [value for value in rows if value is not None]
    # 0.011: the paper rounds rows and mean, and its supervised mean is 0.844.
    assert PAPER_ACCURACY["overall"][method] == pytest.approx(np.mean(given), abs=0.011)


def test_rows_are_found_by_any_id():
    row = paper_row("ALE/MsPacman-v5")
    assert row == paper_row("mspacman")
    assert row["cswm"] == -0.04
    assert paper_row("overall")["scn"] == 0.45


def test_a_row_is_a_copy():
    paper_row("pong")["scn"] = 9.0
    assert paper_row("pong")["scn"] == 0.73


def test_games_the_paper_left_out_are_refused():
    with pytest.raises(ValueError, match="no numbers of the paper for 'hero'"):
        paper_row("hero")
