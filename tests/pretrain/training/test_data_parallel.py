"""Processes that train one model, played by threads: what each holds after they met."""

from __future__ import annotations

import copy
import itertools
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe

import pytest
import torch
from torch import nn

from pretrain.training import data_parallel as peers
from pretrain.training.data_parallel import Peers
from slotenv.encoders import SlotOutput

CPU = torch.device("cpu")


class Group:
    """Stands in for ``torch.distributed``: each process is a thread that waits for the others."""

    def __init__(self, size):
        self.size = size
        self._here = threading.local()
        self._met = threading.Barrier(size, timeout=20)
        self._brought = [None] * size
        self.ReduceOp = torch.distributed.ReduceOp

    def run(self, task):
        """Return what ``task(peer)`` returns in each process, by rank."""

        def work(rank):
            self._here.rank = rank
            mine, theirs = Pipe()
            try:
                return task(Peers(CPU, mine))
            except BaseException:
                self._met.abort()  # the others are not to wait
                raise
            finally:
                theirs.close()
                mine.close()

        with ThreadPoolExecutor(self.size) as pool:
            return [done.result() for done in [pool.submit(work, r) for r in range(self.size)]]

    def get_rank(self):
        return self._here.rank

    def get_world_size(self):
        return self.size

    def all_gather(self, parts, rows):
        assert rows.is_contiguous()
        for part, brought in zip(parts, self._exchange(rows), strict=True):
            part.copy_(brought)

    def all_reduce(self, tensor, op=torch.distributed.ReduceOp.SUM):
        stacked = torch.stack(self._exchange(tensor))
        tensor.copy_(stacked.amin(0) if op == self.ReduceOp.MIN else stacked.sum(0))

    def broadcast(self, tensor, source):
        tensor.copy_(self._exchange(tensor)[source])

    def _exchange(self, tensor):
        self._brought[self.get_rank()] = tensor.detach().clone()
        self._met.wait()
        everything = list(self._brought)
        self._met.wait()
        return everything


@pytest.fixture(params=[1, 2, 3])
def group(request, monkeypatch):
    together = Group(request.param)
    monkeypatch.setattr(peers, "dist", together)
    return together


def test_a_process_knows_its_number(group):
    assert group.run(lambda peer: (peer.rank, peer.size)) == [
        (rank, group.size) for rank in range(group.size)
    ]


@pytest.mark.parametrize("each", [0, 1, 4])
def test_pairs_are_shared_out_in_order(group, each):
    rows = list(range(each * group.size))
    shares = group.run(lambda peer: rows[peer.share(len(rows))])
    assert list(itertools.chain(*shares)) == rows
    assert {len(share) for share in shares} == {each}


def test_pairs_that_cannot_be_shared_out_are_refused(monkeypatch):
    monkeypatch.setattr(peers, "dist", Group(3))
    with pytest.raises(ValueError, match="8 pairs cannot be shared out among 3 devices"):
        peers.dist.run(lambda peer: peer.share(8))


def test_encodings_come_together_in_the_order_of_the_processes(group):
    slots = torch.randn(2 * group.size, 3, 4)
    maps = torch.randn(2 * group.size, 3, 5, 6).to(torch.bfloat16)

    def gather(peer):
        mine = peer.share(len(slots))
        return peer.gather(SlotOutput(slots[mine], maps[mine]))

    for gathered in group.run(gather):
        assert torch.equal(gathered.slots, slots)
        assert torch.equal(gathered.maps, maps)


def test_maps_are_left_out_unless_all_have_them(monkeypatch):
    monkeypatch.setattr(peers, "dist", Group(2))
    maps = torch.zeros(1, 3, 5, 6)

    def gather(peer):
        return peer.gather(SlotOutput(torch.zeros(1, 3, 4), maps if peer.rank else None)).maps

    assert peers.dist.run(gather) == [None, None]
    assert peers.dist.run(lambda p: p.gather(SlotOutput(torch.zeros(1, 3, 4))).maps) == [None] * 2


def test_accelerators_are_not_asked_whether_all_have_maps(monkeypatch):
    monkeypatch.setattr(peers, "dist", Group(1))
    mine, _ = Pipe()
    peers.dist._here.rank = 0
    monkeypatch.setattr(peers.dist, "all_reduce", None)  # would be called
    gathered = Peers(torch.device("meta"), mine).gather(SlotOutput(torch.zeros(1, 3, 4)))
    assert gathered.maps is None


def test_the_mean_of_gradients_is_that_of_one_process_with_the_whole_batch(group):
    """Of a loss that ties all rows together, with weights before and behind the gathering."""
    rows = torch.randn(2 * group.size, 4, generator=torch.Generator().manual_seed(0))
    modules = nn.Linear(4, 6), nn.Linear(6, 2), nn.Linear(1, 1)

    def gradients(peer):
        encoder, head, idle = (copy.deepcopy(module) for module in modules)
        encoded = encoder(rows[peer.share(len(rows))]).view(-1, 2, 3)
        slots = peer.gather(SlotOutput(encoded)).slots
        loss = head(slots.flatten(1)).square().mean() + (slots @ slots.mT).logsumexp((0, 1, 2))
        loss.backward()
        weights = [*encoder.parameters(), *idle.parameters(), *head.parameters()]
        peer.average_gradients(weights)
        return [weight.grad for weight in weights]

    expected = gradients(Peers(CPU))
    assert [grad is None for grad in expected] == [False, False, True, True, False, False]
    for found in group.run(gradients):
        for grad, whole in zip(found, expected, strict=True):
            assert (grad is None) == (whole is None)
            if grad is not None:
                torch.testing.assert_close(grad, whole)


def test_all_take_the_weights_and_buffers_of_the_first(group):
    def aligned(peer):
        modules = nn.Linear(1, 1), nn.BatchNorm1d(1)
        for module in modules:
            for tensor in module.state_dict().values():
                tensor.fill_(peer.rank + 5)
        peer.align(*modules)
        return [float(t) for module in modules for t in module.state_dict().values()]

    assert group.run(aligned) == [[5.0] * 7] * group.size


def test_a_stop_is_asked_for_by_closing_the_pipe(monkeypatch):
    monkeypatch.setattr(peers, "dist", Group(1))
    peers.dist._here.rank = 0
    mine, theirs = Pipe()
    with Peers(CPU, mine).stopping() as stop:
        assert not stop()
        theirs.close()
        assert stop()
    mine.close()


def test_one_that_trains_alone_does_nothing():
    alone = Peers(CPU)
    assert (alone.rank, alone.size, alone.device) == (0, 1, CPU)
    assert list(range(9))[alone.share(9)] == list(range(9))
    output = SlotOutput(torch.ones(2, 3, 4), torch.ones(2, 3, 5, 6))
    assert alone.gather(output) is output
    layer = nn.Linear(1, 1)
    before = copy.deepcopy(layer.state_dict())
    alone.align(layer)
    alone.average_gradients(layer.parameters())
    assert layer.state_dict() == before
    assert layer.weight.grad is None
    with alone.stopping() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGTERM)
        assert stop()
