"""The documentation as people read it: at the width of a phone, in the light and in the dark."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .browser import Browser

ROOT = Path(__file__).parents[2]
PHONE = 360
"""CSS pixels across."""

_FAINT = """
// The relation of contrast of two colours, and what is enough of it: WCAG 2.2, 1.4.3.
const channels = text => (text.match(/[\\d.]+/g) || []).map(Number);
const linear = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const light = rgb => 0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2]);
const over = (top, below) => {
  const alpha = top.length > 3 ? top[3] : 1;
  return below.map((value, at) => top[at] * alpha + value * (1 - alpha));
};
const ground = element => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(channels(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, layer) => layer.length ? over(layer, below) : below, [255, 255, 255]);
};
const faint = new Set();
const article = document.querySelector("article");
for (const walker = document.createTreeWalker(article, NodeFilter.SHOW_TEXT); walker.nextNode();) {
  const element = walker.currentNode.parentElement, words = walker.currentNode.data.trim();
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const unseen = style.visibility === "hidden" || style.display === "none" || style.opacity === "0" || !box.width;
  if (!words || unseen || element.closest("svg, .headerlink, style, script")) continue;
  const below = ground(element), ink = over(channels(style.color), below);
  const [dark, bright] = [light(ink), light(below)].sort((a, b) => a - b);
  const relation = (bright + 0.05) / (dark + 0.05), large = parseFloat(style.fontSize) >= 24;
  if (relation < (large ? 3 : 4.5)) faint.add(`${words.slice(0, 40)} (${relation.toFixed(1)})`);
}
return [...faint];
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, check=True, timeout=280, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Path]:
    """The pages of the site that people read."""
    return sorted(page for page in site.rglob("*.html") if page.name != "404.html")


@pytest.fixture(scope="module", params=["light", "dark"])
def phone(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser of the width of a phone, whose reader prefers one of the two schemes of colours."""
    scheme: Any = {"name": "prefers-color-scheme", "value": request.param}
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        browser.call("Emulation.setDeviceMetricsOverride", width=PHONE, height=800, deviceScaleFactor=1, mobile=True)
        browser.call("Emulation.setEmulatedMedia", features=[scheme])
        yield browser


def test_no_page_is_wider_than_a_phone(phone: Browser, pages: list[Path]) -> None:
    """Only code, tables and diagrams are moved sideways, each within its own frame; the page never is."""
    wide = {}
    for page in pages:
        phone.open(page.as_uri())
        width = phone.run("return document.documentElement.scrollWidth;")
        if width > PHONE:
            wide[page.name] = width
    assert wide == {}


def test_every_word_can_be_read(phone: Browser, pages: list[Path]) -> None:
    """Each text has the contrast to what is behind it that WCAG 2.2 asks for (AA)."""
    faint = {}
    for page in pages:
        phone.open(page.as_uri())
        if found := phone.run(_FAINT):
            faint[page.name] = found
    assert faint == {}
