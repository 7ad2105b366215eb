"""A number without quotes that would be sent as another text is refused where text is sent, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import Config, Loader, load_config
from aggregator.errors import ConfigError

FILE = """\
version: 1
upstreams: {{a: {{url: "https://a.example.com"}}}}
endpoints:
  POST /x:
    call: {{url: POST a:/x, {call}}}
"""

BLOCK = """\
version: 1
upstreams: {a: {url: "https://a.example.com"}}
endpoints:
  POST /x:
    call:
      url: POST a:/x
      multipart:
        v: ${V}
        w:
          content: ${V}
"""


def loaded(folder: Path, call: str, **env: str) -> Config:
    """Return the configuration with a *call* of these settings."""
    (folder / "routes.yaml").write_text(FILE.format(call=call))
    return load_config(folder / "routes.yaml", env)


@pytest.mark.parametrize("number", ["3.10", "+5", "0x1F", "2.", ".5", "-0", "1.0e+2", "0.30000000000000004000"])
@pytest.mark.parametrize(
    "call", ["query: {v: %s}", "headers: {v: %s}", "form: {v: [%s]}", "multipart: {v: {content: %s}}", "body: %s"]
)
def test_a_number_that_loses_its_text_is_refused_where_text_is_sent(tmp_path: Path, call: str, number: str) -> None:
    """The finding is that of `1e3` and `0777`, and its quoted form is what the file says."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, call % number)
    (problem,) = caught.value.diagnostics
    assert problem.code == "ambiguous-value"
    assert f'`"{number}"` for the text' in str(problem.hint)
    assert "ambiguous-value" not in {one.code for one in loaded(tmp_path, call % f'"{number}"').warnings}


@pytest.mark.parametrize("number", ["3.1", "5", "-7", "2.0", "0.5", "12345678901234567890123"])
def test_a_number_that_keeps_its_text_is_fine(tmp_path: Path, number: str) -> None:
    """What is sent is what the file says, so there is nothing to choose."""
    assert loaded(tmp_path, f"query: {{v: {number}}}").warnings == ()


def test_json_has_numbers(tmp_path: Path) -> None:
    """In JSON 3.10 and 3.1 are one number, and a limit is no text."""
    config = loaded(tmp_path, "json: {price: 3.10, area: 0x1F}, redirects: 0x2")
    call = config.endpoints[0].settings.call
    assert call is not None
    assert (call.json_, call.redirects) == ({"price": 3.1, "area": 31}, 2)


def test_a_variable_keeps_its_text(tmp_path: Path) -> None:
    """What stands in a variable cannot be quoted, so it is sent as it is."""
    (tmp_path / "routes.yaml").write_text(BLOCK)
    call = load_config(tmp_path / "routes.yaml", {"V": "3.10"}).endpoints[0].settings.call
    assert call is not None
    assert call.multipart == {"v": "3.10", "w": {"content": "3.10"}}


def test_an_anchor_is_judged_where_it_is_used(tmp_path: Path) -> None:
    """One number may be a value for JSON and a text for a header; the finding is at the header."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, "json: {v: &v 3.10}, headers: {v: *v}")
    (problem,) = caught.value.diagnostics
    assert problem.path[-2:] == ("headers", "v")


def test_a_reload_sees_that_quotes_were_added(tmp_path: Path) -> None:
    """A changed spelling is a change, although the number is the same."""
    file = tmp_path / "routes.yaml"
    file.write_text(FILE.format(call="query: {v: 3.1}"))
    loader = Loader(file, {})
    before = loader.load().digest
    file.write_text(FILE.format(call="query: {v: 3.10}"))
    with pytest.raises(ConfigError):
        loader.load()
    file.write_text(FILE.format(call='query: {v: "3.10"}'))
    assert loader.load().digest != before
