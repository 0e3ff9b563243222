"""MkDocs hook: pages may link to any file of the repository, as they do on GitHub.

MkDocs sees only files under ``docs/``. This hook brings every file that a page links to into the
site, at its path in the repository, and turns the links. Markdown files become pages, whose own
links are followed, too. ``README.md`` of the repository is the first page, ``docs/index.md``.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
# A fenced block, which is left as it is, or the target of a link or of a picture.
_FENCE_OR_LINK = re.compile(
    r"^ *(?P<fence>```|~~~).*?^ *(?P=fence) *$"
    r"|(?P<before>\]\(|(?:src|href)=\")(?P<target>[^)\s\"#]+)",
    re.MULTILINE | re.DOTALL,
)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the files outside ``docs/`` that the navigation and the pages lead to."""
    pages = [_path_of(file) for file in files.documentation_pages()]
    wanted = {name for name in _names(config.nav) if (ROOT / name).is_file()}
    wanted |= {path for page in pages for path in _linked(page)}
    while wanted:
        path = wanted.pop()
        site_path = _site_path(path)
        if files.get_file_from_path(site_path) is None:
            files.append(File.generated(config, site_path, abs_src_path=str(ROOT / path)))
            wanted |= set(_linked(path)) if path.endswith(".md") else set()
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    folder = posixpath.dirname(page.file.src_uri)

    def turned(match: re.Match[str]) -> str:
        path = _target(_path_of(page.file), match)
        if path is None:
            return match[0]
        return f"{match['before']}{posixpath.relpath(_site_path(path), folder or '.')}"

    return _FENCE_OR_LINK.sub(turned, markdown)


def _names(nav: Any) -> Iterator[str]:
    """Yield the pages that the navigation names."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _names(part)


def _path_of(file: File) -> str:
    """Return where in the repository a file of the site lies."""
    return Path(file.abs_src_path or "").relative_to(ROOT).as_posix()


def _site_path(path: str) -> str:
    """Return where in the site a file of the repository lies."""
    return "index.md" if path == "README.md" else path.removeprefix("docs/")


def _linked(path: str) -> Iterator[str]:
    """Yield the files of the repository that a page links to."""
    for match in _FENCE_OR_LINK.finditer((ROOT / path).read_text()):
        if (target := _target(path, match)) is not None:
            yield target


def _target(page: str, match: re.Match[str]) -> str | None:
    """Return the file that a link of a page leads to, None if it is none of the repository.

    Raises:
        PluginError: If it leads to a folder, which the site cannot show.
    """
    target = match["target"]
    if target is None or ":" in target:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
    if (ROOT / path).is_dir():
        raise PluginError(f"{page} links to the folder {target}: link to a file in it")
    return path if (ROOT / path).is_file() else None  # MkDocs itself reports what is missing
