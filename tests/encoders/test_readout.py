import pytest
import torch
from torch import Tensor

from slotenv.encoders.object_mixture.mixture import run_features
from slotenv.encoders.readout import SLOT_FIELDS, Readout, fit_readout, read_slots


def found_by_one_slot(
    rows: Tensor,
    columns: Tensor,
    shares: Tensor | None = None,
    brightness: Tensor | None = None,
) -> Tensor:
    """The moments (B, 1, 6) of what one slot gets of runs (B, R): all of them, or the shares."""
    shares = (torch.ones_like(rows) if shares is None else shares).unsqueeze(1)
    brightness = BRIGHTNESS.expand_as(rows) if brightness is None else brightness
    features = run_features(rows, columns, torch.zeros_like(rows), brightness)
    return torch.matmul(shares, features)


def home_at(row: float, column: float) -> Tensor:
    return torch.tensor([[row, column]], dtype=torch.float)


def readout_of(
    mass: float = 4.0,
    moves: tuple[float, float] = (1, 1),
    look: tuple[float, ...] = (0.15, 0.1, 0.2),
    look_range: tuple[float, ...] = (0.1, 0.1, 0.4),
) -> Readout:
    numbers = (moves, look, look_range)
    return Readout(torch.tensor([mass]), *(torch.tensor([n], dtype=torch.float) for n in numbers))


ROWS, COLUMNS = torch.tensor([[0.1, 0.1, 0.3, 0.3]]), torch.tensor([[-0.2, 0.2, -0.2, 0.2]])
BRIGHTNESS = torch.tensor([[0.2, 0.4, 0.2, 0.4]])


def read(found: Tensor, readout: Readout, home: tuple[float, float] = (0, 0)) -> list[float]:
    slots = read_slots(home_at(*home), readout, found)
    assert slots.shape == (len(found), 1, len(SLOT_FIELDS))
    return slots[0, 0].tolist()


def test_numbers_worked_by_hand() -> None:
    got = read(found_by_one_slot(ROWS, COLUMNS), readout_of(), home=(0.15, 0.3))
    expected = {
        "presence": 1.0,
        "x": 5 * (0.0 - 0.3),  # a half screen is five tenths
        "y": 5 * (0.2 - 0.15),
        "width": 5 * 12**0.5 * (0.2 - 0.15),
        "height": 0.0,
        "shade": 0.3 - 0.2,
    }
    assert dict(zip(SLOT_FIELDS, got, strict=True)) == pytest.approx(expected, abs=1e-5)
    assert tuple(expected) == SLOT_FIELDS


def test_a_half_there_slot_is_half_as_far() -> None:
    """0.15 of the usual mass is half presence, and all numbers are halved."""
    found = found_by_one_slot(ROWS, COLUMNS)
    whole = read(found, readout_of(look_range=(0.1, 0.1, 0.4)))
    half = read(found, readout_of(mass=4 / 0.15, look_range=(0.1, 0.1, 0.4)))
    assert half[0] == pytest.approx(0.5, abs=1e-5)
    assert half == pytest.approx([0.5 * v for v in whole], abs=1e-5)


@pytest.mark.parametrize("usual", [0.5, 4.0, 12.0])
def test_presence_is_exactly_one_from_a_third_of_the_usual_mass(usual: float) -> None:
    assert read(found_by_one_slot(ROWS, COLUMNS), readout_of(mass=usual))[0] == 1.0


@pytest.mark.parametrize("share", [0.0, 0.03, 0.07])
def test_absent_is_exactly_zero(share: float) -> None:
    shares = torch.full_like(ROWS, share)
    slots = read(found_by_one_slot(ROWS, COLUMNS, shares), readout_of(), home=(0.5, 0.5))
    assert slots == [0.0] * len(SLOT_FIELDS)


def test_what_does_not_move_is_exactly_zero() -> None:
    found = found_by_one_slot(ROWS, COLUMNS)
    got = dict(zip(SLOT_FIELDS, read(found, readout_of(moves=(0, 1)), (0.5, 0.5)), strict=True))
    assert got["y"] == 0.0
    assert got["x"] == pytest.approx(-2.5)
    got = dict(zip(SLOT_FIELDS, read(found, readout_of(moves=(1, 0)), (0.5, 0.5)), strict=True))
    assert got["x"] == 0.0
    assert got["y"] == pytest.approx(-1.5)


def test_a_look_that_does_not_change_is_exactly_zero() -> None:
    got = read(found_by_one_slot(ROWS, COLUMNS), readout_of(look_range=(0, 0, 0)))
    assert got[3:] == [0.0] * 3


def test_looks_stay_within_what_was_seen() -> None:
    found = found_by_one_slot(ROWS, COLUMNS)
    got = read(found, readout_of(look=(9, -9, 9), look_range=(0.1, 0.2, 0.3)))
    assert got[3:] == pytest.approx([-0.1 * 5 * 12**0.5, 0.2 * 5 * 12**0.5, -0.3])


def test_extents_are_in_tenths_of_the_screen() -> None:
    """A filled rectangle that is a fifth of the screen wider and a tenth higher than usual."""
    fifth = 0.4 / 12**0.5  # of two half screens, as standard deviation
    rows = torch.linspace(-0.3, 0.3, 601).reshape(1, -1)
    columns = torch.linspace(-0.4, 0.4, 601)[torch.randperm(601)].reshape(1, -1)
    found = found_by_one_slot(rows, columns, brightness=torch.zeros_like(rows))
    usual = (fifth, fifth, 0.0)
    got = read(found, readout_of(mass=601, look=usual, look_range=(1, 1, 1)))
    assert got[3:5] == pytest.approx([2.0, 1.0], abs=0.01)


def test_empty_slots_have_finite_gradients() -> None:
    rows = torch.zeros(1, 4, requires_grad=True)
    shares = torch.zeros(1, 4, requires_grad=True)
    found = found_by_one_slot(rows, rows, shares)
    slots = read_slots(home_at(0, 0), readout_of(), found)
    gradients = torch.autograd.grad(slots.sum(), [rows, shares])
    assert all(gradient.isfinite().all() for gradient in gradients)


def squares(heights: list[float], columns: list[float], there: list[float]) -> Tensor:
    """Four corners around (0, column), one frame after the other."""
    rows = torch.tensor([[-1.0, -1.0, 1.0, 1.0]]) * torch.tensor(heights).unsqueeze(1)
    places = torch.tensor([[-0.1, 0.1, -0.1, 0.1]]) + torch.tensor(columns).unsqueeze(1)
    return found_by_one_slot(rows, places, torch.tensor(there).unsqueeze(1).expand(-1, 4))


def test_what_is_usual_is_measured_while_it_is_there() -> None:
    count = 41
    columns = torch.linspace(-0.5, 0.5, count).tolist()
    heights = torch.linspace(0.1, 0.3, count).tolist()
    there = [1.0] * count
    found = squares([*heights, 0.9], [*columns, 0.99], [*there, 0.0])
    readout, kept = fit_readout(found)
    assert kept.tolist() == [True]
    assert readout.usual_mass.tolist() == [4.0]
    assert readout.moves.tolist() == [[0.0, 1.0]]  # its column changes, its row does not
    assert readout.look[0].tolist() == pytest.approx([0.1, 0.2, 0.3], abs=1e-4)
    assert readout.look_range[0].tolist() == pytest.approx([0, 0.09, 0], abs=1e-4)
    slots = read_slots(home_at(0, 0), readout, found)
    assert slots[:-1, 0, 0].tolist() == there
    assert not slots[-1].any()
    assert not slots[:, 0, 2].any()  # y
    torch.testing.assert_close(slots[:-1, 0, 1], 5 * torch.tensor(columns))
    height = slots[[0, 20, 40], 0, 4].tolist()
    assert height == pytest.approx([-0.09 * 5 * 12**0.5, 0, 0.09 * 5 * 12**0.5], abs=1e-2)


@pytest.mark.parametrize(("often", "expected"), [(0, False), (1, False), (2, True), (50, True)])
def test_slots_that_are_hardly_ever_there_are_not_kept(often: int, expected: bool) -> None:
    there = [1.0] * often + [0.0] * (200 - often)
    columns = torch.linspace(-0.5, 0.5, 200).tolist()
    found = squares([0.1] * 200, columns, there)
    readout, kept = fit_readout(found)
    assert kept.tolist() == [expected]
    assert all(value.isfinite().all() for value in readout)
    assert (readout.usual_mass > 0).all()
