"""A secret in the path of an upstream's URL appears in no page of the process, and in no record of its log."""

from __future__ import annotations

from tests.server.conftest import Stage, until

FILE = """\
telemetry: {log: {access: all}}
server: {debug: {header: x-debug, secret: "${DEBUG}"}}
upstreams: {hook: {url: "http://127.0.0.1:9/${TOKEN}"}, whole: {url: "${WHOLE}"}}
endpoints:
  GET /call: {call: "hook:/bot${TOKEN}/x?key=${TOKEN}"}
  GET /fan: {fan_out: {a: "whole:/${TOKEN}", b: "POST ${WHOLE}/c", c: "http://127.0.0.1:9/${TOKEN}"}}
  GET /after:
    respond: {body: ok}
    background: ["POST hook:/${TOKEN}", "POST ${WHOLE}/z", "POST http://127.0.0.1:9/${TOKEN}"]
"""
CANARY = "canary-in-a-path"
PAGES = ("/call", "/fan", "/after", "/-/config", "/readyz?verbose", "/openapi.json", "/docs")


def test_no_page_and_no_record_holds_a_secret_of_a_path(stage: Stage) -> None:
    """Not even where calls fail, for who may see details; records are looked at before anything is masked."""
    whole = f"http://127.0.0.1:9/services/{CANARY}"
    gateway = stage.gateway(FILE, env={"TOKEN": CANARY, "WHOLE": whole, "DEBUG": "let me see"})
    for path in (*PAGES, "/-/config"):
        reply = gateway.get(path, "x-debug: let me see")
        assert CANARY not in f"{reply.headers}{reply.body!r}"
        if path == "/after":
            until(lambda: len(gateway.said("A background call failed.")) == 3)
    for record in gateway.records:
        assert CANARY not in f"{record.getMessage()} {getattr(record, 'fields', '')}"
