"""Self-attention over slots: its definition, what it does not depend on, its gradients."""

from __future__ import annotations

import pytest
import torch

from slotenv.sb3.self_attention import SelfAttentionPooling

K, D = 5, 4


def pooling(num_slots=K, slot_dim=D, **sizes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SelfAttentionPooling(num_slots, slot_dim, **sizes)


def slots(*shape):
    return torch.randn(shape or (6, K, D), generator=torch.Generator().manual_seed(1))


def test_without_identity_the_order_of_slots_does_not_matter():
    module, observations = pooling(identity=False), slots()
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(module(observations[:, order]), module(observations))


def test_with_identity_the_order_of_slots_matters():
    module, observations = pooling(), slots()
    changed = module(observations[:, [3, 0, 4, 2, 1]])
    assert (changed - module(observations)).abs().max() > 1e-3


def test_identity_works_inside_the_shared_network():
    # The same numbers in another slot are another thing, even without other slots to compare with.
    module = pooling(num_slots=2)
    same = slots(1, 1, D).expand(1, 2, D)
    hidden = module.slot_network(module.lift(same) + module.slot_identity)
    assert not torch.allclose(hidden[:, 0], hidden[:, 1])


def test_features_follow_the_definition():
    module, observations = pooling(), slots(1, K, D)
    tokens = [
        module.slot_network(module.lift(slot) + identity)
        for slot, identity in zip(observations[0], module.slot_identity, strict=True)
    ]
    normed = torch.stack([module.norm(token) for token in tokens])[None]
    attended, _ = module.attention(normed, normed, normed)
    out = torch.stack(tokens) + attended[0]
    expected = module.head(torch.cat([out.mean(0), out.max(0).values]))
    torch.testing.assert_close(module(observations)[0], expected)


def test_slots_of_several_frames_are_wider_slots():
    module, observations = pooling(slot_dim=3 * D), slots(6, 3, K, D)
    wide = torch.cat([observations[:, frame] for frame in range(3)], dim=-1)
    torch.testing.assert_close(module(observations), module(wide))


def test_a_frame_alone_has_the_features_it_has_in_a_batch():
    module, observations = pooling(), slots()
    torch.testing.assert_close(module(observations[2:3])[0], module(observations)[2])


@pytest.mark.parametrize("identity", [True, False])
def test_every_parameter_gets_a_gradient(identity):
    module = pooling(identity=identity)
    module(slots()).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in module.parameters())


@pytest.mark.parametrize("shape", [(1, 1), (8, 64), (30, 3)])
def test_any_number_of_slots_and_numbers(shape):
    module = pooling(*shape, features_dim=10)
    assert module(slots(3, *shape)).shape == (3, 10)
    assert module.features_dim == 10


@pytest.mark.parametrize("sizes", [{"width": 30}, {"features_dim": 0}, {"heads": 0}])
def test_sizes_that_do_not_fit_are_refused(sizes):
    (name, value), *_ = sizes.items()
    with pytest.raises(ValueError, match=f"positive sizes and a width that.*{name}={value}"):
        pooling(**sizes)


def test_identity_is_true_or_false():
    with pytest.raises(TypeError, match="identity must be True or False, got 3"):
        pooling(identity=3)
