"""`aggregator explain`: text, JSON and Mermaid; what it cannot find."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

SVG = "{http://www.w3.org/2000/svg}"


def test_text(aggregator, routes_file: Path) -> None:
    """The endpoint, its calls, its requests and its failures, each under a heading."""
    result = aggregator("explain", "GET /dashboard/7")
    assert result.exit_code == 0
    headings = [line for line in result.stdout.splitlines() if line and not line.startswith(" ")]
    assert headings == [
        "GET /dashboard/{user_id}", "Calls", "Order", "Requests", "What the client gets when a part fails",
    ]  # fmt: skip
    assert "GET shop:/users/7/orders?limit=3" in result.stdout


def test_json(aggregator, routes_file: Path) -> None:
    """`--format json` is the same as data."""
    text = aggregator("explain", "/dashboard/{user_id}", "--format", "json").stdout
    found = json.loads(text)
    assert found["calls"][0]["target"] == "users:/users/{user_id}"
    assert text == json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def test_mermaid(aggregator, routes_file: Path) -> None:
    """`--format mermaid` is a flowchart and nothing else."""
    assert aggregator("explain", "/signup", "--format", "mermaid").stdout.startswith("flowchart LR\n")


def test_svg(aggregator, routes_file: Path) -> None:
    """`--format svg` is one well-formed picture: a box for request, answer, each part and each background call."""
    picture = aggregator("explain", "/dashboard/7", "--format", "svg").stdout
    root = ET.fromstring(picture)
    titles = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "title"]
    assert titles == ["GET /dashboard/{user_id}", "profile", "orders", "notifications?", "answer"]
    assert "GET shop:/users/7/orders?limit=3" in picture
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "arrow"]) == 6


def test_svg_says_what_failures_become(aggregator, routes_file: Path) -> None:
    """Each box of a required part names the statuses of its failures, the usual one last."""
    picture = aggregator("explain", "/users/1", "--format", "svg").stdout
    assert "fails: timeout 504, overloaded 503, switched off 503, input 400," in picture
    assert "404 404, else 502" in picture


def test_svg_shows_no_markup_of_the_file(aggregator, folder: Path) -> None:
    """What the file says is text in a picture, whatever it looks like."""
    text = "version: 1\nendpoints:\n  GET /x: {call: {url: 'http://a.test/<script>', when: \"{{ '</text><b>' == 'a' }}\"}}\n"
    (folder / "routes.yaml").write_text(text)
    picture = aggregator("explain", "/x", "--format", "svg").stdout
    assert "<script" not in picture
    assert "<b>" not in picture
    ET.fromstring(picture)


def test_the_whole_file_as_one_map(aggregator, routes_file: Path) -> None:
    """`--all --format svg` draws endpoints, upstreams, and who calls whom; a background call is dotted."""
    root = ET.fromstring(aggregator("explain", "--all", "--format", "svg").stdout)
    titles = [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "title"]
    assert titles[:3] == ["GET /users/{user_id}", "GET /dashboard/{user_id}", "POST /signup"]
    assert sorted(titles[3:]) == ["analytics", "shop", "users"]
    assert [path.get("class") for path in root.iter(f"{SVG}path")].count("arrow dotted") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--all"], "`--all` draws: add --format svg. `aggregator routes` lists a file as text."),
        ([], "Name an endpoint, as in `aggregator explain 'GET /users/{id}'`, or use --all."),
        (["--all", "nope.yaml"], "`--all` draws: add --format svg. `aggregator routes` lists a file as text."),
        (["/users/1", "-p", "a"], "Invalid value for --param: 'a' is no parameter; write name=value."),
        (["/users/1", "-p", "=a"], "Invalid value for --param: '=a' is no parameter; write name=value."),
    ],
)
def test_what_cannot_be_drawn(aggregator, routes_file: Path, arguments: list[str], said: str) -> None:
    """Without an endpoint, and with a form that does not draw, the usage is told."""
    result = aggregator("explain", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(f"Error: {said}\n")


def test_parameters(aggregator, routes_file: Path) -> None:
    """`--param` fills placeholders."""
    assert "users:/users/9" in aggregator("explain", "/users/{user_id}", "-p", "user_id=9").stdout


def test_a_parameter_without_a_value(aggregator, routes_file: Path) -> None:
    """A parameter that is not `name=value` is wrong usage."""
    assert aggregator("explain", "/users/{user_id}", "-p", "user_id").exit_code == 2


def test_no_such_endpoint(aggregator, routes_file: Path) -> None:
    """What is not declared ends with 1 and the nearest name."""
    result = aggregator("explain", "GET /dashbord/{user_id}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: No endpoint 'GET /dashbord/{user_id}' is declared; did you mean `GET /dashboard/{user_id}`?\n"
    )


def test_headings_are_bold_on_a_terminal(aggregator, routes_file: Path, monkeypatch) -> None:
    """On a terminal the headings stand out."""
    monkeypatch.setattr("aggregator.cli.terminal.has_color", lambda _: True)
    assert "\x1b[1mCalls\x1b[0m" in aggregator("explain", "/signup", color=True).stdout


def test_maintenance_is_told(aggregator, routes_file: Path) -> None:
    """When an endpoint is out of service, in the text and as data; nothing of it where it is not meant."""
    routes_file.write_text("""
version: 1
maintenance: [{endpoints: ["GET /a"], every: "Sun 02:00-04:00", zone: Europe/Berlin}]
endpoints: {GET /a: {respond: {body: 1}}, GET /b: {respond: {body: 1}}}
""")
    assert "\n  out of service Sun 02:00-04:00 Europe/Berlin (503)\n" in aggregator("explain", "/a").stdout
    found = json.loads(aggregator("explain", "/a", "--format", "json").stdout)
    assert found["maintenance"] == ["Sun 02:00-04:00 Europe/Berlin (503)"]
    assert "out of service" not in aggregator("explain", "/b").stdout


def test_pressure_is_told(aggregator, routes_file: Path) -> None:
    """From where on the server goes without what is not needed, in the text and as data; nothing of it without one."""
    text = "version: 1\n{}endpoints: {{GET /a: {{respond: {{body: 1}}}}}}\n"
    routes_file.write_text(text.format("server: {degrade: {in_flight: 1500, loop_lag: 100ms}}\n"))
    shown = aggregator("explain", "/a").stdout
    assert "under pressure from in_flight 1500, loop_lag 100ms: without hedges, retries and shadows," in shown
    found = json.loads(aggregator("explain", "/a", "--format", "json").stdout)
    assert found["degrade"] == "in_flight 1500, loop_lag 100ms"
    routes_file.write_text(text.format(""))
    assert "pressure" not in aggregator("explain", "/a").stdout
