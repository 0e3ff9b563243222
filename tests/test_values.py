"""What holds for the classes of every file, read from the source without running it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import slotenv

ROOT = Path(slotenv.__file__).parents[1]
FILLED_IN = {"Scores", "TrainState", "_Saved"}
"""What is filled in as a program goes on; every other data class is a value."""
IN_ORDER = {
    "Affine",
    "AllOf",
    "Always",
    "AnyOf",
    "ByteWithin",
    "Cell",
    "Either",
    "FirstOfThree",
    "Method",
    "Modular",
    "Nibbles",
    "PatchIndex",
    "Scores",
    "Shard",
    "Signed",
    "Task",
    "TrainState",
    "ValueWithin",
    "_Image",
    "_Saved",
}
"""Short records; every other data class takes its fields by name, so that none are mixed up."""


def data_classes():
    for package in ("slotenv", "pretrain"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    for decorator in node.decorator_list:
                        call = decorator.func if isinstance(decorator, ast.Call) else decorator
                        if ast.unparse(call) == "dataclass":
                            yield pytest.param(node.name, decorator, id=f"{path.stem}-{node.name}")


@pytest.mark.parametrize(("name", "decorator"), list(data_classes()))
def test_data_classes_are_values_whose_fields_are_named(name, decorator):
    flags = getattr(decorator, "keywords", [])
    expected = set()
    if name not in FILLED_IN:
        expected.add("frozen=True")
    if name not in IN_ORDER:
        expected.add("kw_only=True")
    assert {ast.unparse(flag) for flag in flags} == expected
