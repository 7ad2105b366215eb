"""Refresh tokens that rotate: each is sent once, over reloads and restarts, whoever needs a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from issuing import Issuer

from aggregator.errors import StoreError
from aggregator.policies.credentials.oauth.sharing import SharedTokens
from aggregator.server.application.app import application
from aggregator.server.generations.lasting import Keeps
from aggregator.server.generations.plan_source import PlanFiles
from aggregator.server.once.checking import check_file
from aggregator.stores.folder import Files

TEXT = """version: 1
state: ./state
upstreams:
  a:
    url: http://a.test
    auth: {oauth2: {grant: refresh_token, token_url: "https://id.test/token", client_id: shop, refresh_token: first}}
  b: {url: http://b.test, auth: {oauth2: {grant: refresh_token, token_url: "https://id.test/token", client_id: shop,
      refresh_token: first, scope: more}}}
endpoints:
  GET /a: {call: a:/x}
  GET /b: {call: b:/x}
"""


class Rotating(Issuer):
    """An issuer that takes each refresh token once, and then gives out the next."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer *request*."""
        self.more = {"refresh_token": f"rotated-{len(self.asked) + 1}"}
        response = await super().__call__(request)
        used = [form["refresh_token"] for form in self.forms]
        return response if len(set(used)) == len(used) else httpx.Response(400, json={"error": "invalid_grant"})

    @property
    def used(self) -> list[str]:
        """The refresh tokens that came, in their order."""
        return [form["refresh_token"] for form in self.forms]


@asynccontextmanager
async def process(path: Path, issuer: Issuer, keeps: Keeps = "all") -> AsyncIterator[httpx.AsyncClient]:
    """Serve the file at *path*, and stop; a worker *keeps* what is shared."""

    async def answer(request: httpx.Request) -> httpx.Response:
        return await issuer(request) if request.url.host == "id.test" else httpx.Response(200, json={})

    app = application(PlanFiles(path, {}), httpx.MockTransport(answer), keeps_state=keeps)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")
    async with app.router.lifespan_context(app), client:
        client.reload = app.running.reload  # type: ignore[attr-defined]
        yield client


def write(path: Path, text: str) -> None:
    """Let the file at *path* hold *text*."""
    path.write_text(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file that is served."""
    path = tmp_path / "routes.yaml"
    path.write_text(TEXT)
    return path


def test_the_last_one_outlives_the_process(path: Path) -> None:
    """Also when another one was on its way at the stop; the file is for its user alone, and names no server."""

    async def main() -> None:
        issuer = Rotating()
        for _ in range(2):
            async with process(path, issuer) as client:
                assert (await client.get("/a")).status_code == 200
        async with process(path, issuer) as client:
            issuer.gate, issuer.came = asyncio.Event(), asyncio.Event()
            asking = asyncio.create_task(client.get("/a"))
            await issuer.came.wait()
            asking.cancel()
            asyncio.get_running_loop().call_soon(issuer.gate.set)
        issuer.gate = None
        async with process(path, issuer) as client:
            assert (await client.get("/a")).status_code == 200
        assert issuer.used == ["first", "rotated-1", "rotated-2", "rotated-3"]

    asyncio.run(main())
    kept = path.parent / "state" / "refresh_tokens.json"
    assert [*json.loads(kept.read_text())["data"].values()] == ["rotated-4"]
    assert kept.stat().st_mode & 0o077 == 0
    assert "id.test" not in kept.read_text()


def test_a_reload_that_changes_something_else_goes_on_with_the_last(path: Path) -> None:
    """With another scope there is another token, by the same grant; another refresh token in the file is another grant."""

    async def main() -> None:
        issuer = Rotating()
        async with process(path, issuer) as client:
            for text in (TEXT, TEXT.replace("refresh_token: first}", "refresh_token: first, scope: read}")):
                write(path, text)
                await client.reload()  # type: ignore[attr-defined]
                assert (await client.get("/a")).status_code == 200
            write(path, TEXT.replace("refresh_token: first}", "refresh_token: anew}"))
            await client.reload()  # type: ignore[attr-defined]
            assert (await client.get("/a")).status_code == 200
        assert issuer.used == ["first", "rotated-1", "anew"]

    asyncio.run(main())


def test_two_upstreams_of_one_grant_take_turns(path: Path) -> None:
    """At once they would send the same refresh token twice, which ends the grant."""

    async def main() -> None:
        issuer = Rotating()
        async with process(path, issuer) as client:
            answers = await asyncio.gather(client.get("/a"), client.get("/b"))
            assert [answer.status_code for answer in answers] == [200, 200]
        assert issuer.used == ["first", "rotated-1"]

    asyncio.run(main())


def test_what_a_restart_forgets_is_noted(path: Path) -> None:
    """`check` says that a refresh token is lost where there is no `state`, and says nothing where there is."""
    assert check_file(str(path)).notes == []
    path.write_text(TEXT.replace("state: ./state", ""))
    note = "a refresh token that comes in place of another is lost at a restart; `state: ./state` keeps it"
    assert check_file(str(path)).notes == [note]


def test_workers_take_turns(path: Path) -> None:
    """Each uses the last that came to any of them, also at once; one process goes on with it after them."""
    state = path.parent / "state"
    state.mkdir()

    async def main() -> None:
        issuer = Rotating()
        async with process(path, issuer, "shared") as one, process(path, issuer, "shared") as other:
            asked = (client.get(f"/{name}") for client in (one, other) for name in "ab")
            assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200] * 4
        async with process(path, issuer, "shared") as later:
            assert (await later.get("/a")).status_code == 200
        async with process(path, issuer) as alone:
            assert (await alone.get("/a")).status_code == 200
        assert issuer.used == ["first", *(f"rotated-{number}" for number in range(1, 6))]

    asyncio.run(main())
    assert all(file.stat().st_mode & 0o077 == 0 for file in state.glob("refresh_tokens*"))


def test_a_worker_goes_on_with_what_it_could_not_keep(path: Path, monkeypatch, caplog) -> None:
    """That is told, once it could not be written; the next is written where the disk has room again."""
    (path.parent / "state").mkdir()
    replace = Files.replace

    def full(*_: object) -> None:
        raise StoreError("It is full.")

    async def main() -> None:
        issuer = Rotating()
        async with process(path, issuer, "shared") as worker:
            for content in (full, full, replace):
                monkeypatch.setattr(Files, "replace", content)
                write(
                    path, TEXT.replace("refresh_token: first}", f"refresh_token: first, scope: s{len(issuer.used)}}}")
                )
                await worker.reload()  # type: ignore[attr-defined]
                assert (await worker.get("/a")).status_code == 200
        async with process(path, issuer, "shared") as later:
            assert (await later.get("/b")).status_code == 200
        assert issuer.used == ["first", "rotated-1", "rotated-2", "rotated-3"]

    asyncio.run(main())
    assert caplog.text.count("A refresh token could not be kept") == 2


def test_without_its_folder_a_worker_uses_no_token(path: Path) -> None:
    """A token that may be spent ends the grant, so the calls that need one fail."""

    async def main() -> None:
        issuer = Rotating()
        async with process(path, issuer, "shared") as worker:
            assert (await worker.get("/a")).status_code == 502
        assert issuer.asked == []

    asyncio.run(main())


def test_the_files_of_locks_are_no_more_with_more_grants(tmp_path: Path) -> None:
    """Each first token is another grant: those whose hashes begin alike share a file, and take turns."""

    async def main() -> None:
        tokens = SharedTokens(tmp_path)
        for name in ("ab01", "ab02", "ab03"):
            async with tokens.turn(name):
                pass

    asyncio.run(main())
    assert [found.name for found in tmp_path.glob("*.lock")] == ["refresh_tokens.ab.lock"]
