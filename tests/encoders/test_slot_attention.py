import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from fake_envs import random_frames

from slotenv import SlotEncoder
from slotenv.encoders import SlotAttentionEncoder, to_unit_float
from slotenv.encoders.slot_attention import PlacedWindows, SlotAttention
from slotenv.frames import SCN, plain


@pytest.fixture
def encoder() -> SlotAttentionEncoder:
    torch.manual_seed(0)
    return SlotAttentionEncoder(num_slots=3, slot_dim=6, preprocess=plain(84, 100)).eval()


def moving_square(count: int, height: int = 84, width: int = 100) -> np.ndarray:
    frames = np.full((count, height, width, 3), 60, np.uint8)
    for i, frame in enumerate(frames):
        frame[5 * i : 5 * i + 9, 8 * i : 8 * i + 5] = 200
    return frames


def slow_layer_norm(x: torch.Tensor, norm: torch.nn.LayerNorm) -> torch.Tensor:
    centred = x - x.sum() / len(x)
    scale = ((centred**2).sum() / len(x) + norm.eps).sqrt()
    scaled = centred / scale * norm.weight
    return scaled if norm.bias is None else scaled + norm.bias


def slow_gru(cell: torch.nn.GRUCell, x: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """The GRU's equations, gate by gate."""
    x_reset, x_update, x_new = (cell.weight_ih @ x + cell.bias_ih).chunk(3)
    s_reset, s_update, s_new = (cell.weight_hh @ state + cell.bias_hh).chunk(3)
    reset, update = (x_reset + s_reset).sigmoid(), (x_update + s_update).sigmoid()
    return (1 - update) * (x_new + reset * s_new).tanh() + update * state


def slow_attention(
    module: SlotAttention, initial: torch.Tensor, features: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Algorithm 1 for one frame, place by place: slots (K, D) and attention (K, N)."""
    slots = list(initial)
    places = [slow_layer_norm(x, module.norm_features) for x in features]
    attention = torch.zeros(len(slots), len(places))
    for _ in range(module.iterations):
        queries = [module.query.weight @ slow_layer_norm(s, module.norm_slots) for s in slots]
        for n, place in enumerate(places):
            key = module.key.weight @ place
            scores = [math.exp(float(q @ key) / math.sqrt(len(key))) for q in queries]
            attention[:, n] = torch.tensor([s / sum(scores) for s in scores])
        for k, slot in enumerate(slots):
            update = torch.zeros_like(slot)
            for n, place in enumerate(places):
                update += attention[k, n] * (module.value.weight @ place)
            slot = slow_gru(module.gru, update / attention[k].sum(), slot)
            first, _, last = module.mlp
            hidden = first.weight @ slow_layer_norm(slot, module.norm_mlp) + first.bias
            slots[k] = slot + last.weight @ hidden.clamp(min=0) + last.bias
    return torch.stack(slots), attention


def slow_features(encoder: SlotAttentionEncoder, frame: np.ndarray) -> torch.Tensor:
    """What the attention module reads, (h * w, C), place by place."""
    x = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
    for conv in (encoder.conv1, encoder.conv2):
        x = F.relu(F.conv2d(x, conv.weight, conv.bias, stride=conv.stride))
    _, _, height, width = x.shape
    first, _, last = encoder.mlp
    features = []
    for row in range(height):
        for column in range(width):
            r, c = row / (height - 1), column / (width - 1)
            at = torch.tensor([r, c, 1 - r, 1 - c])
            place = x[0, :, row, column] + encoder.position.weight @ at + encoder.position.bias
            hidden = (first.weight @ slow_layer_norm(place, encoder.norm) + first.bias).clamp(min=0)
            features.append(last.weight @ hidden + last.bias)
    return torch.stack(features)


@torch.no_grad()
@pytest.mark.parametrize("num_slots", [1, 2, 5])
@pytest.mark.parametrize("iterations", [1, 3])
def test_slots_and_attention_match_loops_over_places(num_slots: int, iterations: int) -> None:
    torch.manual_seed(1)
    encoder = SlotAttentionEncoder(
        num_slots=num_slots, slot_dim=6, iterations=iterations, preprocess=plain(36, 44)
    )
    with torch.no_grad():
        for parameter in encoder.parameters():  # biases and norms away from 0 and 1
            parameter += 0.2 * torch.randn_like(parameter)
    frames = random_frames(2, 36, 44)
    output = encoder(to_unit_float(torch.from_numpy(frames)))
    assert output.maps.shape == (2, num_slots, 1, 3, 4)
    for i in range(2):
        slots, attention = slow_attention(
            encoder.attention, encoder.initial_slots, slow_features(encoder, frames[i])
        )
        torch.testing.assert_close(output.slots[i], slots, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(output.maps[i].flatten(1), attention, atol=1e-5, rtol=1e-3)


def test_sizes_on_an_atari_frame() -> None:
    output = SlotAttentionEncoder(num_slots=4, preprocess=SCN)(torch.zeros(2, 3, 210, 160))
    assert output.slots.shape == (2, 4, 32)
    assert output.maps.shape == (2, 4, 1, 24, 18)


def test_attention_is_shared_out_among_slots(encoder: SlotAttentionEncoder) -> None:
    maps = encoder(to_unit_float(torch.from_numpy(random_frames(3, 84, 100)))).maps
    torch.testing.assert_close(maps.sum(1), torch.ones_like(maps[:, 0]))
    assert (maps > 0).all()


def test_permuted_initial_slots_give_permuted_slots(encoder: SlotAttentionEncoder) -> None:
    images, order = to_unit_float(torch.from_numpy(moving_square(3))), torch.tensor([2, 0, 1])
    before = encoder(images)
    with torch.no_grad():
        encoder.initial_slots.copy_(encoder.initial_slots[order])
    after = encoder(images)
    torch.testing.assert_close(after.slots, before.slots[:, order])
    torch.testing.assert_close(after.maps, before.maps[:, order])


def test_equal_initial_slots_stay_equal(encoder: SlotAttentionEncoder) -> None:
    with torch.no_grad():
        encoder.initial_slots.copy_(encoder.initial_slots[:1].expand(3, -1))
    output = encoder(to_unit_float(torch.from_numpy(moving_square(2))))
    torch.testing.assert_close(output.slots[:, 0], output.slots[:, 2])
    torch.testing.assert_close(output.maps, torch.full_like(output.maps, 1 / 3))


def test_one_slot_gets_every_place(encoder: SlotAttentionEncoder) -> None:
    single = SlotAttentionEncoder(num_slots=1, slot_dim=6, preprocess=plain(84, 100))
    output = single(to_unit_float(torch.from_numpy(random_frames(2, 84, 100))))
    assert output.slots.shape == (2, 1, 6)
    torch.testing.assert_close(output.maps, torch.ones_like(output.maps))


def test_a_slot_without_any_place_is_still_a_number() -> None:
    torch.manual_seed(0)
    module = SlotAttention(slot_dim=4, feature_dim=4, iterations=3)
    with torch.no_grad():
        module.query.weight.mul_(1e4)
    slots, attention = module(torch.randn(2, 3, 4), torch.randn(2, 1, 4), torch.randn(2, 1, 4))
    assert (attention == 0).any()
    assert torch.isfinite(slots).all()


def test_the_same_frame_gives_the_same_slots_wherever_it_is(encoder: SlotAttentionEncoder) -> None:
    frames = moving_square(6)
    together = encoder.encode(frames)
    np.testing.assert_array_equal(encoder.encode(frames), together)
    np.testing.assert_allclose(encoder.encode(frames[4:5])[0], together[4], atol=1e-5)
    again = SlotAttentionEncoder(**encoder.architecture_kwargs())
    again.load_state_dict(encoder.state_dict())
    np.testing.assert_array_equal(again.encode(frames), together)


def test_a_moved_object_changes_slots(encoder: SlotAttentionEncoder) -> None:
    slots = encoder.encode(moving_square(6))
    assert np.abs(slots[1:] - slots[:-1]).max(axis=(1, 2)).min() > 1e-3


def test_distinct_windows_give_the_same_slots_maps_and_gradients(
    encoder: SlotAttentionEncoder,
) -> None:
    frames = moving_square(6)
    prepared = encoder.prepare(frames)
    assert isinstance(prepared, PlacedWindows)
    assert len(prepared.rows) < 0.5 * prepared.positions.numel()
    fast = encoder.forward_prepared(prepared)
    dense = encoder(to_unit_float(torch.from_numpy(frames)))
    torch.testing.assert_close(fast.slots, dense.slots, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(fast.maps, dense.maps, atol=1e-5, rtol=1e-4)
    weights = torch.randn_like(dense.slots)
    parameters = list(encoder.parameters())
    got = torch.autograd.grad((fast.slots * weights).sum(), parameters)
    expected = torch.autograd.grad((dense.slots * weights).sum(), parameters)
    for g, e in zip(got, expected, strict=True):
        torch.testing.assert_close(g, e, rtol=1e-3, atol=1e-4 * float(e.abs().max()))


def test_noise_and_few_frames_fall_back_to_ordinary_convolutions(
    encoder: SlotAttentionEncoder,
) -> None:
    assert isinstance(encoder.prepare(random_frames(4, 84, 100)), torch.Tensor)
    assert isinstance(encoder.prepare(moving_square(3)), torch.Tensor)


def test_rounds_are_kept_on_disk(tmp_path: Path) -> None:
    made = SlotAttentionEncoder(num_slots=2, slot_dim=4, iterations=2, preprocess=plain(36, 36))
    made.save_pretrained(tmp_path / "encoder")
    loaded = SlotEncoder.from_pretrained(tmp_path / "encoder")
    assert isinstance(loaded, SlotAttentionEncoder)
    assert loaded.attention.iterations == 2
    frames = random_frames(2, 36, 36)
    np.testing.assert_array_equal(loaded.encode(frames), made.encode(frames))


def test_autocast_leaves_the_rounds_in_float32(encoder: SlotAttentionEncoder) -> None:
    images = to_unit_float(torch.from_numpy(moving_square(4)))
    with torch.autocast("cpu", torch.bfloat16):
        output = encoder(images)
    assert output.slots.dtype == output.maps.dtype == torch.float32
    torch.testing.assert_close(output.slots, encoder(images).slots, atol=0.1, rtol=0.1)


def test_wrong_sizes_are_named() -> None:
    with pytest.raises(ValueError, match="at least 20 x 20 pixels for this encoder, got 19 x 84"):
        SlotAttentionEncoder(num_slots=2, preprocess=plain(19, 84))
    smallest = SlotAttentionEncoder(num_slots=2, preprocess=plain(20, 20))
    assert np.isfinite(smallest.encode(random_frames(2, 20, 20))).all()
    with pytest.raises(ValueError, match=r"iterations must lie in 1\.\.100, got 0"):
        SlotAttentionEncoder(num_slots=2, iterations=0, preprocess=SCN)
    with pytest.raises(ValueError, match=r"num_slots must lie in 1\.\.1024, got 0"):
        SlotAttentionEncoder(num_slots=0, preprocess=SCN)
