"""A cluster of two nodes on this machine, one of which dies."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import ray
import small_objective
from ray import cloudpickle
from ray.cluster_utils import Cluster

from pretrain.bench.cell import finished_rows
from pretrain.bench.cluster import _on_node, check_listens, node_folder, run_on_ray
from pretrain.bench.matrix import Cell, cells_of
from pretrain.bench.run import bench
from pretrain.config import BenchConfig
from pretrain.methods import Method

pytestmark = pytest.mark.filterwarnings("default")  # Ray's own
Toy = Callable[..., BenchConfig]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Not tmp_path: the paths of Ray's sockets may have 107 characters.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)  # under which nodes keep their frames
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
        yield made
        ray.shutdown()
        made.shutdown()


@pytest.mark.ale
def test_all_rows_arrive_although_a_node_dies(cluster: Any, toy: Toy) -> None:
    doomed = cluster.add_node(num_cpus=1)
    cluster.add_node(num_cpus=1)
    cloudpickle.register_pickle_by_value(small_objective)  # as what a script defines travels
    small = Method(name="small", title="Small", objective=small_objective.Small)
    methods = ("mean", "random", "scn", "coordinates", small)
    config = toy(methods=methods, ray=cluster.address)
    cells = cells_of(config)
    ended = []
    for cell in run_on_ray(config, cells):
        if not ended:
            cluster.remove_node(doomed, allow_graceful=False)
        ended.append(cell)
    assert sorted(map(str, ended)) == sorted(map(str, cells))
    on_ray = [finished_rows(config, cell) for cell in cells]
    here = toy("here", methods=methods)
    bench(here)
    for cell, rows in zip(cells, on_ray, strict=True):
        expected = finished_rows(here, cell)
        assert rows is not None
        assert expected is not None
        assert [row["accuracy_by_label"] for row in rows] == [
            row["accuracy_by_label"] for row in expected
        ]


@pytest.fixture
def nothing_listens() -> int:
    """A port on which nothing does."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "ray://127.0.0.1:{}", " localhost:{} "])
def test_an_address_where_nothing_listens_is_told_within_seconds(
    form: str, nothing_listens: int
) -> None:
    began = time.monotonic()
    with pytest.raises(ConnectionError, match=r"nothing listens at .*ray start --head"):
        next(run_on_ray(BenchConfig(ray=form.format(nothing_listens)), []))
    assert time.monotonic() - began < 10


def test_auto_without_a_cluster_is_told_within_seconds(
    monkeypatch: pytest.MonkeyPatch, nothing_listens: int, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    check_listens("auto")  # says nothing: Ray does
    last = tmp_path / "ray" / "ray_current_cluster"
    last.parent.mkdir()
    last.write_text(f"127.0.0.1:{nothing_listens}")  # as a cluster leaves it that was killed
    with pytest.raises(ConnectionError, match=f"nothing listens at 127.0.0.1:{nothing_listens}"):
        check_listens("auto")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ConnectionError, match=r"nothing listens at 127\.0\.0\.1:1 "):
        check_listens("auto")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:123456")
    with pytest.raises(ConnectionError, match="nothing listens at"):
        check_listens("auto")


def test_something_that_listens_is_left_to_ray() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        check_listens(f"127.0.0.1:{server.getsockname()[1]}")
    check_listens("local")


def test_each_user_has_a_folder_on_a_node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    config = BenchConfig()
    folder = node_folder(config)
    assert folder == node_folder(config)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert node_folder(replace(config, frames=5)) != folder
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)  # who finds that I made a folder of theirs
    theirs = str(folder).replace(f"bench-{me}-", f"bench-{me + 1}-")
    belongs = f"{theirs} belongs to another user: have it removed"
    reason = _on_node(config, Cell("pong", "mean"))
    assert reason == f"a node has no folder for frames: {belongs}"


def test_a_node_without_room_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    reason = _on_node(BenchConfig(), Cell("pong", "mean"))
    assert isinstance(reason, str)
    assert "a node has no folder for frames: [Errno 20] Not a directory" in reason


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r'pip install "slotenv\[distributed\]"'):
        next(run_on_ray(BenchConfig(ray="auto"), []))
