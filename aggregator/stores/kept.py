"""One file of the state folder: read at the start, written when what it holds has changed.

    clean ── changed() ──▶ due ── a second later, or save(), or aclose() ──▶ being written ──▶ clean
                            ▲                                                      │
                            └── the disk is full, it changed meanwhile ────────────┘

``save`` is for what must not be lost once it has been answered, ``changed`` for what changes with each request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from aggregator.errors import StoreError
from aggregator.stores.folder import Files
from aggregator.telemetry.logging import log

_T = TypeVar("_T")
_log = logging.getLogger("aggregator.stores")

SECONDS = 1.0
"""How long a change waits to be written."""
_SHARE, _LONGEST = 50.0, 30.0
"""Where writing takes long it is not done all the time: a change waits that many times as long as the last one took."""


class _Form(msgspec.Struct, Generic[_T]):
    """The content of the file; *version* grows with every format that earlier programs cannot read."""

    version: int
    data: _T


class Kept(Generic[_T]):
    """A value of the type *form*, which *snapshot* returns, kept in the file *name*.json of *folder*.

    A change waits *seconds* to be written, `SECONDS` where that is not said.
    """

    def __init__(
        self, folder: Files, name: str, form: type[_T], snapshot: Callable[[], _T], version: int = 1,
        seconds: float | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._name = f"{name}.json"
        self._form = form
        self._snapshot = snapshot
        self._version = version
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._least = SECONDS if seconds is None else seconds
        self._pause = self._least
        self._dirty = self._closed = self._told = False

    def load(self) -> _T | None:
        """Return what was kept, None when there is nothing.

        A file that cannot be understood is put aside, and the log says so. Raises ``StartupError`` when it cannot be
        read at all.
        """
        content = self._folder.read(self._name)
        if content is None:
            return None
        try:
            found = msgspec.json.decode(content, type=_Form[self._form])  # type: ignore[name-defined]
            if found.version != self._version:
                raise ValueError(f"it is of version {found.version}, and this program reads {self._version}")
        except ValueError as error:  # msgspec.DecodeError and ValidationError are
            aside = self._folder.put_aside(self._name)
            log(_log, logging.ERROR, "What was kept is not understood; it begins anew.", file=str(aside),
                reason=str(error))  # fmt: skip
            return None
        data: _T = found.data
        return data

    def changed(self) -> None:
        """Schedule a write, with all changes until then; later where writing takes long."""
        self._dirty = True
        if self._timer is None and self._task is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._begin)

    async def save(self) -> None:
        """Write the value; it is on the disk when this returns. Raises ``StoreError``."""
        self._dirty = True
        async with self._turn:
            if not self._dirty:  # whoever had the turn before has written it
                return
            self._dirty = False
            try:
                await asyncio.to_thread(self._put, self._snapshot())
            except BaseException:
                self._dirty = True
                raise

    def _put(self, data: _T) -> None:
        content = msgspec.json.format(msgspec.json.encode(_Form(self._version, data)))
        self._folder.replace(self._name, content + b"\n")

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        clock = asyncio.get_running_loop().time
        begun = clock()
        await self._try()
        self._pause = max(self._least, min(_LONGEST, _SHARE * (clock() - begun)))
        self._task = None
        if self._dirty:
            self.changed()

    async def _try(self) -> None:
        """Write it; the first of several failures is told, and the success that ends them."""
        try:
            await self.save()
        except StoreError as error:
            if not self._told:
                log(_log, logging.ERROR, "What is kept could not be written; it is tried again.", reason=str(error))
            self._told = True
        else:
            if self._told:
                log(_log, logging.INFO, "What is kept is written again.", file=self._name)
            self._told = False

    async def aclose(self) -> None:
        """Write what has not been written."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            await self._task
        if self._dirty:
            await self._try()
