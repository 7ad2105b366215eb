"""The plug-in of pytest that tests/mutants.py loads to judge many mutants after one collection: each in a fork of its own.

What is asked comes as lines of JSON, and each is answered by one. A fork gives the functions of the changed module the code that the
change makes of them; what is imported or started later reads the changed file.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

import pytest

_failed: list[str] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Judge what is asked through the pipes that JUDGING_ENDS names, instead of running all tests."""
    if (ends := os.environ.get("JUDGING_ENDS")) is None:
        return None
    asked, answered = map(int, ends.split())
    gc.unfreeze()  # else the functions are not among the objects that there are
    with os.fdopen(asked) as questions, os.fdopen(answered, "w") as answers:
        print("ready", file=answers, flush=True)
        for line in questions:
            question = json.loads(line)
            answer = _forked(partial(_first_failure, session, question), 2 * question["seconds"])
            print(json.dumps(answer), file=answers, flush=True)
    return True


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember what fails."""
    if report.failed:
        _failed.append(report.nodeid)


def _forked(judge: Callable[[Callable[[], None]], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Return what *judge* returns in a process of its own, which says each so many *seconds* that it goes on.

    What that has started ends with it. Some tests hang beyond the time that each has of its own: in threads that are waited for.
    """
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.setsid()
        try:
            os.write(writing, b"\n" + json.dumps(said_by(judge, lambda: _go_on(writing))).encode())
        finally:
            os._exit(0)
    os.close(writing)
    said = b""
    try:
        while select.select([reading], [], [], seconds)[0] and (more := os.read(reading, 65_536)):
            said += more
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what its tests have started and not ended
        os.waitpid(child, 0)
    answer = said.partition(b"\n")[2]
    return json.loads(answer) if answer else {"test": "what ends the process, or never ends"}


def said_by(judge: Callable[[Callable[[], None]], dict[str, Any]], go_on: Callable[[], None]) -> dict[str, Any]:
    """Return what *judge* returns; what it raises as its ``fault``, which says nothing of the change.

    A test may end the run, the process or its own time (``Exit``, what is no ``Exception``): that is raised, and the process ends.
    """
    try:
        return judge(go_on)
    except pytest.exit.Exception:
        raise
    except Exception:
        return {"fault": traceback.format_exc()}


def _go_on(writing: int) -> None:
    os.write(writing, b".")


def _first_failure(session: pytest.Session, question: dict[str, Any], go_on: Callable[[], None]) -> dict[str, Any]:
    """Return which of the tests that *question* names fails first, or that this process cannot tell."""
    if not _swapped(Path(question["path"])):
        return {"unknown": True}
    items = _chosen(session, question)
    for item, following in zip_longest(items, items[1:]):
        item.add_marker(pytest.mark.timeout(question["seconds"]))
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if _failed:
            break
        go_on()
    return {"test": _failed[0] if _failed else None}


def _chosen(session: pytest.Session, question: dict[str, Any]) -> list[pytest.Item]:
    """Return the tests of the files in *question*, in the order of these: those it names, or those of the second tier."""
    places = {file: number for number, file in enumerate(question["files"])}
    names = None if question["tests"] is None else set(question["tests"])
    items = [item for item in session.items if _file(item) in places]
    items = [item for item in items if (item.get_closest_marker("later") if names is None else item.nodeid in names)]
    return sorted(items, key=lambda item: places[_file(item)])


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _swapped(path: Path) -> bool:
    """Return whether the functions of the module at *path* have the code now that stands in its file."""
    if not any(getattr(module, "__file__", None) == str(path) for module in list(sys.modules.values())):
        return True  # nothing has imported it: whoever does reads the file
    new: dict[tuple[str, int], list[CodeType]] = {}
    for each in _codes(compile(path.read_text(encoding="utf-8"), str(path), "exec")):
        new.setdefault(_place(each), []).append(each)
    count = 0
    for function in _functions(str(path)):
        old, codes = function.__code__, new.get(_place(function.__code__), [])
        code = codes[0] if len(codes) == 1 else None  # two lambdas of a line are not told apart
        if code is None or len(code.co_freevars) != len(old.co_freevars):
            return False
        if code != old:
            function.__code__ = code
            count += 1
    return count > 0


def _functions(path: str) -> Iterator[FunctionType]:
    for each in gc.get_objects():
        found = each.__func__ if isinstance(each, MethodType) else each
        if isinstance(found, FunctionType) and found.__code__.co_filename == path:
            yield found


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    inner: Sequence[object] = code.co_consts
    for each in inner:
        if isinstance(each, CodeType):
            yield from _codes(each)
