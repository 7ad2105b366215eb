"""Files that are there, and may not be read by the user of the process."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError


@contextmanager
def refused(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    """Refuse to open files called *name*, as for a user who may not read them; the user of tests may be root."""
    opened = os.open

    def opener(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if str(path).endswith(name):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return opened(path, flags, *rest, **more)

    def open_file(path: Any, *rest: Any, **more: Any) -> Any:
        return open(path, *rest, **{"opener": opener, **more})

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opener)
        patch.setattr("pathlib.io.open", open_file)
        patch.setattr("aggregator.transport.tls.files.open", open_file, raising=False)
        yield


@pytest.mark.parametrize(
    "line",
    [
        "include: locked",
        "server: {title: '${file:locked}'}",
        "auth: {a: {api_key: {header: x-key, keys: {file: locked}}}}",
        "upstreams: {u: {url: 'https://u.example.com', tls: {ca: locked}}}",
        "upstreams: {u: {mock: {file: locked}}}",
    ],
)
def test_a_file_that_may_not_be_read_is_there(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file is locked, nobody is told to create it: the hint says who has to be let in."""
    path = tmp_path / "routes.yaml"
    path.write_text(f"version: 1\n{line}\n")
    path.with_name("locked").write_text("- a\n")
    with pytest.raises(ConfigError) as error, refused(monkeypatch, "locked"):
        load_config(path, {})
    hints = [one.hint for one in error.value.diagnostics if "ermission denied" in one.message]
    assert hints == ["`chown` it to the user of this process, or let a group of that user read it: `chmod g+r`"]


def test_the_file_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that is served is told like every other."""
    path = tmp_path / "routes.yaml"
    path.write_text("version: 1\n")
    with pytest.raises(ConfigError) as error, refused(monkeypatch, "routes.yaml"):
        load_config(path, {})
    (problem,) = error.value.diagnostics
    assert problem.message == "the file cannot be read: Permission denied"
    assert problem.hint is not None
    assert "`chown` it" in problem.hint
