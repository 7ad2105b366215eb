"""``aggregator effects``: what became of durable effects, sending them again, and erasing them."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from urllib.parse import urlencode

import click

from aggregator.cli.choosing import file_option
from aggregator.cli.commands.acting.effects_told import HEAD, described, listed, sentence_of
from aggregator.cli.helping import ExampleCommand

if TYPE_CHECKING:
    from aggregator.stores.effects.contract import EffectStore
    from aggregator.stores.shared.plan import StorePlan

_T = TypeVar("_T")
_AT_ONCE = 100
"""Effects whose bodies are read together."""
_READS = ("list", "show", "export")


@click.command(
    "effects",
    cls=ExampleCommand,
    short_help="List, retry, replay, discard and forget durable effects.",
    examples=(
        ("aggregator effects list --state dead", "what was given up"),
        ("aggregator effects list --request 01J9", "was it sent for this request?"),
        ("aggregator effects show 5626fc47a7f8eb009a3a51c4d8c70234", "all of one, with what it sends"),
        ("aggregator effects retry --name welcome --state dead", "send again what was given up"),
        ("aggregator effects replay --since 2h --name welcome", "send again what was delivered, under its keys"),
        ("aggregator effects forget --key a@example.com", "erase what is kept of one subject"),
    ),
)
@click.argument("order", type=click.Choice([*_READS, "retry", "discard", "replay", "forget"]))
@click.argument("id_", metavar="[ID]", required=False)
@click.option("--name", default=None, help="Effects of this call.")
@click.option("--key", default=None, help="Effects with this `order`.")
@click.option("--request", default=None, help="Effects of the request with this id.")
@click.option("--state", default=None, type=click.Choice(["waiting", "leased", "parked", "sent", "dead"]),
              help="Effects in this state.")  # fmt: skip
@click.option("--since", default=None, help="Effects that ended (or, if they wait, began) so lately, such as 2h.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: an effect a line, or how many an order meant.")
@click.option("--by", default="", help="Who asks; the log of the process says it.")
@click.option("--why", default="", help="Why; the log of the process says it.")
@click.option("--url", default=None, help="Address of administration, if it is not that of FILE.")
@file_option("File whose `server.admin` is meant, or whose `state` where no server runs.")
def effects(
    order: str, id_: str | None, name: str | None, key: str | None, request: str | None, state: str | None,
    since: str | None, as_json: bool, by: str, why: str, url: str | None, file: str,
) -> None:  # fmt: skip
    """Show what became of durable effects, have them sent again (`retry`, `replay`) or removed (`discard`, `forget`).

    A process that serves FILE is asked at its `server.admin`; where none runs, the folder of `state` is worked on, or
    the shared store.

    Exit codes: 0 fine, 1 refused, not reached, or no such effect, 2 wrong usage.
    """
    if order == "show" and id_ is None:
        raise click.UsageError("`show` needs the id of an effect.")
    said = {"id": id_, "name": name, "key": key, "request": request, "state": state, "since": since}
    given = {key: value for key, value in said.items() if value is not None}
    source = _Source(url, file)
    if order in _READS:
        number = -1
        for number, found in enumerate(source.read(given, whole=order == "export")):
            if order == "show" and not as_json:
                click.echo(described(found))
            elif as_json or order in {"show", "export"}:
                click.echo(json.dumps(found, ensure_ascii=False))
            else:
                click.echo(listed(found) if number else f"{HEAD}\n{listed(found)}")
        if number < 0 and order == "list":
            calls = f"; the calls of a `fan_out` have names of their own, such as {name}.mail" if name else ""
            click.echo(f"No {'such ' if given else ''}effect is kept{calls}.", err=True)
    else:
        done = source.act(given | {"order": order, "by": by}, why)
        click.echo(json.dumps(done) if as_json else sentence_of(order, done))


class _Source:
    """The source of effects: a running process, or a folder that none uses."""

    def __init__(self, url: str | None, file: str) -> None:
        from aggregator.cli.administration import admin_target
        from aggregator.errors import ConfigError
        from aggregator.server.generations.plan_source import PlanFiles

        self._plan, wrong = None, None
        try:
            self._plan = PlanFiles(Path(file)).load() if url is None else None
        except ConfigError as error:  # its process can be asked, and nothing be worked on without one
            wrong = error
        has_place = self._plan is None or self._plan.server.admin is not None
        self._target = admin_target(url, file) if has_place else None
        self._is_served = url is not None or (self._target is not None and self._answers())
        if wrong is not None and self._target is not None and not self._is_served:
            click.echo(f"Nothing answers at {self._target.place}; without a process the file must be right.", err=True)
            raise wrong

    def _answers(self) -> bool:
        from aggregator.errors import AggregatorError

        assert self._target is not None
        try:
            self._target.ask("GET", "/livez")
        except AggregatorError:
            return False
        return True

    def read(self, given: dict[str, Any], *, whole: bool) -> Iterator[dict[str, Any]]:
        """Yield the effects that are *given*, with what they send if they are asked for *whole*."""
        after, most = 0, 1000
        while True:
            page = self._page(given, after)
            for first in range(0, len(page), _AT_ONCE):
                some = page[first : first + _AT_ONCE]
                yield from self._whole([one["id"] for one in some]) if whole else some
            if len(page) < most or "id" in given:
                return
            after = page[-1]["place"]

    def _page(self, given: dict[str, Any], after: int) -> list[dict[str, Any]]:
        if self._is_served:
            query = urlencode(given | ({"after": after} if after else {}))
            found: list[dict[str, Any]] = self._answer("GET", f"/-/effects?{query}")
            return found
        from aggregator.server.admin.effects.reading import listed, wanted_of

        return self._masked(self._work(lambda store, now: listed(store, wanted_of(given, now), after)))

    def _whole(self, ids: list[str]) -> list[dict[str, Any]]:
        """Return the effects *ids* with what they send; one that has gone meanwhile is left out."""
        if self._is_served:
            pages = [self._answer("GET", f"/-/effects?{urlencode({'id': one})}", may_lack=True) for one in ids]
            return [one for page in pages for one in page]

        async def show(store: EffectStore, _: float) -> list[dict[str, Any]]:
            return [found for one in ids if (found := await store.show(one)) is not None]

        return self._masked(self._work(show))

    def _masked(self, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        from aggregator.server.admin.effects.masking import masked
        from aggregator.telemetry.redaction import Masker

        assert self._plan is not None
        return masked(found, Masker(self._plan.secrets), self._plan.server.log.hidden)

    def act(self, given: dict[str, Any], why: str) -> Any:
        """Return what came of the order that is *given*."""
        if self._is_served:
            return self._answer("POST", "/-/effect", given | {"reason": why})
        from aggregator.server.admin.effects.reading import ordered

        forgets = given["order"] == "forget"
        found = {"forget": 0} if forgets and not self._has_effects else self._work(
            lambda store, now: ordered(store, given, now)
        )  # fmt: skip
        return found | {"answers": self._forget(given)} if forgets else found

    @property
    def _has_effects(self) -> bool:
        from aggregator.stores.effects.file import FILE

        plan = self._plan
        assert plan is not None
        return plan.background.durable.store == "shared" or (plan.state is not None and Path(plan.state, FILE).exists())

    def _answer(
        self, method: str, path: str, given: dict[str, Any] | None = None, *, may_lack: bool = False
    ) -> Any:  # fmt: skip
        from aggregator.cli.answers import show

        assert self._target is not None
        answer = self._target.ask(method, path, given)
        if may_lack and answer.status_code == 404:
            return []
        if not answer.is_success:
            show(answer, click.echo)
            sys.exit(1)
        return answer.json()

    def _forget(self, given: dict[str, Any]) -> int:
        """Return how many answers to requests with a key were forgotten, in the shared store and in `state`."""
        import asyncio

        from aggregator.errors import StoreError
        from aggregator.runtime.idempotent.answers import subject_of
        from aggregator.server.admin.effects.reading import subject_in

        try:
            return asyncio.run(self._forget_answers(subject_of(subject_in(given))))
        except StoreError as error:
            _fail(f"The answers of requests with a key are not forgotten: {error}")

    async def _forget_answers(self, subject: bytes) -> int:
        from aggregator.stores.answers.kept import forget_left
        from aggregator.stores.redis.answers.store import AnswersInRedis

        plan = self._plan
        assert plan is not None
        count = 0 if plan.state is None else await forget_left(Path(plan.state), subject)
        if plan.has_idempotency and plan.server.idempotency.is_shared:
            shared = AnswersInRedis(plan.store, warns=False)
            try:
                count += await shared.forget(subject)
            finally:
                await shared.aclose()
        return count

    def _work(self, work: Callable[[EffectStore, float], Awaitable[_T]]) -> _T:
        """Return what *work* gives in the store that no process serves; the process ends where there is none."""
        import asyncio
        import time

        from aggregator.errors import StartupError, StoreError
        from aggregator.server.admin.effects.reading import Unknown

        async def run() -> _T:
            async with self._opened() as store:
                return await work(store, time.time())

        try:
            return asyncio.run(run())
        except (Unknown, StoreError, StartupError) as error:
            _fail(str(error))

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[EffectStore]:
        from aggregator.stores.effects.file import FILE, EffectsInFile
        from aggregator.stores.folder import StateFolder

        plan = self._plan
        assert plan is not None
        if plan.background.durable.store == "shared":
            async with self._shared(plan.store) as shared:
                yield shared
            return
        folder = None if plan.state is None else Path(plan.state)
        if folder is None or not (folder / FILE).exists():
            _fail("No durable effects are kept: there is no `state`, or nothing in it.")
        with closing(StateFolder(folder)):
            store = EffectsInFile(folder, "full", goes_on=False)
            try:
                yield store
            finally:
                await store.aclose()

    @asynccontextmanager
    async def _shared(self, place: StorePlan) -> AsyncIterator[EffectStore]:
        from aggregator.errors import StoreError
        from aggregator.stores.redis.effects.store import EffectsInRedis

        store = EffectsInRedis(place, warns=False)
        try:
            await store.open()
            if store.trouble is not None:
                raise StoreError(f"The shared store cannot be asked: {store.trouble}")
            yield store
        finally:
            await store.aclose()


def _fail(sentence: str) -> NoReturn:
    click.echo(f"error: {sentence}", err=True)
    sys.exit(1)
