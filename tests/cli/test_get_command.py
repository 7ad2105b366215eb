"""`aggregator get`: one request in this process, body on stdout, everything else on stderr."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

LAB = """\
version: 1
upstreams:
  users: {url: "demo://users"}
  lab: {url: "demo://lab"}
endpoints:
  GET /part:
    fan_out:
      user: users:/users/1
      bad: {url: "lab:/status/500", optional: true, default: {sorry: true}}
  GET /broken: {fan_out: {bad: "lab:/status/500", slow: "lab:/slow?ms=5000"}}
  GET /lines: {stream: true, call: "lab:/lines?count=2"}
  GET /wanted: {fan_out: {user: {url: "users:/users/1", when: "{{ query.x | int > 1 }}"}}}
  GET /page: {fan_out: {page: "lab:/broken/html"}}
  POST /echo: {forward: {body: true, headers: [content-type, x-mine]}, call: {method: POST, url: "lab:/echo"}}
"""


@pytest.fixture
def lab(folder: Path) -> Path:
    """Return a file over the services of the demo that fail on demand."""
    (folder / "routes.yaml").write_text(LAB)
    return folder


def test_only_the_body_goes_to_stdout(aggregator, routes_file: Path) -> None:
    """`aggregator get … | jq` works: stdout is the body as it came."""
    result = aggregator("get", "/dashboard/1")
    body = json.loads(result.stdout)
    assert result.exit_code == 0
    assert list(body) == ["profile", "orders", "notifications"]
    assert result.stdout == json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def test_the_calls_are_drawn(aggregator, lab: Path) -> None:
    """Status, time, size and headers, then a bar for each part with what became of it."""
    result = aggregator("get", "/part")
    first, *rest = result.stderr.splitlines()
    assert first.startswith("200 OK  ")
    assert first.endswith("  application/json")
    assert "cache-control: no-store" in rest
    user, bad, legend = rest[-3:]
    assert user.startswith("user  ")
    assert "█" in user
    assert "  200  connect " in user
    assert bad.startswith("bad?  ")
    assert bad.endswith("  500  → default")
    assert legend == "░ waiting, connecting  █ upstream at work  ▓ body coming"


def test_a_condition_that_fails_takes_no_time(aggregator, lab: Path) -> None:
    """A part whose ``when`` cannot be told begins where it ends, after the request came."""
    result = aggregator("get", "/wanted?x=abc")
    assert re.search(r"^user +[░█▓] +\d+(\.\d)? ms +–  input$", result.stderr, re.MULTILINE), result.stderr


def test_what_was_cancelled_shows(aggregator, lab: Path) -> None:
    """A required part that fails ends the rest; the answer is not 2xx, so the exit code is 1."""
    result = aggregator("get", "/broken")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] == 502
    assert result.stderr.splitlines()[-2].endswith("cancelled")


def test_no_trace(aggregator, routes_file: Path) -> None:
    """`--no-trace` leaves the status line."""
    assert len(aggregator("get", "/users/1", "--no-trace").stderr.splitlines()) == 1


def test_machines_get_one_document(aggregator, lab: Path) -> None:
    """`--json` is status, headers, body and calls in one."""
    found = json.loads(aggregator("get", "/part", "--json").stdout)
    assert (found["status"], found["body"]["bad"]) == (200, {"sorry": True})
    assert [(call["name"], call["state"]) for call in found["calls"]] == [("user", "ok"), ("bad?", "default")]
    assert ["content-type", "application/json"] in found["headers"]


def test_a_body_makes_it_a_post(aggregator, routes_file: Path) -> None:
    """With `-d` the method is POST and the type JSON; a call after the answer is counted."""
    result = aggregator("get", "/signup", "-d", '{"name": "Ada", "email": "ada@example.com"}')
    assert result.exit_code == 0
    assert json.loads(result.stdout)["name"] == "Ada"
    assert result.stderr.startswith("201 Created")
    assert result.stderr.endswith("background: 1 done\n")


@pytest.mark.parametrize(
    ("data", "stdin"), [("@body.txt", ""), ("@-", "hello"), ("hello", "")], ids=["file", "stdin", "argument"]
)
def test_bodies_come_from_anywhere(aggregator, lab: Path, data: str, stdin: str) -> None:
    """A body is an argument, a file or stdin; headers are sent as given."""
    (lab / "body.txt").write_text("hello")
    arguments = ("-X", "post", "-d", data, "-H", "Content-Type: text/plain", "-H", "x-mine: 1", "--json")
    found = json.loads(aggregator("get", "/echo", *arguments, input=stdin).stdout)
    assert found["body"]["text"] == "hello"
    assert (found["body"]["headers"]["content-type"], found["body"]["headers"]["x-mine"]) == ("text/plain", "1")


def test_the_key_of_an_endpoint_is_a_target(aggregator, routes_file: Path) -> None:
    """`POST /signup`, as routes.yaml writes it, names method and path."""
    assert aggregator("get", "POST /signup", "-d", "{}").stderr.startswith("422 Unprocessable")


def test_a_stream_is_passed_on(aggregator, lab: Path) -> None:
    """What is not JSON is written as it comes, and the status follows it, as it does a body that is whole."""
    result = aggregator("get", "/lines")
    assert len(result.stdout.splitlines()) == 2
    assert re.match(rf"200 OK  \d+ ms  {len(result.stdout)} B  application/x-ndjson\n", result.stderr)
    output = aggregator("get", "/lines").output
    assert output.index("{") < output.index("200 OK")


def test_the_body_comes_before_the_status(aggregator, routes_file: Path) -> None:
    """What was asked for stands first; what is told of it follows, down to the calls and their legend."""
    output = aggregator("get", "/users/1").output
    assert output.index('{"id"') < output.index("200 OK") < output.index("█")


def test_what_claims_too_much_is_told(aggregator, lab: Path) -> None:
    """A body that is not JSON although it says so is a problem document."""
    result = aggregator("get", "/page")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["cause"] == "malformed"


def test_a_terminal_gets_indented_json(aggregator, routes_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the body is laid out for people."""
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda _: True)
    assert aggregator("get", "/users/1").stdout.startswith('{\n  "id": 1,\n')


def test_a_page_of_the_application(aggregator, routes_file: Path) -> None:
    """Whatever the application serves can be asked for, its documents and probes too."""
    assert aggregator("get", "/livez").stdout == "ok\n"
    assert json.loads(aggregator("get", "/openapi.json").stdout)["openapi"].startswith("3.1")


def test_head_has_no_body(aggregator, routes_file: Path) -> None:
    """A HEAD request is answered without a body."""
    result = aggregator("get", "/users/1", "-X", "HEAD")
    assert (result.exit_code, result.stdout) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("users/1",), "write /dashboard/1, percent-encoded"),
        (("/users/ 1",), "write /dashboard/1, percent-encoded"),
        (("/users/é",), "write /dashboard/1, percent-encoded"),
        (("/users/1", "-H", "no-colon"), "write 'name: value'"),
        (("/users/1", "-H", "x: a\nb: c"), "write 'name: value'"),
        (("/users/1", "-H", "a b: c"), "write 'name: value'"),
        (("/users/1", "-X", "G ET"), "'G ET' is no method"),
        (("/users/1", "-d", "@nowhere"), "'nowhere' cannot be read"),
    ],
)
def test_wrong_usage(aggregator, routes_file: Path, arguments: tuple[str, ...], message: str) -> None:
    """What cannot be asked is told before anything runs."""
    result = aggregator("get", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_wrong_file_is_framed_on_stderr(aggregator, folder: Path) -> None:
    """A file with problems shows them and answers nothing."""
    (folder / "routes.yaml").write_text("version: 1\nendpoint: {}\n")
    result = aggregator("get", "/users/1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[unknown-key]" in result.stderr


def test_a_missing_plugin_is_one_line(aggregator, folder: Path) -> None:
    """What is missing around a right file is one line."""
    text = "version: 1\nplugins: [not_there]\nendpoints: {GET /a: {respond: {body: 1}}}\n"
    (folder / "routes.yaml").write_text(text)
    text = text.replace("respond: {body: 1}", "fan_out: {a: {url: 'http://a.test/', transform: 'not_there:clean'}}")
    (folder / "routes.yaml").write_text(text)
    result = aggregator("get", "/a")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ")
    assert "not_there" in result.stderr


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("/user/1", "hint: No endpoint 'GET /user/1' is declared; did you mean `GET /users/{user_id}`?"),
        (
            "DELETE /users/1",
            "hint: No endpoint 'DELETE /users/1' is declared; its path answers to another method: `GET",
        ),
    ],
)
def test_what_was_probably_meant(aggregator, routes_file: Path, target: str, hint: str) -> None:
    """The answer is that of the server; beside it the command says what is declared near the path."""
    result = aggregator("get", target)
    assert hint in result.stderr


@pytest.mark.parametrize("status", [404, 405])
def test_an_endpoint_that_answers_so_was_meant(aggregator, folder: Path, status: int) -> None:
    """Nothing is said of others where the status is the answer of an endpoint."""
    (folder / "routes.yaml").write_text(
        f"version: 1\nendpoints:\n  GET /a: {{respond: {{status: {status}, body: 1}}}}\n  GET /b: {{respond: {{body: 1}}}}\n"
    )
    result = aggregator("get", "/a")
    assert ("hint" in result.stderr, result.stdout) == (False, "1")


@pytest.mark.parametrize(
    ("auth", "hint"),
    [
        ("partners", "-H 'x-api-key: KEY' for partners"),
        ("inline", "?key=KEY in the path for inline"),
        ("staff", "-H 'authorization: Basic …' (base64 of NAME:PASSWORD) for staff"),
        ("{any: [partners, users]}", "-H 'x-api-key: KEY' for partners, or -H 'authorization: Bearer TOKEN' for users"),
        ("{all: [partners, web]}", "-H 'x-api-key: KEY' for partners, and -H 'cookie: session=…' for web"),
    ],
)
def test_what_a_caller_has_to_show(aggregator, folder: Path, auth: str, hint: str) -> None:
    """A 401 comes with the option that carries a credential of each scheme of the endpoint."""
    folder.joinpath("keys.yaml").write_text("[]")
    folder.joinpath("users").write_text("# nobody")
    folder.joinpath("secret").write_text("0123456789abcdef0123456789abcdef")
    issued = "issuer: 'https://id.example.com', audience: a, algorithms: [HS256], key: {file: secret}"
    folder.joinpath("routes.yaml").write_text(
        "version: 1\n"
        "auth:\n"
        "  partners: {api_key: {header: x-api-key, keys: {file: keys.yaml}}}\n"
        "  inline: {api_key: {query: key, keys: {file: keys.yaml}}}\n"
        "  staff: {basic: {users: {file: users}}}\n"
        f"  users: {{jwt: {{{issued}}}}}\n"
        f"  web: {{jwt: {{{issued}, from: {{cookie: session}}}}}}\n"
        f"endpoints:\n  GET /a: {{auth: {auth}, respond: {{body: 1}}}}\n"
    )
    result = aggregator("get", "/a")
    assert f"hint: say who asks: {hint}." in result.stderr
    assert "401 Unauthorized" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("admin.example.com/who",), "admin"),
        (("GET ADMIN.example.com/who",), "admin"),
        (("/who", "-H", "host: admin.example.com"), "admin"),
        (("/who",), "main"),
        (("other.org/who",), "main"),
    ],
)
def test_a_virtual_host_is_asked(aggregator, folder: Path, arguments: tuple[str, ...], body: str) -> None:
    """Before the path, or in the header that says it."""
    (folder / "routes.yaml").write_text(
        "version: 1\nvirtual_hosts: {admin.example.com: {endpoints: {GET /who: {respond: {body: admin}}}}}\n"
        "endpoints: {GET /who: {respond: {body: main}}}\n"
    )
    assert json.loads(aggregator("get", *arguments).stdout) == body


ARCHIVE = {
    "log": {
        "version": "1.2",
        "entries": [
            {
                "request": {
                    "method": "POST",
                    "url": "http://shop.example.com/echo?page=2",
                    "headers": [
                        {"name": "content-type", "value": "application/json"},
                        {"name": "x-mine", "value": "a"},
                    ],
                    "postData": {"mimeType": "application/json", "text": '{"a": 1}'},
                },
                "_aggregator": {"masked": ["headers.authorization"]},
            }
        ],
    }
}


def test_a_request_that_was_kept_is_sent_again(aggregator, lab: Path) -> None:
    """It says what is masked, and takes it; what is said beside it counts more than what was kept."""
    (lab / "failed.har").write_text(json.dumps(ARCHIVE))
    refused = aggregator("get", "--replay", "failed.har")
    assert refused.exit_code == 2
    assert "does not hold headers.authorization; give it with -H 'authorization: …'." in " ".join(
        refused.stderr.split()
    )
    sent = json.loads(
        aggregator("get", "--replay", "failed.har", "-H", "authorization: Bearer x", "-H", "x-mine: b").stdout
    )
    assert (sent["method"], sent["json"]) == ("POST", {"a": 1})
    assert sent["headers"]["x-mine"] == "b"


@pytest.mark.parametrize("text", ["", "[]", '{"log": {"entries": []}}', '{"log": 1}'])
def test_a_file_that_is_no_archive(aggregator, lab: Path, text: str) -> None:
    """Is named, with what was expected; so is one that is not there."""
    (lab / "other.har").write_text(text)
    result = aggregator("get", "--replay", "other.har")
    assert result.exit_code == 2
    assert "is no archive of requests (HAR)" in " ".join(result.stderr.split())
    assert aggregator("get", "--replay", "none.har").exit_code == 2
