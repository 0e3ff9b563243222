"""Boxes of slots that say where they look by attention alone, as Slot Attention's do."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from slotenv.encoders import SlotAttentionEncoder
from slotenv.encoders.base import SlotEncoder

_BATCH = 25  # frames; attention at every pixel of 24 slots is 20 million numbers then
_BACKGROUND = 0.5  # share of the frame from which on a mask is no object's


def attention_boxes(encoder: SlotEncoder, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the boxes of attention masks in frames uint8 (B, H, W, 3).

    Attention is put back to the pixels that it came from, between which it is interpolated. A pixel
    is the slot's that has the most attention there; a slot's box is that of the largest connected
    piece of its pixels. A slot that has half of the frame or more, or no pixel, is absent.

    Returns:
        (B, K, 5) presence 0 or 1, x and y of the middle, width and height, in pixels.

    Raises:
        ValueError: If the encoder's maps are no attention of slots that share out the places.
    """
    if not isinstance(encoder, SlotAttentionEncoder):
        raise ValueError(
            f"a {type(encoder).__name__} has no attention to make boxes of: give an encoder of "
            "method slot_attention_contrast or slot_attention"
        )
    encoder.preprocess.check_frames(frames)
    parts = [frames[start : start + _BATCH] for start in range(0, len(frames), _BATCH)]
    return np.concatenate([_boxes(encoder, np.ascontiguousarray(part)) for part in parts])


def _boxes(encoder: SlotAttentionEncoder, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.no_grad():
        maps = encoder.forward_prepared(encoder.prepare(frames)).maps
    assert maps is not None
    rows = _spread(encoder, frames.shape[1], maps.shape[3])
    columns = _spread(encoder, frames.shape[2], maps.shape[4])
    attention = rows @ maps[:, :, 0].cpu().numpy() @ columns.T  # (B, K, H, W)
    owner = attention.argmax(axis=1)
    boxes = np.zeros((*maps.shape[:2], 5), np.float32)
    for image, found in zip(owner, boxes, strict=True):
        for slot in np.unique(image):
            mask = (image == slot).astype(np.uint8)
            if mask.mean() < _BACKGROUND:
                _, _, pieces, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
                corner, size = np.split(max(pieces[1:], key=lambda piece: piece[4])[:4], 2)
                found[slot] = 1, *(corner + (size - 1) / 2), *size
    return boxes


def _spread(encoder: SlotAttentionEncoder, pixels: int, places: int) -> NDArray[np.float32]:
    """Return weights (pixels, places) that interpolate between places along an axis."""
    window, step = 1, 1
    for conv in encoder.convs:
        window += (conv.kernel_size[0] - 1) * step
        step *= conv.stride[0]
    middles = (window - 1) / 2 + step * np.arange(places)
    weights = [np.interp(np.arange(pixels), middles, one) for one in np.eye(places)]
    return np.stack(weights, axis=1).astype(np.float32)
