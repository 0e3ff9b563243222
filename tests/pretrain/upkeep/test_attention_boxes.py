"""Boxes of attention: places worked by hand, the order of slots, and which encoders have them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pretrain.upkeep.attention_boxes import attention_boxes
from slotenv.encoders import SlotAttentionEncoder, SlotMapEncoder, SlotOutput
from slotenv.frames import SCN

FRAMES = np.zeros((2, 210, 160, 3), np.uint8)


@pytest.fixture
def encoder() -> SlotAttentionEncoder:
    torch.manual_seed(0)
    return SlotAttentionEncoder(num_slots=4, slot_dim=8, preprocess=SCN).eval()


def give(encoder: SlotAttentionEncoder, owner: np.ndarray) -> None:
    """Let each place, (B, 24, 18), have all attention of one slot."""
    maps = torch.nn.functional.one_hot(torch.from_numpy(owner), 4).permute(0, 3, 1, 2).float()
    output = SlotOutput(torch.zeros(len(owner), 4, 8), maps.unsqueeze(2))
    encoder.forward_prepared = lambda prepared: output  # type: ignore[method-assign]


def test_a_place_is_the_middle_of_the_pixels_that_it_sees(encoder: SlotAttentionEncoder) -> None:
    """Places are 8 pixels apart and see 20 x 20: the first one's middle is at 9.5."""
    owner = np.zeros((2, 24, 18), int)
    owner[0, 3, 5] = 1
    owner[0, 10:12, 7:10] = 2
    owner[1, 0, 0] = 3  # its window begins at the edge of the frame
    give(encoder, owner)
    boxes = attention_boxes(encoder, FRAMES)
    expected = np.zeros((2, 4, 5))
    expected[0, 1] = 1, 8 * 5 + 9.5, 8 * 3 + 9.5, 8, 8
    expected[0, 2] = 1, 8 * 8 + 9.5, 8 * 10.5 + 9.5, 24, 16
    expected[1, 3] = 1, 6.5, 6.5, 14, 14
    np.testing.assert_array_equal(boxes, expected)  # slot 0 has more than half: no object


def test_the_largest_piece_counts(encoder: SlotAttentionEncoder) -> None:
    owner = np.zeros((1, 24, 18), int)
    owner[0, 20, 2] = owner[0, 4, 9:11] = 1
    give(encoder, owner)
    (box,) = attention_boxes(encoder, FRAMES[:1])[0, 1:2]
    np.testing.assert_array_equal(box, [1, 8 * 9.5 + 9.5, 8 * 4 + 9.5, 16, 8])


def test_boxes_follow_the_order_of_slots_and_batches(encoder: SlotAttentionEncoder) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (30, 210, 160, 3)).astype(np.uint8)
    boxes = attention_boxes(encoder, frames)
    assert boxes.shape == (30, 4, 5)
    assert boxes[..., 0].any()
    np.testing.assert_array_equal(attention_boxes(encoder, frames[27:]), boxes[27:])
    with torch.no_grad():
        encoder.initial_slots.copy_(encoder.initial_slots[[2, 0, 3, 1]].clone())
    np.testing.assert_array_equal(attention_boxes(encoder, frames), boxes[:, [2, 0, 3, 1]])


def test_encoders_without_attention_are_refused() -> None:
    other = SlotMapEncoder(num_slots=4, slot_dim=8, preprocess=SCN)
    with pytest.raises(
        ValueError, match=r"SlotMapEncoder has no attention.*slot_attention_contrast"
    ):
        attention_boxes(other, FRAMES)
