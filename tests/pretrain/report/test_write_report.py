from __future__ import annotations

import base64
import copy
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pretrain.report import write_report
from slotenv.encoders import SlotMapEncoder

from .conftest import STEPS, fill, probe_row, write_probe, write_store


class Page(HTMLParser):
    """Collects the sections, the text and whatever a browser would load."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.source = content
        self.sections: list[str] = []
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.words: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        if tag == "section":
            self.sections.append(known["id"] or "")
        self.loads += [known[name] or "" for name in ("src", "href", "srcset") if name in known]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page_of(folder: Path) -> Page:
    path = write_report(folder)
    assert path == folder / "report.html"
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole_page(tmp_path_factory: pytest.TempPathFactory, tiny_encoder_80: SlotMapEncoder) -> Page:
    folder = tmp_path_factory.mktemp("run")
    tiny_encoder_80.save_pretrained(folder / "encoder")
    fill(folder)
    return page_of(folder)


def test_page_has_all_parts(whole_page: Page) -> None:
    page = whole_page
    assert page.sections == [
        "attention",
        "probe",
        "importance",
        "predictions",
        "curve",
        "losses",
        "settings",
    ]
    assert page.tags.count("img") == 7
    assert "Object slots for Pong" in page.text
    assert "python -m pretrain run --env Pong" in page.text
    assert "train.updates 20" in page.text
    assert "train.num_slots" not in page.text  # it was not set
    assert "slotenv 9.8.7" in page.text


def test_what_is_wrong_with_an_encoder_is_said_before_all_else(
    bare_run: Path, tiny_encoder_80: SlotMapEncoder, whole_page: Page
) -> None:
    assert "may be of no use" not in whole_page.text
    encoder = copy.deepcopy(tiny_encoder_80)
    encoder.provenance = {"warnings": ["Every frame is black <&>.", "No slot moves."]}
    encoder.save_pretrained(bare_run / "encoder")
    page = page_of(bare_run)
    assert "Every frame is black <&>. No slot moves." in page.text
    assert page.text.index("No slot moves.") < page.text.index("Settings and versions")
    assert page.source.count('role="alert"') == 1


def test_page_loads_nothing_from_elsewhere(whole_page: Page) -> None:
    page = whole_page
    assert all(load.startswith("data:") for load in page.loads)
    assert not re.search(r"@import|url\(|<script|<link[^>]+stylesheet|<iframe", page.source)


def test_pictures_are_whole(whole_page: Page, tmp_path: Path) -> None:
    page = whole_page
    kinds = []
    for load in page.loads:
        kind, _, content = load.removeprefix("data:").partition(";base64,")
        if content:
            kinds.append(kind)
            picture = tmp_path / "picture"
            picture.write_bytes(base64.b64decode(content))
            with Image.open(picture) as image:
                image.load()
    assert sorted(kinds) == ["image/gif", *["image/png"] * 6]


def test_probe_rows_stand_beside_the_papers(whole_page: Page) -> None:
    text = whole_page.text
    # 0.5 and 0.7: mean 0.6, deviation 0.1414, standard error of the mean 0.1
    assert "SCN 20 0.600 ± 0.100 0.650 ± 0.100 0.1000 ± 0.0000 0.2000 ± 0.0000 2" in text
    assert "untrained 0 0.310 0.360" in text
    assert "compactness 1:" not in text  # no line has any
    assert "SCN, shuffled labels 20 -0.020" in text
    assert "Paper: SCN 62,500 0.73 – 0.004 * –" in text  # noqa: RUF001
    assert "Paper: random CNN 0.47" in text
    assert "Paper: C-SWM 0.82" in text
    assert "Paper: supervised 0.93" in text


def test_differences_from_the_paper_are_named(whole_page: Page) -> None:
    text = whole_page.text
    assert "preset “plain”, not from the paper's" in text
    assert "62,500 updates, this one for an unknown number" in text
    assert "3 in this game; here there are 2" in text


def test_labels_and_reasons_are_listed(whole_page: Page) -> None:
    text = whole_page.text
    assert "player_y player 0.600 ± 0.100 0.600 ± 0.100 0.310" in text
    assert "ball_y : constant in the test part" in text
    assert "compactness : made up to be undefined" in text


def test_what_a_run_has_not_is_not_spoken_of(full_run: Path) -> None:
    (full_run / "probe.json").unlink()
    (full_run / "metrics.jsonl").unlink()
    page = page_of(full_run)
    assert page.sections == ["attention", "settings"]
    assert page.tags.count("img") == 2
    said = page.text.rpartition("Object slots for")[2].partition("Settings")[0].lower()
    for word in ("probe", "memory", "paper", "label", "loss", "accuracy"):
        assert word not in said, word


def test_without_updates_there_is_no_untrained_network(
    full_run: Path, tiny_encoder_80: SlotMapEncoder
) -> None:
    assert "the same network, untrained" in page_of(full_run).text
    encoder = copy.deepcopy(tiny_encoder_80)
    encoder.provenance = {"updates": 0}
    encoder.save_pretrained(full_run / "encoder")
    page = page_of(full_run)
    assert "untrained" not in page.text
    assert "ball_x ball 0.600 ± 0.100 0.600 ± 0.100 Not scored" in page.text


def test_game_without_paper_numbers_has_no_word_of_the_paper(full_run: Path) -> None:
    config = json.loads((full_run / "config.json").read_text())
    (full_run / "config.json").write_text(json.dumps(config | {"game": "zaxxon"}))
    page = page_of(full_run)
    assert "probe" in page.sections
    assert "The paper" not in page.text
    assert "Paper:" not in page.text


def test_other_labels_are_not_held_against_the_paper(full_run: Path) -> None:
    row = probe_row("SCN", 0, 0.5)
    presence = {"presence_by_object": {"ball": 0.875}, "view": "pixel"}
    write_probe(full_run, [{**row, "report": row["report"] | presence}])
    text = page_of(full_run).text
    assert "SCN (pixel labels) 20 0.500" in text
    assert "Paper: SCN" not in text
    assert "they are about its own labels" in text
    assert "balanced accuracy ball 0.875" in text


def test_encoder_alone_gives_a_page(bare_run: Path) -> None:
    page = page_of(bare_run)
    assert page.tags.count("img") == 0
    assert page.sections == ["settings"]


def test_frames_of_pretraining_serve_where_there_are_no_others(bare_run: Path) -> None:
    write_store(bare_run / "data" / "pretrain")
    assert page_of(bare_run).tags.count("img") == 2


def test_labels_of_the_game_are_drawn_where_there_is_ram(full_run: Path) -> None:
    shutil.rmtree(full_run / "data")
    ram = np.zeros((STEPS, 128), np.uint8)
    ram[:, 49], ram[:, 54] = 49 + np.arange(STEPS), 60  # Pong's ball
    write_store(full_run / "data" / "probe", ram)
    page = page_of(full_run)
    assert "labels" in page.sections
    assert page.tags.count("img") == 8
    config = json.loads((full_run / "config.json").read_text())
    for game in ("qbert", None):  # without pixel labels, without any
        (full_run / "config.json").write_text(json.dumps(config | {"game": game}))
        assert "labels" not in page_of(full_run).sections


def test_rows_of_an_interrupted_probe_are_shown(full_run: Path) -> None:
    write_probe(full_run, [probe_row("snapshot", 0, 0.4, updates=5)])
    assert "snapshot 5 0.400" in page_of(full_run).text


def test_names_are_escaped(full_run: Path) -> None:
    evil = "<script>alert('x')</script>"
    config = json.loads((full_run / "config.json").read_text())
    config |= {"env_id": evil, "command": evil, "versions": {evil: evil}, "arguments": {evil: evil}}
    (full_run / "config.json").write_text(json.dumps(config))
    write_probe(full_run, [probe_row(evil, 0, 0.5)])
    page = page_of(full_run)
    assert "script" not in page.tags
    assert page.text.count(evil) == 8  # title, heading, probe row, command, two tables


def test_missing_encoder_is_told_in_words(full_run: Path) -> None:
    (full_run / "encoder").rename(full_run / "elsewhere")
    with pytest.raises(ValueError, match=r"has no encoder/.*train first"):
        write_report(full_run)
    assert not (full_run / "report.html").exists()


def test_encoder_without_weights_is_told_in_words(full_run: Path) -> None:
    (full_run / "encoder" / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="incomplete"):
        write_report(full_run)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", "{", "config.json is not valid JSON"),
        ("config.json", "[]", "must be a JSON object"),
        ("probe.json", '{"rows": [{"name": "SCN"}]}', r"probe\.json: field .* is missing"),
        (
            "probe.json",
            '{"rows": [], "curve": [{"updates": 1}]}',
            r"probe\.json: field .* is missing",
        ),
    ],
)
def test_damaged_file_is_named(bare_run: Path, name: str, content: str, message: str) -> None:
    (bare_run / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        write_report(bare_run)
