"""What commands send to the address of administration, and what they say where no use can be made of what comes back."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
import trustme
from click.testing import CliRunner
from msgspec.structs import replace

from aggregator.cli.administration import SECRET, AdminTarget, admin_target
from aggregator.cli.following import Event, follow
from aggregator.cli.group import cli
from aggregator.errors import AggregatorError

Answers = Callable[[httpx.Request], httpx.Response]
EVENTS = 'event: config\ndata: {"generation": 1}\n\nevent: counts\ndata: {"at": 0.0}\n\n'


@pytest.fixture(autouse=True)
def without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder without a file, with no secret in the environment, and with a proxy that nobody is to use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SECRET, raising=False)
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://proxy.invalid:1")


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answers], list[httpx.Request]]:
    """Return a function that has every address of administration answer so; it returns the list of requests."""

    def answer(by: Answers) -> list[httpx.Request]:
        asked: list[httpx.Request] = []
        mock = httpx.MockTransport(lambda request: asked.append(request) or by(request))  # type: ignore[func-returns-value]
        monkeypatch.setattr(AdminTarget, "transport", lambda _: mock)
        return asked

    return answer


def failing(error: Exception) -> Answers:
    """Return what raises *error* for each request."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    return fail


@pytest.mark.parametrize(("secret", "shown"), [(None, None), ("s3cr3t", "Bearer s3cr3t")])
def test_a_request_carries_the_secret_and_what_is_given(answering, secret: str | None, shown: str | None) -> None:
    """Method, address, body; without a secret no credential."""
    asked = answering(lambda _: httpx.Response(200, json=[1]))
    answer = AdminTarget("http://h:9", secret).ask("POST", "/-/x?y=1", {"a": 1})
    assert answer.json() == [1]
    (one,) = asked
    assert (one.method, str(one.url), one.content) == ("POST", "http://h:9/-/x?y=1", b'{"a":1}')
    assert one.headers.get("authorization") == shown
    assert one.extensions["timeout"] == dict.fromkeys(("connect", "read", "write", "pool"), 60.0)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ConnectError("Connection refused"), "Connection refused"),
        (httpx.ReadTimeout(""), "ReadTimeout"),
        (httpx.InvalidURL("No port."), "No port."),
        (ssl.SSLError(1, "wrong version"), "[SSL] wrong version (_ssl.c:1)"),
    ],
)
def test_why_nothing_answers_is_one_sentence(answering, error: Exception, said: str) -> None:
    """With the address, and the name of an error that says nothing itself."""
    said = str(error) or said
    answering(failing(error))
    with pytest.raises(AggregatorError) as caught:
        AdminTarget("http://h:9").ask("GET", "/-/config")
    assert str(caught.value) == f"Nothing answers at http://h:9: {said}."


def test_a_socket_is_asked_only_where_there_is_one(answering, tmp_path: Path) -> None:
    """One that has gone is told as that."""
    asked = answering(lambda _: httpx.Response(200, json={}))
    with pytest.raises(AggregatorError) as caught:
        AdminTarget("http://localhost", None, "a").ask("GET", "/")
    assert (str(caught.value), asked) == ("Nothing answers at unix:a: there is no such file.", [])
    with pytest.raises(AggregatorError) as caught:
        next(follow(AdminTarget("http://localhost", None, "a"), {}))
    assert (str(caught.value), asked) == ("Nothing answers at unix:a: there is no such file.", [])
    (tmp_path / "a").touch()
    assert AdminTarget("http://localhost", None, "a").ask("GET", "/").status_code == 200


@pytest.mark.parametrize(
    ("target", "place"),
    [(AdminTarget("http://h:9"), "http://h:9"), (AdminTarget("http://localhost", path="/run/a"), "unix:/run/a")],
)
def test_an_address_is_shown_as_it_is_written(target: AdminTarget, place: str) -> None:
    """A socket by its path, whatever stands in the URL."""
    assert target.place == place


def pair(folder: Path, name: str) -> trustme.LeafCert:
    """Return a certificate of another machine, which *folder* has now, without that of its authority."""
    made = trustme.CA().issue_cert("elsewhere.example.com")
    made.private_key_pem.write_to_path(folder / f"{name}.key")
    made.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    return made


class Fine(BaseHTTPRequestHandler):
    """Answers every GET with an empty object."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *words: object) -> None:
        """Write nothing."""


@pytest.fixture
def by_tls(tmp_path: Path) -> Iterator[str]:
    """Return the URL of a server that shows the certificate ``a.pem``."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    pair(tmp_path, "a").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), Fine) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_certificate_that_the_file_names_is_believed(by_tls: str, tmp_path: Path) -> None:
    """Whoever has issued it and whatever host it is for; no other one is, and none that nobody names."""
    pair(tmp_path, "b")
    assert AdminTarget(by_tls, trusted="a.pem").ask("GET", "/").json() == {}
    for trusted in ("b.pem", None):
        with pytest.raises(AggregatorError, match="certificate verify failed"):
            AdminTarget(by_tls, trusted=trusted).ask("GET", "/")


@pytest.mark.parametrize(
    ("address", "tls", "target"),
    [
        ("127.0.0.1:0", "", None),
        ("127.0.0.1:9000", "", AdminTarget("http://127.0.0.1:9000", "that-of-the-file")),
        ('"[::]:9000"', "", AdminTarget("http://[::1]:9000", "that-of-the-file")),
        ("unix:/run/a", "", AdminTarget("http://localhost", "that-of-the-file", "/run/a")),
        ("0.0.0.0:9000", ", tls: {cert: a.pem, key: a.key}",
         AdminTarget("https://127.0.0.1:9000", "that-of-the-file", trusted="a.pem")),
    ],
)  # fmt: skip
def test_the_address_that_a_file_declares(tmp_path: Path, address: str, tls: str, target: AdminTarget | None) -> None:
    """What listens on every address is asked on this machine; a port that nobody knows is wrong usage."""
    if tls:
        pair(tmp_path, "a")
    (tmp_path / "routes.yaml").write_text(
        f"version: 1\nserver: {{port: 0, admin: {{address: {address}, secret: that-of-the-file{tls}}}}}\n"
        "endpoints: {GET /n: {respond: {body: 1}}}\n"
    )
    if target is not None:
        trusted = target.trusted and str(tmp_path / target.trusted)
        assert admin_target(None, "routes.yaml") == replace(target, trusted=trusted)
        return
    result = CliRunner().invoke(cli, ["status"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.endswith(
        "Error: `server.admin` listens on any free port; name the URL that the process has told.\n"
    )


def refused(status: int, detail: str) -> httpx.Response:
    """Return a problem of administration."""
    kind = {"content-type": "application/problem+json"}
    return httpx.Response(status, json={"detail": detail}, headers=kind)


REFUSALS: list[tuple[httpx.Response, str]] = [
    (refused(401, "Who asks?"), f"Who asks? Set {SECRET}."),
    (refused(403, "Not from here."), "Not from here."),
    (httpx.Response(404, json={}, headers={"content-type": "application/problem+json"}), "Not Found"),
]


@pytest.mark.parametrize(("answer", "said"), REFUSALS)
def test_what_is_refused_is_told_as_it_was_said(answering, answer: httpx.Response, said: str) -> None:
    """On stderr, with exit code 1; who is not known learns where the secret goes."""
    answering(lambda _: answer)
    for line in ("status", "tail --url", "top --url"):
        result = CliRunner().invoke(cli, f"{line} http://h:9")
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"error: {said}\n")


def test_what_is_no_address_of_administration_is_told(answering) -> None:
    """A page of somebody else is printed by what asks once, and named by what would go on."""
    for answer in (httpx.Response(404, text="<p>"), httpx.Response(404, json=[1])):
        answering(lambda _, answer=answer: answer)
        result = CliRunner().invoke(cli, "tail --url h:9")
        assert (result.exit_code, result.output) == (
            1, "error: It answers with 404, as no address of administration does.\n",
        )  # fmt: skip
    answering(lambda _: httpx.Response(404, text="<p>"))
    result = CliRunner().invoke(cli, "status h:9")
    assert (result.exit_code, result.output) == (1, "<p>\n")


def test_a_stream_of_events_is_asked_for(answering) -> None:
    """By what is to be shown, with the secret; what it says comes event by event."""
    asked = answering(lambda _: httpx.Response(200, text=EVENTS))
    events = follow(AdminTarget("http://h:9", "s3cr3t"), {"show": "requests", "endpoint": "GET /a"}, lambda _: None)
    assert [next(events) for _ in range(3)] == [
        Event("config", {"generation": 1}), Event("counts", {"at": 0.0}), Event("gone", {}),
    ]  # fmt: skip
    (one,) = asked
    assert (one.method, str(one.url)) == ("GET", "http://h:9/-/events?show=requests&endpoint=GET+%2Fa")
    assert one.headers["authorization"] == "Bearer s3cr3t"
    assert one.extensions["timeout"]["read"] == 40.0


def test_nothing_proves_who_asks_where_there_is_no_secret(answering) -> None:
    """Events are asked for without a credential then."""
    asked = answering(lambda _: httpx.Response(200, text=EVENTS))
    next(follow(AdminTarget("http://h:9"), {}))
    assert "authorization" not in asked[0].headers


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("tail", "show=requests"),
        ("tail --endpoint /a --part b --cause timeout --slower-than 1s",
         "show=requests&endpoint=%2Fa&part=b&cause=timeout&slower_than=1s"),
        ("top", "show=counts"),
        ("top --endpoint /a", "show=counts%2Cparts&endpoint=%2Fa"),
    ],
)  # fmt: skip
def test_what_watches_asks_for_what_it_shows(answering, words: str, query: str) -> None:
    """And for nothing else."""
    asked = answering(lambda _: refused(400, "No."))
    CliRunner().invoke(cli, f"{words} --url h:9")
    assert [one.url.query.decode() for one in asked] == [query]
