"""`aggregator mock`: what a client of its port meets, and what saving its file comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from aggregator.cli.commands.serving.mock import mock
from aggregator.errors import ConfigError
from aggregator.server.mocking.running import follow
from aggregator.server.mocking.server import MockServer
from aggregator.server.mocking.source import MockSource

ROUTES = """
routes:
  GET /balance/{id}: {json: {id: "{{ id }}", page: "{{ query.page }}", by: "{{ headers['x-by'] }}"}}
  POST /pay: {status: 201, json: "{{ body.amount }}"}
  GET /reset: {fail: {reset: true}}
  GET /cut: {body: abcdef, fail: {bytes: 3}}
  GET /never: {fail: {timeout: true}}
"""
Scene = Callable[[MockServer, httpx.AsyncClient], Awaitable[Any]]


def play(folder: Path, scene: Scene) -> Any:
    """Run *scene* with a mock that serves `ROUTES`, and a client of it."""
    file = folder / "ledger.yaml"
    file.write_text(ROUTES, encoding="utf-8")

    async def main() -> Any:
        server = MockServer(MockSource(file, {}).load())
        port = await server.start("127.0.0.1", 0)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60.0) as client:
            try:
                return await scene(server, client)
            finally:
                await server.aclose()

    return asyncio.run(main())


def test_its_answers_are_made_of_the_request(tmp_path: Path) -> None:
    """Of path, query, headers and body; what it lacks is 404."""

    async def scene(_: MockServer, client: httpx.AsyncClient) -> None:
        answer = await client.get("/balance/a%20b?page=2", headers={"x-by": "me"})
        assert answer.json() == {"id": "a b", "page": "2", "by": "me"}
        answer = await client.post("/pay", json={"amount": 5})
        assert (answer.status_code, answer.json()) == (201, 5)
        assert (await client.get("/none")).status_code == 404

    play(tmp_path, scene)


def test_the_length_in_the_answer_to_a_head(tmp_path: Path) -> None:
    """It is that of the body that GET gets, and the connection is kept for the next request."""

    async def scene(_: MockServer, client: httpx.AsyncClient) -> None:
        got, asked = await client.get("/balance/1"), await client.head("/balance/1")
        assert asked.headers["content-length"] == str(len(got.content))
        assert (await client.get("/balance/1")).content == got.content

    play(tmp_path, scene)


def test_a_reset_and_a_body_that_is_cut_off(tmp_path: Path) -> None:
    """The client meets them as faults of the connection."""

    async def scene(_: MockServer, client: httpx.AsyncClient) -> None:
        for path in ("/reset", "/cut"):
            with pytest.raises(httpx.TransportError):
                await client.get(path)

    play(tmp_path, scene)


def test_an_answer_that_never_comes(tmp_path: Path) -> None:
    """Others are answered meanwhile, and closing the server ends it."""

    async def scene(server: MockServer, client: httpx.AsyncClient) -> None:
        waiting = asyncio.create_task(client.get("/never"))
        assert (await client.get("/balance/1")).status_code == 200
        assert not waiting.done()
        await server.aclose()
        with pytest.raises(httpx.TransportError):
            await waiting

    play(tmp_path, scene)


@pytest.mark.long
def test_saving_its_file_changes_what_is_answered(tmp_path: Path) -> None:
    """A file with problems is told and changes nothing."""
    file = tmp_path / "ledger.yaml"

    async def scene(server: MockServer, client: httpx.AsyncClient) -> None:
        told: asyncio.Queue[object] = asyncio.Queue()
        source = MockSource(file, {})
        source.load()
        following = asyncio.create_task(follow(source, server, told.put_nowait, told.put_nowait))
        try:
            file.write_text("routes: {GET /a: {jsn: 1}}")
            assert isinstance(await asyncio.wait_for(told.get(), 60), ConfigError)
            assert (await client.get("/balance/1")).status_code == 200
            file.write_text("routes: {GET /a: {json: 1}}")
            while isinstance(await asyncio.wait_for(told.get(), 60), ConfigError):
                pass  # the same problems, seen once more
            assert (await client.get("/a")).json() == 1
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    play(tmp_path, scene)


def test_a_file_with_problems_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are shown at their places in the file as it was named, and the exit code is that of findings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mocks").mkdir()
    (tmp_path / "mocks" / "ledger.yaml").write_text("routes:\n  /a: {jsn: 1}\n")
    ended = CliRunner().invoke(mock, ["mocks/ledger.yaml"])
    assert ended.exit_code == 1
    assert "mocks/ledger.yaml:2:8 error[unknown-key]" in ended.output
    assert str(tmp_path) not in ended.output
