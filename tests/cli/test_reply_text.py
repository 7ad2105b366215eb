"""A reply as `aggregator get` prints it, byte for byte: in a pipe, at a terminal, and as one document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aggregator.cli.reply_text import Printer
from aggregator.exchange import State
from aggregator.runtime.bars import Bar
from aggregator.server.once.conversation import Reply

JSON = ("content-type", "application/json")
TEXT = ("content-type", "text/plain")
LEGEND = "░ waiting, connecting  █ upstream at work  ▓ body coming"


def print_it(reply: Reply, *pieces: bytes, as_json: bool = False, trace: bool = True) -> None:
    """Print *reply*, of whose body *pieces* come one by one where they are asked for."""
    printer = Printer(as_json=as_json, trace=trace)
    take = printer.begin(reply.status, reply.headers)
    for piece in pieces if take is not None else ():
        take(piece)
    printer.end(reply)


@pytest.mark.parametrize(
    ("reply", "out", "err"),
    [
        (Reply(200, [JSON], b'{"a": 1}', 0.0124), '{"a": 1}', "200 OK  12 ms  8 B  application/json\n"),
        (Reply(204, [], b"", 0.0), "", "204 No Content  0 ms  0 B\n"),
        (Reply(404, [JSON], b"no", 1.5, hint="try /a"), "no", "404 Not Found  1500 ms  2 B  application/json\nhint: try /a\n"),
        (Reply(599, [JSON], b"x" * 999), "x" * 999, "599 Server Error  0 ms  999 B  application/json\n"),
        (Reply(200, [JSON], b"x" * 1000), "x" * 1000, "200 OK  0 ms  1.0 kB  application/json\n"),
        (Reply(200, [JSON], b"x" * 2451), "x" * 2451, "200 OK  0 ms  2.5 kB  application/json\n"),
        (
            Reply(200, [("content-length", "1"), ("x-request-id", "r"), ("aggregator-parts", "a"), ("etag", '"1"')]),
            "",
            '200 OK  0 ms  0 B\netag: "1"\n',
        ),
        (
            Reply(200, background={"failed": 2, "done": 1, "skipped": 0, "dropped": 3}),
            "",
            "200 OK  0 ms  0 B\nbackground: 1 done, 2 failed, 3 dropped\n",
        ),
        (
            Reply(200, shadows={"sent": 1, "pressure": 2, "share": 3, "dropped": 4, "failed": 5}),
            "",
            (
                "200 OK  0 ms  0 B\nshadows: 1 sent, 2 not sent under pressure, 3 not sent, the request is not in the "
                "share, 4 not sent, the queue is full, 5 failed\n"
            ),
        ),
        (
            Reply(200, bars=[Bar("a", 0, 0.0, 0.0, 0.1, 0.1, State.OK, 200)]),
            "",
            f"200 OK  0 ms  0 B\n\na  {'█' * 50}   100 ms  200\n{LEGEND}\n",
        ),
    ],
)  # fmt: skip
def test_what_is_printed_into_a_pipe(capsys: pytest.CaptureFixture[str], reply: Reply, out: str, err: str) -> None:
    """The body as it came, and no line break behind it; beside it what is known of the reply."""
    print_it(reply)
    assert capsys.readouterr() == (out, err)


def test_pieces_are_printed_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    """Their size is that of all of them."""
    print_it(Reply(200, [TEXT]), b"one\n", b"two", b"")
    assert capsys.readouterr() == ("one\ntwo", "200 OK  0 ms  7 B  text/plain\n")


def test_without_a_trace_nothing_is_told_of_calls(capsys: pytest.CaptureFixture[str]) -> None:
    """The status and the headers stay."""
    print_it(
        Reply(200, [("a", "b")], bars=[Bar("a", end=1.0)], background={"done": 1}, shadows={"sent": 1}), trace=False
    )
    assert capsys.readouterr().err == "200 OK  0 ms  0 B\na: b\n"


def sit_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have stdout and stderr be a terminal of eighty columns."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize(
    ("reply", "pieces", "out"),
    [
        (Reply(200, [JSON], '{"a":"é"}'.encode()), (), '{\n  "a": "é"\n}\n'),
        (Reply(200, [JSON], b"no json"), (), "no json\n"),
        (Reply(200, [JSON], b"no json\n"), (), "no json\n"),
        (Reply(200, [JSON], b""), (), ""),
        (Reply(200, [TEXT]), (b"a",), "a\n"),
        (Reply(200, [TEXT]), (b"a", b"b\n"), "ab\n"),
        (Reply(200, [TEXT]), (b"a\n", b"b", b""), "a\nb\n"),
        (Reply(200, [TEXT]), (), ""),
    ],
)
def test_a_terminal_gets_whole_lines(monkeypatch, capsys, reply: Reply, pieces: tuple[bytes, ...], out: str) -> None:
    """JSON is laid out, and the status begins on a line of its own."""
    sit_at_a_terminal(monkeypatch)
    print_it(reply, *pieces)
    assert capsys.readouterr().out == out


@pytest.mark.parametrize(("status", "colour"), [(200, 32), (399, 32), (400, 31), (503, 31)])
def test_the_colour_of_a_status(monkeypatch, capsys, status: int, colour: int) -> None:
    """Green, or red where it is an error."""
    sit_at_a_terminal(monkeypatch)
    print_it(Reply(status))
    assert capsys.readouterr().err.startswith(f"\x1b[{colour}m\x1b[1m{status} ")


def test_colours_of_calls_are_those_of_a_terminal(monkeypatch, capsys) -> None:
    """With a legend that is less bright."""
    sit_at_a_terminal(monkeypatch)
    print_it(Reply(200, bars=[Bar("a", 0, 0.0, 0.0, 0.1, 0.1, State.OK, 200)]))
    said = capsys.readouterr().err
    assert "\x1b[32m█" in said
    assert f"\x1b[2m{LEGEND}" in said


def test_a_file_that_takes_both_gets_whole_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As after `2>&1`."""
    file = tmp_path / "both"
    with file.open("a", encoding="utf-8") as out, file.open("a", encoding="utf-8") as err:
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        print_it(Reply(200, [JSON], b"{}"))
    assert file.read_text() == "{}\n200 OK  0 ms  2 B  application/json\n"


@pytest.mark.parametrize(
    ("body", "shown"), [(b"", None), (b'{"a": "\xc3\xa9"}', {"a": "é"}), (b"no json", "no json"), (b"\xff", "�")]
)
def test_the_document(capsys: pytest.CaptureFixture[str], body: bytes, shown: Any) -> None:
    """All of the reply; a body that is no JSON is its text."""
    bar = Bar("a", end=0.1, state=State.OK, status=200)
    reply = Reply(503, [TEXT, ("a", "b")], body, 0.01234, [bar], {"done": 1}, {"sent": 2})
    print_it(reply, b"not asked for", as_json=True)
    out, err = capsys.readouterr()
    assert err == ""
    found = json.loads(out)
    assert found.pop("calls")[0]["name"] == "a"
    assert found == {
        "status": 503, "ms": 12.3, "headers": [["content-type", "text/plain"], ["a", "b"]], "body": shown,
        "background": {"done": 1}, "shadows": {"sent": 2},
    }  # fmt: skip
    assert out.startswith('{\n  "status": 503,\n  "ms": 12.3,\n')
    assert "\\u" not in out
