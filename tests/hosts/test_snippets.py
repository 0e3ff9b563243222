"""Blocks of ``docs/hosts.md`` that need an extra, each in a fresh interpreter."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys

import pytest
from doc_pages import blocks_of

BLOCKS = [
    block
    for block in blocks_of("docs/hosts.md")
    if block.language == "python" and block.run_by == "make test-hosts"
]
HOSTS = {"torchrl": "torchrl", "ray": "tree", "minari": "minari"}
"""What a block imports, and a package that only its extra installs."""


def host_of(block):
    """Return the library that a block is for."""
    imported = set(re.findall(r"\b(?:from|import|,) (\w+)", block.source))
    (host,) = imported & HOSTS.keys()
    return host


def test_each_host_has_a_block_of_at_most_ten_lines():
    assert sorted(map(host_of, BLOCKS)) == sorted(HOSTS)
    for block in BLOCKS:
        lines = [line for line in block.source.splitlines() if line.strip()]
        assert len(lines) <= 10, block.place


@pytest.mark.ale
@pytest.mark.parametrize("block", BLOCKS, ids=host_of)
def test_a_block_runs(block, tmp_path):
    if importlib.util.find_spec(HOSTS[host_of(block)]) is None:
        pytest.skip("make test-hosts installs it")
    here = os.environ | {"OMP_NUM_THREADS": "1", "MINARI_DATASETS_PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", block.source],
        cwd=tmp_path,
        env=here,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{block.place}:\n{done.stderr}"
