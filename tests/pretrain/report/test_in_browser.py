"""The page in a real browser, where there is one: nothing is cut on a screen or on a phone."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pretrain.report import write_report
from slotenv.encoders import ObjectEncoder, SlotEncoder, SlotMapEncoder
from slotenv.frames import plain

from .conftest import SIZE, fill, sprite_frames

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
]
# Says how wide the page is in a window of a width, and what sticks out of the window without
# standing in a box of its own that scrolls.
MEASURE = """
<iframe id="page" width="{width}" height="900" style="border: 0" srcdoc="{page}"></iframe>
<p id="found"></p>
<script>
onload = () => {{
  const page = document.getElementById("page").contentDocument;
  const out = [...page.body.querySelectorAll("*")].filter(each =>
    each.getBoundingClientRect().right > {width} + 1 && !each.closest(".scroll, .chart"));
  document.getElementById("found").textContent =
    page.documentElement.scrollWidth + ";" + out.map(each => each.outerHTML.slice(0, 60)).join();
}};
</script>
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


def browse(folder: Path, page: Path, *flags: str) -> str:
    """Return what Chromium prints of a page."""
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags]
    done = subprocess.run(
        [*command, page.as_uri()], capture_output=True, check=True, text=True, timeout=60
    )
    return done.stdout


def overflow(folder: Path, page: str, width: int) -> tuple[int, str]:
    """Return how wide a page gets in a window of a width, and what sticks out of that."""
    wrapper = folder / f"wrapper_{width}.html"
    wrapper.write_text("<!DOCTYPE html>" + MEASURE.format(width=width, page=html.escape(page)))
    dumped = browse(folder, wrapper, "--window-size=1400,1000", "--dump-dom")
    found = re.search(r'<p id="found">(\d+);(.*?)</p>', dumped, re.DOTALL)
    assert found, dumped[-500:]
    return int(found[1]), found[2]


@pytest.fixture(params=["boxes", "maps"])
def page(request: pytest.FixtureRequest, tmp_path: Path, tiny_encoder_80: SlotMapEncoder) -> Path:
    """The report of an encoder with boxes, and of one without."""
    encoder: SlotEncoder = tiny_encoder_80
    if request.param == "boxes":
        encoder = ObjectEncoder.from_frames(sprite_frames(), preprocess=plain(SIZE, SIZE))
    encoder.save_pretrained(tmp_path / "encoder")
    fill(tmp_path)
    return write_report(tmp_path)


def test_nothing_is_cut_on_a_screen_or_on_a_phone(page: Path, tmp_path: Path) -> None:
    for width in (1200, 400):
        assert overflow(tmp_path, page.read_text(), width) == (width, "")
    shot = tmp_path / "shot.png"
    browse(tmp_path, page, "--window-size=1200,900", f"--screenshot={shot}")
    with Image.open(shot) as image:
        assert image.size == (1200, 900)
        assert len(np.unique(np.array(image.convert("RGB")).reshape(-1, 3), axis=0)) > 50


def test_what_is_cut_would_be_found(tmp_path: Path) -> None:
    wide = "<!DOCTYPE html><body style='margin: 0'><div style='width: 700px'>wide</div>"
    assert overflow(tmp_path, wide, 400)[0] == 700
    hidden = wide.replace("<body style='", "<body style='overflow: hidden; ")
    assert "700px" in overflow(tmp_path, hidden, 400)[1]
