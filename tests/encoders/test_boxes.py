"""Where slots are in a frame, in pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from slotenv.encoders.encoding import BOX_FIELDS
from slotenv.encoders.readout import Readout, read_boxes

HEIGHT, WIDTH = 100, 200


def moments_of(pixels: list[tuple[int, int]]) -> Tensor:
    """Sum what moments are made of over pixels (row, column), one after the other: (1, 1, 6)."""
    total = np.zeros(6)
    for row, column in pixels:
        y, x = (2 * row + 1) / HEIGHT - 1, (2 * column + 1) / WIDTH - 1
        total += [1, y, x, y * y, x * x, 0.5]
    return torch.tensor(total, dtype=torch.float32).reshape(1, 1, 6)


def box_of(pixels: list[tuple[int, int]], usual_mass: float = 1.0) -> dict[str, float]:
    readout = Readout(torch.tensor([usual_mass]), *torch.zeros(3, 1, 1))
    box = read_boxes(readout, moments_of(pixels), height=HEIGHT, width=WIDTH)
    assert box.shape == (1, 1, len(BOX_FIELDS))
    return dict(zip(BOX_FIELDS, box[0, 0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [((40, 48), (30, 50)), ((0, 1), (0, 1)), ((99, 100), (190, 200)), ((0, 100), (0, 200))],
)
def test_a_full_rectangle_is_its_own_box(rows: tuple[int, int], columns: tuple[int, int]) -> None:
    box = box_of([(row, column) for row in range(*rows) for column in range(*columns)])
    expected = {
        "presence": 1.0,
        "x": (columns[0] + columns[1] - 1) / 2,
        "y": (rows[0] + rows[1] - 1) / 2,
        "width": columns[1] - columns[0],
        "height": rows[1] - rows[0],
    }
    assert box == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_a_box_never_leaves_the_frame() -> None:
    # Two of three pixels lie in the first column: 20 on average, with a deviation of 28.3, so that
    # a full rectangle like them would reach from -29 to 69; rows likewise, at the lower edge.
    box = box_of([(99, 0), (99, 0), (39, 60)])
    width, height = (12 * (20**2 * 2) + 1) ** 0.5, (12 * (20**2 * 2) + 1) ** 0.5
    right, top = 20 + width / 2, 79 - height / 2
    assert box["x"] == pytest.approx((right - 0.5) / 2, abs=1e-3)
    assert box["width"] == pytest.approx(right + 0.5, abs=1e-3)
    assert box["y"] == pytest.approx((top + 99.5) / 2, abs=1e-3)
    assert box["height"] == pytest.approx(99.5 - top, abs=1e-3)


def test_a_box_wider_than_the_frame_is_the_frame() -> None:
    corners = [(row, column) for row in (0, HEIGHT - 1) for column in (0, WIDTH - 1)]
    whole = {"presence": 1.0, "x": 99.5, "y": 49.5, "width": WIDTH, "height": HEIGHT}
    assert box_of(corners) == pytest.approx(whole, abs=1e-3)


def test_a_slot_without_pixels_is_absent_and_its_box_finite() -> None:
    box = box_of([], usual_mass=10.0)
    assert box["presence"] == 0
    assert 0 < box["width"] < WIDTH
    assert all(np.isfinite(number) for number in box.values())
