"""What the check of labels says when it saw too little."""

from __future__ import annotations

import numpy as np
import pytest

from pretrain.cli import main
from pretrain.upkeep import labels_check
from pretrain.upkeep.labels_check import Patch, check_labels, find_colour, to_table
from pretrain.upkeep.poke import MIN_CHECKED, Box, Verdict
from slotenv.labels import LABELS as LABELS_BY_VIEW
from slotenv.labels import labels_for

LABELS = labels_for("pong", "pixel").labels
GOOD = {"within": 1.0, "worst": 0.0, "offset": 0.0, "seen": 1.0, "unannounced": 0.0}


def verdict(number: int = 0, checked: int = 60, varied: bool = True, **changes: float) -> Verdict:
    return Verdict(LABELS[number], "poke", checked, **(GOOD | changes), varied=varied)


@pytest.mark.parametrize(
    ("of", "outcome"),
    [
        (verdict(), "ok"),
        (verdict(checked=MIN_CHECKED), "ok"),
        (verdict(checked=MIN_CHECKED - 1), "few"),
        (verdict(varied=False), "few"),  # seen often, always in one place
        (verdict(checked=0, within=0.0, worst=np.inf, offset=np.inf), "few"),
        (verdict(checked=2, within=0.5), "FAIL"),
        (verdict(checked=2, offset=3.0), "FAIL"),
        (verdict(checked=2, seen=0.5), "FAIL"),
        (verdict(checked=2, unannounced=0.5), "FAIL"),
        (verdict(within=0.5), "FAIL"),
    ],
)
def test_only_what_speaks_against_a_label_fails_it(of: Verdict, outcome: str) -> None:
    assert of.outcome == outcome
    assert outcome in to_table("pong", [of]).split()


@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        (
            [verdict(0, checked=5), verdict(1), verdict(2, checked=5)],
            "pretrain: 2 labels were seen too little to decide (give more --moments): pong "
            f"{LABELS[0].name}, pong {LABELS[2].name}\n",
        ),
        (
            [verdict(0, checked=5), verdict(1, within=0.1)],
            f"pretrain: 1 labels fail: pong {LABELS[1].name}; 1 labels were seen too little to "
            f"decide (give more --moments): pong {LABELS[0].name}\n",
        ),
    ],
)
def test_too_few_moments_are_not_a_failure(
    verdicts: list[Verdict],
    text: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(labels_check, "check_labels", lambda *_, **__: verdicts)
    with pytest.raises(SystemExit) as stopped:
        main(["upkeep", "labels", "check", "--games", "pong"])
    assert stopped.value.code == 1
    assert capsys.readouterr().err == text


def test_a_colour_counts_only_within_the_rows_and_columns_of_its_object() -> None:
    frame = np.zeros((210, 160, 3), np.uint8)
    frame[40:44, 10:12] = 0xC8, 0x48, 0x49
    frame[100:104, 10:12] = frame[40:44, 90:92] = frame[40, 2] = 0xC8, 0x48, 0x49
    frame[41, 11] = 0xC8, 0x49, 0x48  # another colour
    frame[43] = 0xC8, 0x48, 0x49  # below the rows
    patch = Patch(0xC84849, slice(40, 43), (3, 2), slice(8, 90))
    assert find_colour(patch, frame) == Box(top=40, bottom=42, left=10, right=11, pixels=5)
    everywhere = Patch(0xC84849, slice(None))
    found = find_colour(everywhere, frame)
    assert found is not None
    assert found[:4] == (40, 103, 0, 159)
    assert find_colour(Patch(0xC84849, slice(60, 90)), frame) is None


@pytest.mark.ale
def test_two_moments_decide_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["upkeep", "labels", "check", "--games", "pong", "--moments", "2"])
    said = capsys.readouterr()
    assert "FAIL" not in said.out
    assert "fail" not in said.err
    assert "3 labels were seen too little to decide" in said.err


@pytest.mark.ale
def test_a_game_that_the_paper_does_not_have_is_checked_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LABELS_BY_VIEW["pixel"], "skiing", LABELS[:1])
    (found,) = check_labels("ALE/Skiing-v5", moments=1, patience=1)
    assert found.label == LABELS[0]
