"""Every block of code in README and docs runs, every command there is one."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib

import pytest
from doc_pages import NOTEBOOKS, PAGES, ROOT, Block, blocks_of
from shell_blocks import commands_of, is_shell

from pretrain.verbs import table

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
WITH_PYTHON = dict.fromkeys(block.page for block in PYTHON if block.run_by is None)
ELSEWHERE = {
    "make test-hosts": "needs an extra that the ordinary tests do not install",
    "needs a GPU": "no GPU where the tests run",
    "needs the hub": "reads or writes a model on the hub",
}
"""What may stand in ``<!-- run: ... -->``, and why such a block is not run here."""


@pytest.mark.ale
@pytest.mark.parametrize("page", [*WITH_PYTHON, *NOTEBOOKS])
def test_python_blocks_of_a_page_run_in_a_fresh_interpreter(page, tmp_path):
    done = run_page(page, tmp_path)
    assert done.returncode == 0, f"{page}:\n{done.stderr}"


def run_page(page, folder):
    command = [sys.executable, str(ROOT / "tests" / "support" / "run_page.py"), page]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs(notebook):
    cells = json.loads((ROOT / notebook).read_text())["cells"]
    assert not [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")]


def test_no_block_is_left_out_without_a_known_reason():
    reasons = {block.place: block.run_by for block in BLOCKS if block.run_by is not None}
    unknown = {place: reason for place, reason in reasons.items() if reason not in ELSEWHERE}
    assert not unknown, f"write one of {list(ELSEWHERE)}"
    named = {reason.removeprefix("make ") for reason in ELSEWHERE if reason.startswith("make ")}
    assert named <= TARGETS
    assert reasons.keys() <= {block.place for block in PYTHON}, "a mark is for Python blocks only"


def test_every_language_is_known():
    known = {"", "python", "bash", "sh", "shell", "text", "json", "yaml", "toml", "bibtex"}
    assert not {block.place: block.language for block in BLOCKS if block.language not in known}


@pytest.fixture
def parse(monkeypatch):
    """Parse a command line of pretrain, and return the flags without running the verb."""
    parsed = []
    for verb in table.VERBS | table.UPKEEP:
        monkeypatch.setattr(table.flags_of(verb), "__call__", lambda flags, _: parsed.append(flags))

    def parse(words):
        table.run_verb(words)
        return parsed[-1]

    return parse


SHELL = [block for block in BLOCKS if is_shell(block)]


@pytest.mark.parametrize("block", SHELL, ids=[block.place for block in SHELL])
def test_commands_of_a_block_are_there(block, tmp_path, parse):
    commands = commands_of(block, tmp_path)
    assert commands or "=" in block.source, f"{block.place}: no command found"
    for command in commands:
        try:
            check_command(command, parse)
        except (AssertionError, ValueError, SystemExit) as error:
            raise AssertionError(f"{block.place}: {shlex.join(command)}: {error}") from error


def check_command(command, parse):
    """Raise unless a command names flags, files, targets and extras that exist."""
    match command:
        case ["python", "-m", "pretrain", *words] | ["slotenv-pretrain", *words]:
            if words[-1] not in ("-h", "--help"):
                parse(words)
        case ["python", "-m", module, *_]:
            assert module in MODULES, f"no module known here: {module}"
        case ["python", str(script), *_] if script.endswith(".py"):
            if "/" in script:  # else it is the reader's own
                assert (ROOT / script).is_file(), f"no file {script}"
        case ["make", *words]:
            named = {word for word in words if "=" not in word and word[0] != "-"}
            assert named <= TARGETS, f"no target {sorted(named - TARGETS)}"
        case ["pip", "install", *words]:
            named = re.findall(r"(?:slotenv|\.)\[([\w,-]+)\]", " ".join(words))
            extras = {extra for group in named for extra in group.split(",")}
            assert extras <= EXTRAS, f"no extra {sorted(extras - EXTRAS)}"
        case ["git", "clone" | "checkout" | "pull", *_]:
            pass
        case _:
            raise AssertionError("no kind of command that is known here")


MODULES = ("pip", "venv", "http.server", "rl_zoo3.train", "rl_zoo3.enjoy", "tensorboard.main")
TARGETS = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EXTRAS = set(
    tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
)


def block_of(text):
    (block,) = blocks_of("docs/page.md", text)
    return block


def test_a_block_knows_its_line_language_and_mark():
    text = "# T\n\n<!-- run: needs a GPU -->\n\n  ```python\n  x = 1\n    y\n  ```\n"
    assert block_of(text) == Block("docs/page.md", 6, "python", "x = 1\n  y\n", "needs a GPU")
    assert block_of("```\n```\n") == Block("docs/page.md", 2, "", "\n", None)
    between = "<!-- run: needs a GPU -->\nWords.\n```python\nx\n```\n"
    assert block_of(between).run_by is None
    first, second = blocks_of("docs/page.md", "````md\n```python\n````\n~~~sh\nmake\n~~~\n")
    assert (first.source, second.source, second.line) == ("```python\n", "make\n", 5)
    with pytest.raises(ValueError, match=r"docs/page\.md:1: this fence is not closed"):
        list(blocks_of("docs/page.md", "```python\nx\n"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("python -m pretrain run --env Pong --oot x", "oot"),
        ("python -m pretrain run --env Pong --out x --frames 0", "frames must be at least 1"),
        ("python -m pretrain jump", "jump"),
        ("python examples/none.py", "no file examples/none.py"),
        ("make nothing", "no target"),
        ('pip install -e ".[nothing]"', "no extra"),
        ("python -m nothing", "no module"),
        ("ls", "command not found"),
        ("echo $NOTHING", "unbound variable"),
    ],
)
def test_what_is_not_there_is_found_by_page_and_line(line, message, tmp_path, parse):
    block = block_of(f"```bash\n{line}\n```\n")
    with pytest.raises((AssertionError, ValueError), match=rf"docs/page\.md:2.*{message}"):
        test_commands_of_a_block_are_there(block, tmp_path, parse)


def test_commands_are_expanded_as_a_shell_does(tmp_path):
    lines = 'B="python -m pretrain bench"  # words\n$B --games {Pong,Boxing} \\\n  --jobs 2\n'
    lines += "A=1 taskset -c 0 nice -n 5 make demo\n"
    assert commands_of(block_of(f"```\n{lines}```\n"), tmp_path) == [
        ["python", "-m", "pretrain", "bench", "--games", "Pong", "Boxing", "--jobs", "2"],
        ["make", "demo"],
    ]


@pytest.mark.parametrize(
    ("last", "error"),
    [("assert x == 3, x", "AssertionError: 2"), ("warnings.warn('old')", "UserWarning: old")],
)
def test_a_failing_block_is_named_by_its_page_and_line(last, error, tmp_path):
    text = f"# T\n\n```python\nimport warnings\nx = 1\n```\n\n```python\nx += 1\n{last}\n```\n"
    (tmp_path / "page.md").write_text(text)
    (tmp_path / "folder").mkdir()
    done = run_page(os.path.relpath(tmp_path / "page.md", ROOT), tmp_path / "folder")
    assert done.returncode == 1
    assert 'page.md", line 10' in done.stderr
    assert error in done.stderr
