"""Decodes and rules of presence, each against plain Python on every byte there is."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from slotenv.labels import (
    Affine,
    AllOf,
    Always,
    AnyOf,
    ByteWithin,
    Either,
    FirstOfThree,
    GameLabels,
    Label,
    Modular,
    Nibbles,
    Signed,
    ValueWithin,
    labels_for,
)

BYTES = range(256)


def every_byte(**others):
    """RAM (256, 128) whose byte 5 runs through all values; the others count on by odd steps."""
    ram = np.outer(np.arange(256), 2 * np.arange(128) + 1) % 256
    ram[:, 5] = BYTES
    for name, value in others.items():
        ram[:, int(name[1:])] = value
    return ram.astype(np.int16)


def nibbles(byte, coarse=None, offset=0):
    """Fine motion 0..7 moves left, 8..15 stands for -8..-1, which moves right."""
    fine = byte // 16
    fine = fine - 16 if fine > 7 else fine
    low = byte % 16
    return ((15 * low if coarse is None else coarse[low]) - fine + offset) % 160


COARSE = tuple(range(100, 116))
DECODES = [
    (Affine(), lambda b: b),
    (Affine(scale=-0.5, offset=3), lambda b: 3 - b / 2),
    (Modular(), lambda b: b % 160),
    (Modular(scale=2, offset=-7, modulus=100), lambda b: (2 * b - 7) % 100),
    (Signed(), lambda b: b if b < 128 else b - 256),
    (Signed(scale=3, offset=1, start=200), lambda b: 3 * (b if b < 200 else b - 256) + 1),
    (Nibbles(), nibbles),
    (Nibbles(offset=5), lambda b: nibbles(b, offset=5)),
    (Nibbles(COARSE, -3), lambda b: nibbles(b, COARSE, -3)),
]


@pytest.mark.parametrize(("decode", "by_hand"), DECODES, ids=range(len(DECODES)))
def test_a_decode_is_its_formula_on_every_byte(decode, by_hand):
    values = decode(every_byte(), 5)
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, [by_hand(byte) for byte in BYTES])


@pytest.mark.parametrize("pattern", range(8))
def test_the_first_of_three_is_the_leftmost_that_is_there(pattern):
    there = [bool(pattern & 4), bool(pattern & 2)]
    ahead = 0 if there[0] else 16 if there[1] else 32
    values = FirstOfThree(pattern=9)(every_byte(b9=pattern), 5)
    np.testing.assert_array_equal(values, [(byte + ahead) % 256 for byte in BYTES])


@pytest.mark.parametrize("switch", [0, 1, 255])
def test_a_switch_decides_which_byte_is_read(switch):
    ram = every_byte(b7=switch)
    values = Either(switch=7, decode=Affine(2), other_byte=6, other=Affine(offset=1))(ram, 5)
    np.testing.assert_array_equal(values, ram[:, 6] + 1 if switch else 2 * ram[:, 5])


RULES = [
    (Always(), lambda b: True),
    (ByteWithin(5, 10, 20), lambda b: b in range(10, 21)),
    (ByteWithin(5, 7, 7), lambda b: b == 7),
    (ValueWithin(Affine(-2), 5, -40, -20), lambda b: 10 <= b <= 20),
    (AllOf((ByteWithin(5, 0, 50), ByteWithin(5, 40, 90))), lambda b: 40 <= b <= 50),
    (AnyOf((ByteWithin(5, 0, 9), ByteWithin(5, 40, 90))), lambda b: b < 10 or 40 <= b <= 90),
]


@pytest.mark.parametrize(("rule", "by_hand"), RULES, ids=range(len(RULES)))
def test_presence_is_its_rule_on_every_byte(rule, by_hand):
    presence = rule(every_byte())
    assert presence.dtype == np.bool_
    assert presence.tolist() == [by_hand(byte) for byte in BYTES]


VALUES = [decode for decode, _ in DECODES] + [rule for rule, _ in RULES]
VALUES += [FirstOfThree(1), Either(1, Affine(), 2, Affine()), labels_for("pong")]
VALUES += [labels_for("pong").labels[0]]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value)[:40])
def test_labels_cannot_be_changed_once_they_are_made(value):
    """They are shared by all who ask for a game, and usable as keys."""
    with pytest.raises(FrozenInstanceError):
        value.byte = 1
    assert {value: 1}[value] == 1


def test_fields_of_labels_are_named():
    with pytest.raises(TypeError):
        Label("ball_x", "ball", "x", 49)
    with pytest.raises(TypeError):
        GameLabels("pong", "scn", (), 3)


def test_a_label_is_a_raw_byte_of_an_object_that_is_always_there_unless_it_says_otherwise():
    label = Label(name="ball_x", object="ball", axis="x", byte=5)
    labels = GameLabels(game="pong", view="scn", labels=(label,), num_objects=3)
    ram = every_byte().astype(np.uint8)
    values, presence = labels.read(ram)
    np.testing.assert_array_equal(values, ram[:, 5:6])
    assert presence.shape == (256, 1)
    assert presence.all()
    assert (label.status, label.evidence) == ("position", "")
