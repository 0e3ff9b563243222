"""What needs an extra says which, where it is not installed."""

from __future__ import annotations

import importlib
import importlib.util

import pytest

from pretrain.data.from_minari import collect_minari


def skip_if_installed(package):
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")


@pytest.mark.parametrize(("extra", "package"), [("torchrl", "torchrl"), ("rllib", "tree")])
def test_a_module_names_its_extra(extra, package):
    skip_if_installed(package)
    with pytest.raises(ModuleNotFoundError, match=rf"slotenv\[{extra}\]"):
        importlib.import_module(f"slotenv.{extra}")


def test_reading_minari_names_its_extra(tmp_path):
    skip_if_installed("minari")
    with pytest.raises(ValueError, match=r"slotenv\[minari\]"):
        collect_minari(tmp_path, "any/data-v0", env="ALE/Pong-v5", frames=1)
