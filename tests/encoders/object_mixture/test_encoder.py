import copy
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from fake_envs import random_frames
from moving_blocks import (
    BIG,
    BLOCKS,
    GUEST,
    HEIGHT,
    LOWER,
    SKY,
    UPPER,
    WIDTH,
    Block,
    background,
    paint,
    scene,
    to_half_screens,
)
from numpy.typing import NDArray
from sklearn.linear_model import LinearRegression

from slotenv.encoders import SlotEncoder, to_unit_float
from slotenv.encoders.object_mixture import ObjectMixtureEncoder
from slotenv.encoders.readout import SLOT_FIELDS
from slotenv.frames import plain

PRESET = plain(HEIGHT, WIDTH)
TEST = scene(60, seed=1)


@cache
def fitted(blocks: tuple[Block, ...] = BLOCKS) -> ObjectMixtureEncoder:
    return from_frames(scene(150, blocks).frames)


@pytest.fixture
def encoder() -> ObjectMixtureEncoder:
    return copy.deepcopy(fitted())


def from_frames(frames: NDArray[np.uint8], **options: int) -> ObjectMixtureEncoder:
    return ObjectMixtureEncoder.from_frames(frames, preprocess=PRESET, **options)


def test_shapes(encoder: ObjectMixtureEncoder) -> None:
    slots = encoder.encode(TEST.frames)
    assert len(BLOCKS) <= encoder.num_slots <= len(BLOCKS) + 1
    assert slots.shape == (60, encoder.num_slots, len(SLOT_FIELDS))
    assert slots.dtype == np.float32
    assert encoder.encode(TEST.frames[:0]).shape == (0, *slots.shape[1:])
    tensor = encoder.encode(torch.from_numpy(TEST.frames))
    np.testing.assert_array_equal(tensor.numpy(), slots)


def test_centres_are_linear_in_the_slots_of_new_frames(encoder: ObjectMixtureEncoder) -> None:
    train = scene(150)
    slots, new = (encoder.encode(s.frames).reshape(len(s.frames), -1) for s in (train, TEST))
    for j in range(len(BLOCKS)):
        seen, new_seen = train.there[:, j], TEST.there[:, j]
        for axis in range(2):
            centre = train.centres[seen, j, axis]
            if centre.std() == 0:
                continue
            line = LinearRegression().fit(slots[seen], centre)
            score = line.score(new[new_seen], TEST.centres[new_seen, j, axis])
            assert score > 0.95, (j, axis)


def test_places_are_read_off_without_any_regression(encoder: ObjectMixtureEncoder) -> None:
    slots = encoder.encode(TEST.frames)
    places = slots[..., [2, 1]] / 5 + encoder.home.detach().numpy() * (slots[..., :1] > 0)
    centres = to_half_screens(TEST.centres)
    for j in range(len(BLOCKS)):
        there = TEST.there[:, j]
        away = np.abs(places[there] - centres[there, None, j]) * (HEIGHT / 2, WIDTH / 2)
        assert np.quantile(away.max(-1), 0.95, 0).min() < 1, j


def test_slots_and_boxes_come_of_one_pass(
    encoder: ObjectMixtureEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, frames = encoder.encode(TEST.frames), torch.from_numpy(TEST.frames)
    prepared = []
    prepare = encoder.prepare
    monkeypatch.setattr(encoder, "prepare", lambda given: prepared.append(1) or prepare(given))
    slots, boxes = encoder.encode_with_boxes(TEST.frames)
    assert prepared == [1]
    assert (boxes.shape, boxes.dtype) == ((60, encoder.num_slots, 5), np.float32)
    np.testing.assert_array_equal(slots, expected)
    np.testing.assert_array_equal(boxes[..., 0], slots[..., 0])
    np.testing.assert_array_equal(boxes, encoder.boxes(TEST.frames))
    for of_tensor, of_array in zip(encoder.encode_with_boxes(frames), (slots, boxes), strict=True):
        np.testing.assert_array_equal(of_tensor.numpy(), of_array)
    none = encoder.encode_with_boxes(TEST.frames[:0])
    assert [part.shape for part in none] == [(0, *slots.shape[1:]), (0, *boxes.shape[1:])]
    seen = boxes[..., 1:][boxes[..., 0] > 0.5]
    reach = seen[:, :2] - seen[:, 2:] / 2, seen[:, :2] + seen[:, 2:] / 2
    assert (reach[0] > -0.51).all()
    assert (reach[1] < np.array([WIDTH, HEIGHT]) - 0.49).all()


def test_each_thing_is_described_by_one_slot(encoder: ObjectMixtureEncoder) -> None:
    slots = encoder.describe(TEST.frames)
    assert [slot.index for slot in slots] == list(range(encoder.num_slots))
    for j, block in enumerate(BLOCKS):
        there = TEST.there[:, j]
        row, column = np.median(TEST.centres[there, j], axis=0)
        found = [
            slot
            for slot in slots
            if slot.colour == block.colour
            and abs(slot.width - block.width) < 1
            and abs(slot.height - block.height) < 1
            and np.hypot(slot.x - column, slot.y - row) < 1.5
        ]
        assert len(found) == 1, block
        assert found[0].present == pytest.approx(there.mean(), abs=0.02)
        assert found[0].moves
        height, width, _ = found[0].picture.shape
        assert block.height < height <= block.height + 9
        assert block.width < width <= block.width + 9


def test_nothing_is_described_without_frames_of_the_right_kind(
    encoder: ObjectMixtureEncoder,
) -> None:
    with pytest.raises(ValueError, match=r"needs frames to see slots in.*got none"):
        encoder.describe(TEST.frames[:0])
    with pytest.raises(ValueError, match=r"frames .*\(B, 48, 40, 3\)"):
        encoder.describe(TEST.frames[:, :-1])
    with pytest.raises(TypeError, match="uint8"):
        encoder.describe(TEST.frames.astype(np.float32))


def test_a_guest_is_present_exactly_when_it_is_there(encoder: ObjectMixtureEncoder) -> None:
    presence = encoder.encode(TEST.frames)[..., 0]
    guest = TEST.there[:, BLOCKS.index(GUEST)]
    assert any(np.array_equal(presence[:, k], guest) for k in range(encoder.num_slots))


def test_absent_slots_are_exactly_zero(encoder: ObjectMixtureEncoder) -> None:
    assert not encoder.encode(background(3)).any()


def test_a_row_that_never_changes_is_exactly_zero() -> None:
    slots = fitted((UPPER, LOWER)).encode(scene(30, (UPPER, LOWER), seed=1).frames)
    assert slots.shape[1] == 2
    assert not slots[..., SLOT_FIELDS.index("y")].any()
    assert (slots[..., SLOT_FIELDS.index("x")].std(0) > 0.1).all()


def test_a_thing_that_never_moves_is_at_exactly_zero() -> None:
    light = Block((250, 120, 20), 3, 4, (20, 20), (12, 12), chance=0.3)
    blocks = (BIG, light)
    new = scene(60, blocks, seed=1)
    slots = fitted(blocks).encode(new.frames)
    matches = [k for k in range(slots.shape[1]) if np.array_equal(slots[:, k, 0], new.there[:, 1])]
    assert len(matches) == 1
    assert not slots[:, matches[0], 1:].any()


@pytest.mark.parametrize("corner", [(0, 0), (0, 34), (44, 2), (43, 35)])
def test_a_digit_of_the_same_colour_does_not_drag_an_object(corner: tuple[int, int]) -> None:
    """The objects have been seen without it; far from them its pixels are not theirs."""
    encoder, frames = fitted(), TEST.frames.copy()
    for frame in frames:
        paint(frame, BIG.colour, *corner, 4, 3)
        frame[corner[0] + 1 : corner[0] + 3, corner[1] + 1] = SKY
    plain_slots, slots = encoder.encode(TEST.frames), encoder.encode(frames)
    home = to_half_screens(TEST.centres[:, BLOCKS.index(BIG)]).mean(0)
    k = int(np.abs(encoder.home.detach().numpy() - home).sum(1).argmin())
    assert plain_slots[:, k, 0].min() == 1.0
    away = np.abs(slots - plain_slots)[:, k, 1:3] * (WIDTH / 10, HEIGHT / 10)
    assert away.max() < 0.5


def test_a_digit_that_changes_gets_slots_of_its_own() -> None:
    def with_digit(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
        scenes = scene(count, (BIG,), seed=seed)
        shapes = np.random.default_rng(0).random((6, 4, 3)) < 0.5
        for frame, which in zip(
            scenes.frames, np.random.default_rng(seed + 9).integers(0, 6, count), strict=True
        ):
            frame[1:5, 33:36][shapes[which]] = BIG.colour
        return scenes.frames, scenes.centres[:, 0]

    train, centres = with_digit(150, 0)
    new, new_centres = with_digit(60, 1)
    encoder = from_frames(train)
    assert encoder.num_slots >= 2
    slots = encoder.encode(train).reshape(150, -1)
    line = LinearRegression().fit(slots, centres)
    assert line.score(encoder.encode(new).reshape(60, -1), new_centres) > 0.95


def test_encoding_is_the_same_every_time_and_one_by_one(encoder: ObjectMixtureEncoder) -> None:
    frames = np.concatenate([TEST.frames[:6], background(1), random_frames(1, HEIGHT, WIDTH)])
    together = encoder.encode(frames)
    np.testing.assert_array_equal(encoder.encode(frames), together)
    for i in range(len(frames)):
        np.testing.assert_allclose(encoder.encode(frames[i : i + 1])[0], together[i], atol=1e-5)


def test_forward_equals_forward_prepared_equals_encode(encoder: ObjectMixtureEncoder) -> None:
    frames = TEST.frames[:8]
    slots = encoder(to_unit_float(torch.from_numpy(frames))).slots
    prepared = encoder.forward_prepared(encoder.prepare(frames)).slots
    torch.testing.assert_close(prepared, slots, atol=1e-6, rtol=1e-6)
    raw = encoder.forward_prepared(torch.from_numpy(frames)).slots
    torch.testing.assert_close(raw, slots, atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(encoder.encode(frames), slots.detach(), atol=1e-6)


def test_frames_in_any_memory_order(encoder: ObjectMixtureEncoder) -> None:
    np.testing.assert_array_equal(
        encoder.encode(TEST.frames[::-2]), encoder.encode(np.ascontiguousarray(TEST.frames[::-2]))
    )
    turned = np.ascontiguousarray(TEST.frames.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)
    np.testing.assert_array_equal(encoder.encode(turned), encoder.encode(TEST.frames))
    tensor = torch.from_numpy(turned)
    np.testing.assert_array_equal(encoder.encode(tensor).numpy(), encoder.encode(TEST.frames))


def test_gradients_reach_every_parameter(encoder: ObjectMixtureEncoder) -> None:
    noisy = TEST.frames.copy()
    noisy[:, 10:12, 30:33] = GUEST.colour
    slots = encoder(to_unit_float(torch.from_numpy(noisy))).slots
    slots.square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_save_and_load(encoder: ObjectMixtureEncoder, tmp_path: Path) -> None:
    encoder.save_pretrained(tmp_path / "encoder")
    loaded = SlotEncoder.from_pretrained(tmp_path / "encoder")
    assert isinstance(loaded, ObjectMixtureEncoder)
    assert loaded.preprocess == PRESET
    np.testing.assert_array_equal(loaded.encode(TEST.frames), encoder.encode(TEST.frames))


def test_copies_encode_the_same(encoder: ObjectMixtureEncoder) -> None:
    expected = encoder.encode(TEST.frames)
    np.testing.assert_array_equal(copy.deepcopy(encoder).encode(TEST.frames), expected)
    pickled = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(pickled.encode(TEST.frames), expected)


def test_loading_other_weights_changes_the_background(encoder: ObjectMixtureEncoder) -> None:
    encoder.encode(TEST.frames)
    other = copy.deepcopy(encoder)
    state = {name: value.clone() for name, value in encoder.state_dict().items()}
    state["usual_colours"] = state["usual_colours"].flip(0)  # the ground above the sky
    other.load_state_dict(state)
    assert np.abs(other.encode(TEST.frames) - encoder.encode(TEST.frames)).max() > 0.1
    copied = copy.deepcopy(other)
    copied.load_state_dict(encoder.state_dict())
    np.testing.assert_array_equal(copied.encode(TEST.frames), encoder.encode(TEST.frames))
    assert np.abs(other.encode(TEST.frames) - encoder.encode(TEST.frames)).max() > 0.1


def test_the_seed_decides_everything() -> None:
    frames = scene(50).frames
    one, two = (from_frames(frames, seed=5).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_slots_than_allowed(most: int) -> None:
    assert from_frames(scene(50).frames, num_slots=most).num_slots <= most


def test_what_cannot_be_had_says_so() -> None:
    with pytest.raises(ValueError, match="got none"):
        from_frames(TEST.frames[:0])
    with pytest.raises(ValueError, match=r"are 6 numbers .*, got slot_dim=5"):
        from_frames(TEST.frames, slot_dim=5)
    assert from_frames(TEST.frames, slot_dim=6).slot_dim == 6


@pytest.mark.parametrize("kind", ["noise", "one colour", "two colours", "one frame"])
def test_odd_frames_do_not_crash(kind: str) -> None:
    frames = {
        "noise": random_frames(20, HEIGHT, WIDTH),
        "one colour": np.full((20, HEIGHT, WIDTH, 3), 9, np.uint8),
        "two colours": background(20),
        "one frame": TEST.frames[:1],
    }[kind]
    with pytest.warns(UserWarning, match="Too few frames to find objects in"):
        encoder = from_frames(frames, num_slots=6)
    for odd in (frames, TEST.frames[:4], random_frames(2, HEIGHT, WIDTH)):
        slots = encoder.encode(odd)
        assert slots.shape == (len(odd), encoder.num_slots, len(SLOT_FIELDS))
        assert np.isfinite(slots).all()
        assert (slots[..., 0] >= 0).all()
        assert (slots[..., 0] <= 1).all()


def test_noise_and_flat_frames_are_read_by_an_ordinary_encoder(
    encoder: ObjectMixtureEncoder,
) -> None:
    flat = np.full((2, HEIGHT, WIDTH, 3), 200, np.uint8)
    for odd in (random_frames(3, HEIGHT, WIDTH), flat):
        assert np.isfinite(encoder.encode(odd)).all()


@pytest.mark.parametrize(("pairs", "starts"), [(None, 1), (0, 1), (8, 4)])
def test_several_starts_are_tried_where_what_comes_next_is_known(
    pairs: int | None, starts: int
) -> None:
    frames, said = scene(40).frames, []
    later = None if pairs is None else frames[1 : pairs + 1]
    size = plain(*frames.shape[1:3])
    ObjectMixtureEncoder.from_frames(
        frames, preprocess=size, next_frames=later, announce=said.append
    )
    told = [line for line in said if "start" in line]
    assert [line.split(",")[0] for line in told] == [
        f"objects: start {number} of {starts}" for number in range(1, starts + 1)
    ]
