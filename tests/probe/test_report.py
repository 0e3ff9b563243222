"""The report of a probe, through JSON and as Markdown."""

import json

import numpy as np
import pytest

from slotenv.probe import ProbeReport, run_probe


def perfect(frames):
    """Slot 0 the player, slot 1 the enemy, slot 2 the ball."""
    ram = frames.reshape(len(frames), -1)[:, :128].astype(np.float32)
    slots = np.zeros((len(ram), 3, 2), dtype=np.float32)
    slots[:, 0, 0] = ram[:, 51]
    slots[:, 1, 1] = ram[:, 50]
    slots[:, 2] = ram[:, [49, 54]]
    return slots


def noisy(frames):
    """The same with noise, in 4 slots of 5."""
    slots = np.zeros((len(frames), 4, 5), np.float32)
    slots[:, :3, :2] = perfect(frames) ** 2 / 100
    slots[:, :, 2] = frames.reshape(len(frames), -1)[:, 60:64]
    return slots


@pytest.mark.parametrize("view", ["scn", "pixel"])
def test_a_report_survives_json(data, view):
    report = run_probe(noisy, data, game="ALE/Pong-v5", view=view)
    text = json.dumps(report.to_dict(), allow_nan=False)
    assert ProbeReport.from_dict(json.loads(text)) == report
    assert (report.game, report.view, report.num_slots, report.slot_dim) == ("pong", view, 4, 5)


def test_a_broken_report_is_refused(data):
    fields = run_probe(perfect, data, game="pong").to_dict()
    with pytest.raises(ValueError, match=r"a probe report.*colour"):
        ProbeReport.from_dict({**fields, "colour": 1})
    fields.pop("accuracy")
    with pytest.raises(ValueError, match=r"a probe report.*accuracy"):
        ProbeReport.from_dict(fields)
    with pytest.raises(ValueError, match=r"a probe report.*is missing"):
        ProbeReport.from_dict({})


def test_markdown_has_a_row_a_label_and_a_summary(data):
    report = run_probe(perfect, data, game="pong", view="pixel")
    text = report.to_markdown()
    assert "| ball_x | ball | 1.000 | 1.000 |" in text
    assert "| **mean** |  | **1.000** | **1.000** |" in text
    assert "| enemy | " in text
    assert text.endswith(report.summary())
    assert "3 slots x 2" in report.summary()
    assert "1400 + 200 + 400 frames" in report.summary()
