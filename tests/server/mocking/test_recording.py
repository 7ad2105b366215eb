"""`aggregator mock --record`: a real upstream becomes the file of a mock that answers the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli.commands.serving.mock import mock
from aggregator.server.mocking.recording import tape as tapes
from aggregator.server.mocking.recording.kept import MOST_BODY, Kept
from aggregator.server.mocking.recording.recorder import Recorder, client_of
from aggregator.server.mocking.recording.tape import NotAppendableError, Tape, appended
from aggregator.server.mocking.server import MockServer
from aggregator.server.mocking.source import MockSource
from aggregator.telemetry.hiding import hidden_places

Upstream = Callable[[httpx.Request], httpx.Response]
Scene = Callable[[httpx.AsyncClient], Awaitable[Any]]


def play(file: Path, upstream: Upstream, scene: Scene, *hide: str) -> list[str]:
    """Run *scene* with a client of a mock that records *upstream* into *file*; return what the operator was told."""
    told: list[str] = []

    async def main() -> None:
        tape = Tape(file)
        tape.begin()
        base = "http://up.test/v1"
        async with httpx.AsyncClient(base_url=base, transport=httpx.MockTransport(upstream)) as calls:
            server = MockServer(MockSource(file, {}).load(), Recorder(tape, calls, hidden_places(hide), told.append))
            port = await server.start("127.0.0.1", 0)
            try:
                async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60.0) as client:
                    await scene(client)
            finally:
                await server.aclose()

    asyncio.run(main())
    return told


def served(file: Path, *targets: str) -> list[httpx.Response]:
    """Return what a mock of *file* alone answers to GET of *targets*."""
    found: list[httpx.Response] = []

    def nobody(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"{request.url} went to the upstream")

    async def ask(client: httpx.AsyncClient) -> None:
        found.extend([await client.get(target) for target in targets])

    play(file, nobody, ask)
    return found


def content(answer: httpx.Response) -> Any:
    """Return what *answer* holds; JSON as data, since a number may be written in several ways."""
    return answer.json() if "json" in answer.headers["content-type"] else answer.content


ODD = {
    "braces": "{{ x }} {{{ {% y %} {# z #} ${HOME} ${{",
    "no": "no",
    "n": [1, 2.5, 1e22, None, True],
    "ü": "\u2028\t\x01",
}


def test_what_is_recorded_is_served_again(tmp_path: Path) -> None:
    """Status, fields and body, whatever looks like syntax in it, by path and query; the upstream is asked once for each."""
    file, asked = tmp_path / "mocks/new.yaml", []

    def upstream(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        if request.url.path == "/v1/text":
            return httpx.Response(404, text="none ${here}", headers={"x-total": "7", "date": "today"})
        return httpx.Response(200, json=ODD | {"page": request.url.params.get("page")})

    targets = ["/odd", "/odd?page=2", "/odd?page=3&size=1", "/text", "/a:b/c%20d"]
    first: list[httpx.Response] = []

    async def scene(client: httpx.AsyncClient) -> None:
        first.extend([await client.get(target) for target in targets])
        again = [await client.get(target) for target in targets]
        assert list(map(content, again)) == list(map(content, first))

    told = play(file, upstream, scene)
    assert asked == [f"/v1{target}" for target in targets]
    assert told[0] == "GET /odd is recorded: 200"
    for before, after in zip(first, served(file, *targets), strict=True):
        assert (after.status_code, after.headers["content-type"]) == (
            before.status_code,
            before.headers["content-type"],
        )
        assert after.headers.get("x-total") == before.headers.get("x-total")
        assert content(after) == content(before)


def test_no_credential_is_written(tmp_path: Path) -> None:
    """Not in a key, a field or a body, neither by its name nor because the request proved itself with it."""
    file = tmp_path / "new.yaml"

    def upstream(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer s3cret-1"
        body = {"seen": request.headers["authorization"], "access_token": "s3cret-2", "next": "/x?token=s3cret-3",
                "user": {"email": "s3cret-4"}, "cookie": request.headers["cookie"], "of": "s3cret-6 and more"}  # fmt: skip
        return httpx.Response(200, json=body, headers={"set-cookie": "a=s3cret-5", "x-auth-token": "s3cret-5",
                                                       "x-tenant": "s3cret-7"})  # fmt: skip

    async def scene(client: httpx.AsyncClient) -> None:
        headers = {"authorization": "Bearer s3cret-1", "cookie": "a=b; sid=s3cret-8"}
        answer = await client.get("/me?api_key=s3cret-6&page=1", headers=headers)
        assert answer.json()["access_token"] == "s3cret-2"  # who asks gets what the upstream said

    told = play(file, upstream, scene, "body.user.email", "headers.x-tenant")
    assert "s3cret" not in file.read_text() + "".join(told)
    (again,) = served(file, "/me?page=1&api_key=other")
    assert again.json()["user"] == {"email": "********"}
    assert again.json()["next"] == "/x?token=********"


@pytest.mark.parametrize(("name", "is_one"), [
    ("accessToken", True), ("refresh_token", True), ("clientSecret", True), ("userPassword", True), ("JWT", True),
    ("private_key", True), ("sessionId", True), ("author", False), ("tokens_left", False), ("key", False),
    ("monkey", False), ("token_type", False), ("", False),
])  # fmt: skip
def test_members_of_json_that_are_credentials(tmp_path: Path, name: str, is_one: bool) -> None:
    """However their names are spelled, and at any depth; others stay as they are."""
    file = tmp_path / "new.yaml"

    async def scene(client: httpx.AsyncClient) -> None:
        await client.get("/a")

    play(file, lambda _: httpx.Response(200, json=[{"of": {name: "s3cret"}}]), scene)
    assert ("s3cret" in file.read_text()) is not is_one


@pytest.mark.parametrize(("sent", "echo"), [
    ({"auth": ("ada", "s3cret+1")}, "the password s3cret+1"),
    ({"auth": ("ada", "s3cret+1")}, "in a form: s3cret%2B1"),
    ({"json": {"login": [{"user": "ada", "password": "s3cret-2"}]}}, "s3cret-2"),
    ({"data": {"client_secret": "s3cret 3", "x": "y"}}, "s3cret 3 of y"),
])  # fmt: skip
def test_what_a_request_proves_itself_with_is_written_nowhere(tmp_path: Path, sent: dict[str, Any], echo: str) -> None:
    """The password of a user, a member of its JSON or a pair of its form, where the answer says it again."""
    file = tmp_path / "new.yaml"

    async def scene(client: httpx.AsyncClient) -> None:
        assert (await client.post("/login", **sent)).json() == {"said": echo}

    told = play(file, lambda _: httpx.Response(200, json={"said": echo}), scene)
    assert told == ["POST /login is recorded: 200"]
    assert "s3cret" not in file.read_text()
    assert "********" in file.read_text()


@pytest.mark.parametrize("target", ["/of/s3cret-1", "/of/me?x=s3cret-1"])
def test_a_path_that_holds_a_credential(tmp_path: Path, target: str) -> None:
    """It is passed on, and neither written nor told."""
    file = tmp_path / "new.yaml"

    async def scene(client: httpx.AsyncClient) -> None:
        assert (await client.get(target, headers={"authorization": "Bearer s3cret-1"})).json() == 1

    (said,) = play(file, lambda _: httpx.Response(200, json=1), scene)
    assert "is not recorded: its path or query holds a credential" in said
    assert "s3cret" not in said + file.read_text()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((401, b"no"), "401 is an answer of the moment"),
        ((503, b"no"), "503 is an answer of the moment"),
        ((200, b"\xff\xfe"), "no text in UTF-8"),
        ((200, b"x" * (MOST_BODY + 1)), "more than 256 KiB"),
    ],
)
def test_what_is_passed_on_alone(tmp_path: Path, answer: tuple[int, bytes], why: str) -> None:
    """It reaches who asked, is told with the reason, and is asked for anew the next time."""
    file, asked = tmp_path / "new.yaml", []

    def upstream(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(answer[0], content=answer[1])

    async def scene(client: httpx.AsyncClient) -> None:
        for _ in range(2):
            got = await client.get("/a")
            assert (got.status_code, got.content) == answer

    told = play(file, upstream, scene)
    assert (len(asked), file.read_text()) == (2, "routes: {}\n")
    assert all(why in one for one in told)


def test_what_the_file_says_goes_first(tmp_path: Path) -> None:
    """Its routes answer, its comments stay, and what is new stands behind them with their indentation."""
    file = tmp_path / "ledger.yaml"
    file.write_text("# by hand\nroutes:\n    GET /a: {json: 1}  # mine")

    async def scene(client: httpx.AsyncClient) -> None:
        assert [(await client.get(path)).json() for path in ("/a", "/b")] == [1, "real"]
        assert (await client.head("/c")).status_code == 200

    play(file, lambda _: httpx.Response(200, json="real"), scene)
    before, new = file.read_text().split("# mine\n")
    assert before == "# by hand\nroutes:\n    GET /a: {json: 1}  "
    assert new == "    GET /b: {json: real}\n"


def test_the_whole_answer_is_asked_for(tmp_path: Path) -> None:
    """Conditions and ranges of who asks stay behind, so that the file never holds a part."""
    file = tmp_path / "new.yaml"

    def upstream(request: httpx.Request) -> httpx.Response:
        assert not {"if-none-match", "range"} & set(request.headers)
        return httpx.Response(200, json="all", headers={"etag": '"1"'})

    async def scene(client: httpx.AsyncClient) -> None:
        assert (await client.get("/a", headers={"if-none-match": '"1"', "range": "bytes=0-1"})).json() == "all"

    play(file, upstream, scene)


def test_the_number_of_answers_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes beyond is passed on, and told."""
    monkeypatch.setattr(tapes, "MOST_ROUTES", 1)
    monkeypatch.setattr(tapes, "MOST_BYTES", 200)

    async def scene(client: httpx.AsyncClient) -> None:
        for path in ("/long", "/a", "/b"):
            assert (await client.get(path)).status_code == 200

    told = play(
        tmp_path / "new.yaml", lambda call: httpx.Response(200, text="x" * (len(call.url.path) - 5) * 100), scene
    )
    assert told[0].startswith("GET /long is recorded") or "MiB" in told[0]
    assert told[-1] == "GET /b is not recorded: 1 answers have been recorded, which is all that is"


def test_an_upstream_that_does_not_answer(tmp_path: Path) -> None:
    """It is 502 for who asked, and nothing is written."""

    def upstream(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async def scene(client: httpx.AsyncClient) -> None:
        assert (await client.get("/a")).status_code == 502

    told = play(tmp_path / "new.yaml", upstream, scene)
    assert told == ["GET /a: the upstream did not answer: ConnectError"]


@pytest.mark.parametrize(
    "text", ["", "routes: {GET /a: {json: 1}}\n", "routes:\n  GET /a: {}\nx-note: 1\n", "{routes: {}}", "- 1"]
)
def test_a_file_that_cannot_be_added_to(tmp_path: Path, text: str) -> None:
    """It is refused before anything is recorded, and left as it is."""
    file = tmp_path / "ledger.yaml"
    file.write_text(text)
    ended = CliRunner().invoke(mock, [str(file), "--record", "http://127.0.0.1:1"])
    assert (ended.exit_code, file.read_text()) == (1, text)
    assert "the file must end with `routes`" in ended.output
    with pytest.raises(NotAppendableError):
        appended(text, {})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--record", "ftp://x"], "write a base URL"),
        (["--record", "http://x/?a=1"], "write a base URL"),
        (["--record", "http://x", "--hide", "params.a"], "write it like body.user.email"),
        ([], "does not exist"),
    ],
)
def test_words_that_cannot_be_meant(tmp_path: Path, words: list[str], said: str) -> None:
    """They are refused as wrong usage, and no file is made."""
    ended = CliRunner().invoke(mock, [str(tmp_path / "new.yaml"), *words])
    assert (ended.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert said in " ".join(ended.output.replace("│", " ").split())


def test_places_to_hide_without_a_recording(tmp_path: Path) -> None:
    """They would have no effect, and are refused as wrong usage."""
    (tmp_path / "a.yaml").write_text("routes: {GET /a: {json: 1}}")
    ended = CliRunner().invoke(mock, [str(tmp_path / "a.yaml"), "--hide", "body.a"])
    assert (ended.exit_code, "it stands beside --record" in ended.output) == (2, True)


def test_the_file_is_what_is_served(tmp_path: Path) -> None:
    """The mock that has recorded answers as the file does when it is read, so that reading it again changes nothing."""
    file = tmp_path / "new.yaml"

    async def main() -> None:
        tape = Tape(file)
        tape.begin()
        server = MockServer(MockSource(file, {}).load())
        for key in ("GET /a", "GET /a?x=1", "POST /b"):
            server.add(tape.write(key, Kept(201, [("x-a", "{{ 1 }}")], {"a": "{{ 1 }}"}, is_text=False)))
        assert server.plan == MockSource(file, {}).load()

    asyncio.run(main())


def test_the_client_of_the_upstream_adds_nothing() -> None:
    """No proxy of the environment, and a redirect is an answer like others."""

    async def main() -> tuple[bool, bool]:
        async with client_of("http://up.test") as client:
            return client.trust_env, client.follow_redirects

    assert asyncio.run(main()) == (False, False)
