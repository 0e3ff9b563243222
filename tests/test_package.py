"""What pyproject.toml and CITATION.cff say of the package."""

import importlib.metadata
import tomllib
from pathlib import Path

import pytest
import yaml

import slotenv

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def installed() -> importlib.metadata.PackageMetadata:
    return importlib.metadata.metadata("slotenv")


def test_the_version_is_one(installed):
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    named = {slotenv.__version__, PROJECT["project"]["version"], str(cited["version"])}
    assert named == {installed["Version"]}
    heading = next(
        line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line[:2] == "##"
    )
    assert heading.split()[1] in named


def test_pythons_of_the_classifiers_are_allowed(installed):
    classifiers = installed.get_all("Classifier")
    pythons = [c.rsplit(" ", 1)[1] for c in classifiers if c.startswith("Programming Language")]
    lowest = min(tuple(map(int, p.split("."))) for p in pythons if "." in p)
    assert installed["Requires-Python"] == f">={lowest[0]}.{lowest[1]}"


def test_an_extra_that_is_named_in_another_is_there():
    extras = PROJECT["project"]["optional-dependencies"]
    inside = {
        name
        for lines in extras.values()
        for line in lines
        if line.startswith("slotenv[")
        for name in line.removeprefix("slotenv[").partition("]")[0].split(",")
    }
    assert inside
    assert inside <= extras.keys()


def test_data_files_of_the_packages_are_there_and_all_kinds_of_them_are_named():
    named = {
        folder: [path for pattern in patterns for path in (ROOT / folder).glob(pattern)]
        for folder, patterns in PROJECT["tool"]["setuptools"]["package-data"].items()
    }
    for folder, files in named.items():
        beside = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        data = {p for p in beside if p.suffix not in (".py", ".pyc")}
        assert data == set(files), folder
