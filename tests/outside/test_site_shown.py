"""The documentation as people read it: at the width of a phone, in the light and in the dark."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .browser import Browser

pytestmark = pytest.mark.timeout(
    600
)  # the first test opens all pages for the others, each of which takes a second or two
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

_TURNED = """
// Shows the other scheme, as the theme does when it is chosen: without transitions, and all at once.
const body = document.body;
body.setAttribute("data-md-color-switching", "");
const other = [...document.querySelectorAll("[data-md-component=palette] input")]
  .find(one => one.dataset.mdColorScheme !== body.dataset.mdColorScheme);
for (const name of ["media", "scheme", "primary", "accent"])
  body.setAttribute(`data-md-color-${name}`, other.getAttribute(`data-md-color-${name}`));
"""
_SCHEME = "return document.body.dataset.mdColorScheme;"


@dataclass(frozen=True)
class Shown:
    """The width of a page in pixels, and what is too faint in each scheme of colours, the first that it had first."""

    width: int
    faint: dict[str, list[str]]


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


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, pages: list[Path]) -> dict[str, Shown]:
    """Each page on a phone, by its name: it is opened once, since that takes longest, and turned from dark to light."""
    with Browser(tmp_path_factory.mktemp("browser")) as phone:
        phone.call("Emulation.setDeviceMetricsOverride", width=PHONE, height=800, deviceScaleFactor=1, mobile=True)
        return {f"{page.parent.name}/{page.name}": seen(phone, page) for page in pages}


def seen(phone: Browser, page: Path) -> Shown:
    """Return what *page* is to a reader who prefers the dark, and then the light."""
    prefer(phone, "dark")
    phone.open(page.as_uri())
    width = phone.run("return document.documentElement.scrollWidth;")
    faint = {phone.run(_SCHEME): phone.run(_FAINT)}
    prefer(phone, "light")
    phone.run(_TURNED)
    faint[phone.run(_SCHEME)] = phone.run(_FAINT)
    phone.run("localStorage.clear();")  # what was shown first is kept there, for the pages to come
    return Shown(width, faint)


def prefer(phone: Browser, scheme: str) -> None:
    """Let the reader of *phone* prefer one of the two schemes."""
    preferred: Any = {"name": "prefers-color-scheme", "value": scheme}
    phone.call("Emulation.setEmulatedMedia", features=[preferred])


def test_no_page_is_wider_than_a_phone(shown: dict[str, Shown]) -> None:
    """Only code, tables and diagrams are moved sideways, each within its own frame; the page never is."""
    assert {name: page.width for name, page in shown.items() if page.width > PHONE} == {}


@pytest.mark.parametrize("scheme", ["default", "slate"])
def test_every_word_can_be_read(shown: dict[str, Shown], scheme: str) -> None:
    """Each text has the contrast to what is behind it that WCAG 2.2 asks for (AA), in the light and in the dark."""
    assert {name: page.faint[scheme] for name, page in shown.items() if page.faint[scheme]} == {}


def test_who_prefers_the_dark_gets_it(shown: dict[str, Shown]) -> None:
    """Before the reader has chosen anything on the page."""
    assert {next(iter(page.faint)) for page in shown.values()} == {"slate"}
