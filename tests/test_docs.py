"""The pages of ``docs/`` build, load nothing from elsewhere and have every public name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import pkgutil
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
from doc_pages import ROOT

import slotenv

INTERNAL = {  # modules that are used through others
    *("atomic", "checkpoint", "checks", "compatibility", "games", "lazy_encoder", "markdown"),
    *("observations", "records", "version"),
    *("extractor", "set_extractor"),  # old places of what is in slotenv.sb3 now
    *("record_labels", "wrapper"),  # of which slotenv has the classes
    "registration",  # of ids, when slotenv is imported
}


class Page(HTMLParser):
    """What a built page loads, and the names that its headings have."""

    LOADING: ClassVar = {
        "script": "src",
        "img": "src",
        "iframe": "src",
        "source": "src",
        "link": "href",
    }

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {key: value for key, value in attrs if value}
        self.ids |= {named["id"]} if "id" in named else set()
        if tag in self.LOADING and self.LOADING[tag] in named:
            self.loaded.add(named[self.LOADING[tag]])


def test_the_site_builds_without_a_warning_loads_nothing_and_has_every_public_name(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},  # of mkdocs-material, about its successor
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr

    pages = {path: Page(path.read_text()) for path in tmp_path.rglob("*.html")}
    assert len(pages) > 20
    elsewhere = {url for page in pages.values() for url in page.loaded if is_elsewhere(url)}
    for style in tmp_path.rglob("*.css"):
        elsewhere |= set(re.findall(r"url\(\W?((?:https?:)?//[^)\s]+)", style.read_text()))
    assert not elsewhere

    raw = {path for path in pages if re.search(r":(class|func|meth|data|attr):", path.read_text())}
    assert not raw, "roles of Sphinx are shown as they stand"
    api = [page for path, page in pages.items() if path.parent.name == "api"]
    entries = {name for page in api for name in page.ids}
    missing = {name for name in public_names() if not has_entry(name, entries)}
    assert not missing, "add these to a page of docs/api"


def is_elsewhere(url: str) -> bool:
    return url.startswith(("http:", "https:", "//"))


def public_names() -> set[str]:
    """Return all public names of slotenv, with their modules."""
    modules = {module.name for module in pkgutil.iter_modules(slotenv.__path__)} - INTERNAL
    names = {f"slotenv.{name}" for name in slotenv.__all__ if name != "__version__"}
    return names | {f"slotenv.{m}.{name}" for m in modules for name in names_in(f"slotenv.{m}")}


def names_in(module: str) -> set[str]:
    """Return what a module says is public, or without a word of that all that it defines.

    Read from the source, for it may need a package that is not installed.
    """
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text())
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            if isinstance(node.value, ast.List):
                return set(ast.literal_eval(node.value))
            return set(importlib.import_module(module).__all__)
    defined = {n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    return {name for name in defined if not name.startswith("_")}


def has_entry(name: str, entries: set[str]) -> bool:
    """Tell whether an API page has a name, or the same thing under another module."""
    module, _, last = name.rpartition(".")
    if name in entries:
        return True
    try:
        thing = getattr(importlib.import_module(module), last)
    except ModuleNotFoundError:  # an extra that is not installed
        return False
    if isinstance(thing, ModuleType):
        return any(entry.startswith(f"{name}.") for entry in entries)
    homes = {entry.rpartition(".")[0] for entry in entries if entry.endswith(f".{last}")}
    return any(getattr(sys.modules.get(home), last, None) is thing for home in homes)


def test_a_name_without_entry_is_found():
    assert has_entry("slotenv.probe.slot_accuracy", {"slotenv.probe.slot_accuracy"})
    assert has_entry("slotenv.SlotEncoder", {"slotenv.encoders.base.SlotEncoder"})
    assert has_entry("slotenv.vector", {"slotenv.vector.ObjectSlotObservation"})
    assert not has_entry("slotenv.probe", {"slotenv.probes.x"})
    assert not has_entry("slotenv.SlotEncoder", {"slotenv.probe.slot_accuracy"})
    assert {"slotenv.vector.ObjectSlotObservation", "slotenv.make_env"} <= public_names()


def test_links_of_readme_lead_to_files():
    readme = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\(([^)#:\s]+)[^):]*\)", readme)
    assert "docs/index.md" in links
    assert not [link for link in links if not (ROOT / link).is_file()]


@pytest.fixture
def links(monkeypatch, tmp_path):
    """The hook that turns links, in a repository of its own."""
    path = ROOT / "docs" / "hooks" / "repository_links.py"
    spec = importlib.util.spec_from_file_location("repository_links", path)
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    monkeypatch.setattr(hook, "ROOT", tmp_path)
    for name in ("README.md", "NEWS.md", "docs/index.md", "docs/api/all.md", "out/results/a.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("[news](../NEWS.md)" if name == "docs/index.md" else "")
    return hook


def turned(hook, page, text):
    """Return the text of a page of that repository with its links turned."""
    site_path = page.removeprefix("docs/")
    file = type("File", (), {"src_uri": site_path, "abs_src_path": str(hook.ROOT / page)})
    of_page = type("Page", (), {"file": file})
    return hook.on_page_markdown(text, page=of_page, config=None, files=None)


@pytest.mark.parametrize(
    ("page", "link", "expected"),
    [
        ("docs/index.md", "[x](../NEWS.md#one)", "[x](NEWS.md#one)"),
        ("docs/index.md", "![a](../out/results/a.png)", "![a](out/results/a.png)"),
        ("docs/index.md", '<img src="../out/results/a.png">', '<img src="out/results/a.png">'),
        ("docs/api/all.md", "[x](../../out/results/a.png)", "[x](../out/results/a.png)"),
        ("docs/api/all.md", "[x](../index.md)", "[x](../index.md)"),
        ("NEWS.md", "[x](docs/api/all.md) [y](README.md)", "[x](api/all.md) [y](index.md)"),
        ("docs/index.md", "[x](https://a.org) [y](#z)", "[x](https://a.org) [y](#z)"),
        ("docs/index.md", "[x](../none.md)", "[x](../none.md)"),  # MkDocs reports it
        ("docs/index.md", "```\n[x](../NEWS.md)\n```\n", "```\n[x](../NEWS.md)\n```\n"),
    ],
)
def test_links_out_of_docs_are_turned(links, page, link, expected):
    assert turned(links, page, link) == expected


def test_a_link_to_a_folder_is_refused_by_the_page_that_has_it(links):
    with pytest.raises(Exception, match=r"docs/index\.md links to the folder \.\./out"):
        turned(links, "docs/index.md", "[x](../out)")
