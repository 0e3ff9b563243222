"""Which room may import which, read from the source without running it."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

import slotenv

ROOT = Path(slotenv.__file__).parents[1]
FILES = sorted((ROOT / "slotenv").rglob("*.py"))
ALL_FILES = sorted([*FILES, *(ROOT / "pretrain").rglob("*.py")])
OURS = ("slotenv", "pretrain")

ALLOWED = {  # room -> our rooms that it may import when it is imported itself
    "slotenv.checks": set(),
    "slotenv.version": set(),
    "slotenv.frames": {"slotenv.checks"},
    "slotenv.atomic": set(),
    "slotenv.records": {"slotenv.atomic"},
    "slotenv.labels": set(),
    "slotenv.encoders": {
        "slotenv.checkpoint",
        "slotenv.checks",
        "slotenv.frames",
        "slotenv.markdown",
        "slotenv.records",
        "slotenv.tracking",
    },
    "slotenv.objectives": {"slotenv.checks", "slotenv.encoders", "slotenv.labels"},
    "slotenv.environments": {"slotenv.frames"},
    "slotenv.ready": set(),
    "slotenv.checkpoint": {
        "slotenv.atomic",
        "slotenv.frames",
        "slotenv.ready",
        "slotenv.records",
        "slotenv.version",
    },
    "slotenv.games": set(),
    "slotenv.compatibility": {"slotenv.frames", "slotenv.games"},
    "slotenv.observations": {"slotenv.checks", "slotenv.tracking"},
    "slotenv.lazy_encoder": {
        "slotenv.checkpoint",
        "slotenv.encoders",
        "slotenv.frames",
    },
    "slotenv.wrapper": {
        "slotenv.compatibility",
        "slotenv.encoders",
        "slotenv.games",
        "slotenv.lazy_encoder",
        "slotenv.observations",
        "slotenv.ready",
    },
    "slotenv.vector": {
        "slotenv.compatibility",
        "slotenv.encoders",
        "slotenv.frames",
        "slotenv.games",
        "slotenv.lazy_encoder",
        "slotenv.observations",
        "slotenv.ready",
        "slotenv.tracking",
    },
    "slotenv.registration": {"slotenv.environments", "slotenv.ready"},
    "slotenv.record_labels": {"slotenv.environments", "slotenv.games", "slotenv.labels"},
    "slotenv.sb3": {
        "slotenv.checkpoint",
        "slotenv.checks",
        "slotenv.compatibility",
        "slotenv.encoders",
        "slotenv.environments",
        "slotenv.frames",
        "slotenv.games",
        "slotenv.lazy_encoder",
        "slotenv.observations",
        "slotenv.ready",
    },
    "slotenv.extractor": {"slotenv.sb3"},
    "slotenv.set_extractor": {"slotenv.sb3"},
    "slotenv.zoo": {
        "slotenv.checks",
        "slotenv.compatibility",
        "slotenv.environments",
        "slotenv.frames",
        "slotenv.games",
        "slotenv.lazy_encoder",
        "slotenv.ready",
        "slotenv.wrapper",
    },
    "slotenv.markdown": set(),
    "slotenv.probe": {
        "slotenv.checks",
        "slotenv.frames",
        "slotenv.labels",
        "slotenv.markdown",
        "slotenv.records",
        "slotenv.tracking",
    },
    "slotenv.following": set(),
    "slotenv.tracking": {"slotenv.following"},
    "slotenv.torchrl": {"slotenv.encoders", "slotenv.lazy_encoder", "slotenv.observations"},
    "slotenv.rllib": {"slotenv.encoders", "slotenv.lazy_encoder", "slotenv.tracking"},
    "slotenv": {"slotenv.registration", "slotenv.version"},
}
HOMES = {  # third party -> the only rooms that import it at their top
    "stable_baselines3": {"slotenv.sb3"},
    "torchrl": {"slotenv.torchrl"},
    "tensordict": {"slotenv.torchrl"},
    "ray": {"slotenv.rllib"},
    "pydantic": {"slotenv.checkpoint", "slotenv.records"},
    "sklearn": {"slotenv.probe", "slotenv.encoders"},
    "ale_py": {"slotenv.environments", "slotenv.sb3"},
    "huggingface_hub": {"slotenv.checkpoint", "slotenv.encoders"},
}


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, *, top_only: bool) -> set[str]:
    """Return the modules a file imports; a name from our package counts as the module it is."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in tree.body if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide the arrows"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if room_of(whole) in ALLOWED else str(node.module))
    return found


def test_every_room_is_on_the_map():
    assert {room_of(module_of(path)) for path in FILES} <= ALLOWED.keys()


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_rooms_import_only_what_the_map_allows(path):
    room = room_of(module_of(path))
    arrows = {room_of(m) for m in imports_of(path, top_only=True) if m.split(".")[0] in OURS}
    assert arrows - {room} <= ALLOWED[room]


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_the_library_never_imports_the_program(path):
    assert not any(m.split(".")[0] == "pretrain" for m in imports_of(path, top_only=False))


def needs_of(files: dict[str, str]) -> dict[str, set[str]]:
    """Return which of some modules each imports, in functions and for types as well.

    Args:
        files: Source by name of the module.
    """
    needs = {}
    for module, source in files.items():
        found = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                wholes = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= {name if name in files else str(node.module) for name in wholes}
        needs[module] = found & files.keys()
    return needs


def test_there_is_no_import_circle():
    files = {module_of(path): path.read_text() for path in ALL_FILES}
    graphlib.TopologicalSorter(needs_of(files)).prepare()  # raises with the circle


@pytest.mark.parametrize("where", ["def run():", "if TYPE_CHECKING:"])
def test_a_circle_through_a_function_or_a_type_is_found(where):
    graphlib.TopologicalSorter(needs_of({"a": "import b\n", "b": ""})).prepare()
    circle = needs_of({"a": "import b\n", "b": f"{where}\n    from a import x\n"})
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(circle).prepare()


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_third_parties_have_their_homes(path):
    room = room_of(module_of(path))
    for module in imports_of(path, top_only=True):
        assert room in HOMES.get(module.split(".")[0], {room}), f"{path} imports {module}"


def test_stable_baselines_is_imported_by_its_plugs_and_inside_functions_of_environments():
    users = {
        room_of(module_of(path))
        for path in FILES
        if any(m.startswith("stable_baselines3") for m in imports_of(path, top_only=False))
    }
    inside_functions = {"slotenv.environments", "slotenv.zoo"}
    assert users <= HOMES["stable_baselines3"] | inside_functions


def test_labels_import_numpy_and_nothing_else():
    paths = sorted((ROOT / "slotenv" / "labels").rglob("*.py"))
    for path in paths:
        modules = {m for m in imports_of(path, top_only=True) if not m.startswith("slotenv.labels")}
        assert {m.split(".")[0] for m in modules} <= {"numpy", *sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import slotenv", ["torch", "stable_baselines3", "sklearn"]),
        ("import slotenv.encoders", ["stable_baselines3", "sklearn"]),
        ("import slotenv.labels", ["torch"]),
        ("import slotenv.environments", ["torch", "stable_baselines3"]),
        ("from slotenv import SlotEncoder, ObjectSlotObservation", ["stable_baselines3"]),
        ("import slotenv; slotenv.vector.ObjectSlotObservation", ["stable_baselines3"]),
        ("import slotenv; slotenv.sb3", ["torch", "stable_baselines3"]),
    ],
)
def test_importing_loads_only_what_is_needed(statement, absent):
    code = f"{statement}; import sys; print([m for m in {absent} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_public_names_are_found_and_others_are_not():
    assert slotenv.SlotExtractor.__module__ == "slotenv.sb3.extractor"
    assert slotenv.ObjectSlotObservation.__module__ == "slotenv.wrapper"
    assert slotenv.vector.ObjectSlotObservation.__module__ == "slotenv.vector"
    assert all(getattr(slotenv.sb3, name).__name__ == name for name in dir(slotenv.sb3))
    assert "make_env" in dir(slotenv)
    with pytest.raises(AttributeError, match="no attribute 'Slots'"):
        _ = slotenv.sb3.Slots
    with pytest.raises(AttributeError, match="no attribute 'Slots'"):
        _ = slotenv.Slots
