"""Lines about answers: which there are, and what each form of them says. The schema of lines is written down here."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from typing import Any

import jsonschema_rs
import pytest
from tiers import other_cell

from aggregator.exchange import Exchange, State
from aggregator.parts.result import Result
from aggregator.plan.telemetry import LogPlan
from aggregator.runtime.reporting import Report
from aggregator.runtime.request_log import RequestLog
from aggregator.telemetry.logging import LogFormat, configure_logging
from aggregator.telemetry.redaction import MASK, Masker

LINE = {
    "type": "object",
    "required": ["ts", "level", "logger", "message", "status"],
    "properties": {
        "ts": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "level": {"enum": ["info", "warning"]},
        "logger": {"const": "aggregator.request"},
        "message": {
            "enum": [
                "Answered.", "Answered in part.", "Answered with a failure.", "An answer was cut off.",
                "The client hung up.", "Refused.",
            ]
        },
        "endpoint": {"pattern": "^[A-Z|]+ /"},
        "status": {"type": "integer", "minimum": 100, "maximum": 599},
        "ms": {"type": "number", "minimum": 0},
        "size": {"type": "integer", "minimum": 0},
        "parts": {"type": "string"},
        "cause": {"pattern": "^[a-z_]+$"},
        "sample": {"type": "number"},
        "path": {"pattern": "^/"},
        "method": {"type": "string"},
        "request_id": {"type": "string"},
        "client": {"type": "string"},
        "reason": {"type": "string", "pattern": r"[.!?]$"},
        "own_tenant": {},
    },
    "additionalProperties": False,
    "if": {"anyOf": [
        {"properties": {"message": {"enum": ["Answered with a failure.", "An answer was cut off.", "Answered in part.",
                                             "The client hung up.", "Refused."]}}},
        {"properties": {"status": {"minimum": 400}}},
    ]},
    "then": {"required": ["cause"]},
}  # fmt: skip
"""What each JSON line about an answer is; one about a failure has a cause."""

ROUTES = """
telemetry: {{log: {{access: all{more}}}}}
upstreams: {{up: {{url: "demo://users"}}}}
endpoints:
  GET /users/{{id}}: {{query: {{page: {{type: integer}}}}, call: "up:/users/{{id}}"}}
  GET /part: {{fan_out: {{a: "up:/users/1", b: {{url: "up:/nowhere", optional: true}}}}}}
  GET /bad: {{call: "up:/nowhere", status_map: {{any: 502}}}}
"""


def lines_of(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines about answers in a log of JSON."""
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in lines if line["logger"] == "aggregator.request"]


@pytest.mark.parametrize("door", ["direct", other_cell("asgi")])
def test_every_line_keeps_to_the_schema(stage, door):
    """Good, partial, failed and refused ones; those of failures have a cause of one word."""
    stream = io.StringIO()
    gateway = stage.gateway(ROUTES.format(more=", fields: {own_tenant: '{{ headers.x_tenant }}'}"), door=door)
    configure_logging("json", stream=stream)
    for target in ("/users/1", "/users/1?page=x", "/part", "/bad", "/none"):
        gateway.get(target, "x_tenant: blue")
    stage.until(lambda: len(lines_of(stream)) == 5)
    found = lines_of(stream)
    for line in found:
        assert jsonschema_rs.is_valid(LINE, line), (line, [str(one) for one in jsonschema_rs.iter_errors(LINE, line)])
    causes = {line["path"]: line.get("cause") for line in found if line["status"] != 422}
    assert causes == {"/users/1": None, "/part": "status", "/bad": "status", "/none": "not_found"}
    assert [line["cause"] for line in found if line["status"] == 422] == ["unprocessable_entity"]
    assert {line["own_tenant"] for line in found if "endpoint" in line} == {"blue"}


def told(form: LogFormat, plan: LogPlan, exchange: Exchange, *, secrets: tuple[str, ...] = ()) -> str:
    """Return what is written about a good answer to *exchange*."""
    stream = io.StringIO()
    logging.getLogger().handlers.clear()
    configure_logging(form, stream=stream, masker=Masker(secrets))

    async def main() -> None:
        Report(RequestLog(plan).listeners).answered("GET /x/{id}", exchange, 200, (Result("a", 0.0, 0.0),), size=7)

    asyncio.run(main())
    return stream.getvalue()


def exchange_of(path: str, query: bytes = b"", *headers: tuple[bytes, bytes]) -> Exchange:
    """Return a request."""
    exchange = Exchange("GET", path, query, list(headers))
    exchange.id, exchange.peer = "id-1", "10.0.0.1"
    return exchange


def test_the_combined_format_is_that_of_other_servers():
    """Tools that read it find client, time, request, status, size, referer and user agent, none of them forged."""
    exchange = exchange_of(
        "/x/1", b"a=1&token=abc", (b"user-agent", b'curl "x"\xff'), (b"referer", b"https://a.test/?sig=abc")
    )
    line = told("combined", LogPlan("all"), exchange)
    assert re.fullmatch(
        r'10\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /x/1\?a=1&token=\*{8} HTTP/1\.1" '
        r'200 7 "https://a\.test/\?sig=\*{8}" "curl \\"x\\"ÿ"\n',
        line,
    )


def test_what_met_no_endpoint_has_a_combined_line_too(stage):
    """Tools that count 404 find them."""
    stream = io.StringIO()
    gateway = stage.gateway(ROUTES.format(more=""))
    configure_logging("combined", stream=stream)
    gateway.get("/none?x=1")
    stage.until(lambda: '"GET /none?x=1 HTTP/1.1" 404 -' in stream.getvalue())


@pytest.mark.parametrize("form", ["text", "json", "combined"])
@pytest.mark.parametrize("hostile", ["/a\nb", "/\x1b[31m", "/\x7f\x9b", "/\u2028", "/\ud800", '/"a"'])
def test_a_line_is_one_line(form, hostile):
    """Whatever a path holds, it forges no line and moves no cursor."""
    line = told(form, LogPlan("all"), exchange_of(hostile))
    assert line.count("\n") == 1
    assert line[:-1].isprintable()
    if form == "json":
        assert json.loads(line)["path"] == hostile


@pytest.mark.parametrize("form", ["text", "json", "combined"])
def test_secrets_are_in_no_line(form):
    """Neither known ones, nor such as stand in a query of credentials."""
    exchange = exchange_of("/x/s3cr3t-value", b"token=hidden1", (b"referer", b"http://u:hidden2@a.test/"))
    line = told(form, LogPlan("all"), exchange, secrets=("s3cr3t-value",))
    assert MASK in line
    assert not {"s3cr3t-value", "hidden1", "hidden2"} & set(re.findall(r"[a-z0-9-]+", line))


@pytest.mark.parametrize(
    ("status", "state", "lines"),
    [(200, State.OK, 1), (404, State.OK, 2), (301, State.OK, 4), (503, State.FAILED, 4), (200, State.DEFAULT, 4)],
)
def test_failures_are_never_sampled_away(caplog, status, state, lines):
    """A share of good answers is told, a status before its class; what failed or is partial is told every time."""
    caplog.set_level(logging.INFO, "aggregator.request")
    chances = iter([0.1, 0.3, 0.6, 0.9])
    plan = LogPlan("all", sample=(("2xx", 0.25), ("4xx", 0.01), ("404", 0.5)))
    report = Report(RequestLog(plan, chance=lambda: next(chances)).listeners)

    async def main() -> None:
        for _ in range(4):
            report.answered("GET /x", exchange_of("/x"), status, (Result("a", 0.0, 0.0, state=state),))

    asyncio.run(main())
    assert len(caplog.records) == lines
    share = {200: 0.25, 404: 0.5}.get(status) if state is State.OK else None
    assert {record.fields.get("sample") for record in caplog.records} == {share}


def test_own_fields_are_left_out_where_they_are_not_there(stage):
    """A field that reads what a request does not have, or that cannot be made, costs nothing else."""
    fields = "fields: {a: '{{ headers.x_a }}', b: '{{ query.n | int }}', c: \"{{ request.method }}\"}"
    gateway = stage.gateway(ROUTES.format(more=f", {fields}"))
    gateway.get("/users/2?n=x")
    stage.until(lambda: gateway.said("Answered."))
    (line,) = gateway.said("Answered.")
    assert (line.get("a"), line.get("b"), line["c"]) == (None, None, "GET")
