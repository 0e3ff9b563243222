"""A cluster of two nodes on this machine, one of which dies."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from pretrain.bench.cell import finished_rows
from pretrain.bench.cluster import run_on_ray
from pretrain.bench.config import BenchConfig
from pretrain.bench.executors import tasks_of
from pretrain.bench.matrix import cells_of
from pretrain.bench.run import bench

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
    methods = ("mean", "random", "scn", "coordinates")
    config = toy(methods=methods, ray=cluster.address)
    cells = cells_of(config)
    ended = []
    for task in run_on_ray(config, tasks_of(cells)):
        if not ended:
            cluster.remove_node(doomed, allow_graceful=False)
        ended.append(task.cells[0])
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


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ValueError, match=r'pip install "slotenv\[distributed\]"'):
        next(run_on_ray(BenchConfig(ray="auto"), []))
