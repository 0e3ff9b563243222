"""Slots in the environment, nothing more in the policy: agents learn, move house and are loaded."""

from __future__ import annotations

import numpy as np
import pytest
import two_lines
from fake_envs import SPRITES


@pytest.mark.parametrize("algorithm", two_lines.SETTINGS)
def test_agents_learn_and_do_the_same_elsewhere(algorithm, tiny_encoder_folder, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    made = {"env_id": SPRITES, "encoder": tiny_encoder_folder, "steps": 200}
    expected = dict(two_lines.train(algorithm, form, out, **made) for form in two_lines.FORMS)
    tiny_encoder_folder.rename(tmp_path / "no encoder any more")
    moved = out.rename(tmp_path / "moved")
    found = two_lines.load(list(expected), moved)
    for name, scores in expected.items():
        np.testing.assert_array_equal(found[name], scores, err_msg=name)
        assert len(np.unique(scores, axis=0)) > 1, name  # what is seen matters


@pytest.mark.ale
@pytest.mark.parametrize("form", ["slots", "dict", "frames"])
def test_a_game_needs_no_encoder_to_be_named(form, tmp_path):
    made = {"env_id": "ALE/Pong-v5", "encoder": None, "steps": 64}
    name, scores = two_lines.train("PPO", form, tmp_path, **made)
    np.testing.assert_array_equal(two_lines.load([name], tmp_path)[name], scores)
