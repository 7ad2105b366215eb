"""What a variable holds is in no message: these are built from what the file says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from aggregator.config.loading import load_config
from aggregator.diagnostics import Diagnostic
from aggregator.errors import ConfigError
from tests.settings import SETTINGS, Steps, document

ROOT = Path(__file__).parent.parent
WRONG = sorted((ROOT / "wrong_files").glob("[0-9]*-*.md"))
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FILE = re.compile(r"^```yaml (?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"`([A-Z_]+)=(.*?)`")


@cache
def is_ours(piece: str) -> bool:
    """Return whether *piece* stands in our own code, where the words of messages are: it tells nothing of a value."""
    return any(piece in text for text in texts_of_ours())


@cache
def texts_of_ours() -> list[str]:
    """Return the texts of all modules of the program."""
    return [file.read_text(encoding="utf-8") for file in (ROOT.parent / "aggregator").rglob("*.py")]


def problems(file: Path, env: dict[str, str]) -> tuple[Diagnostic, ...]:
    """What is wrong with *file*."""
    try:
        return load_config(file, env).warnings
    except ConfigError as error:
        return tuple(error.diagnostics)


def scalars(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each text that is no key stands in *text*, and what it says."""
    try:
        waiting = [yaml.compose(text, Loader=LOADER)]
    except yaml.YAMLError:
        return
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            waiting += [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif node is not None and node.style not in ("|", ">"):
            yield node.start_mark.index, node.end_mark.index, node.value


@pytest.mark.parametrize("case", WRONG, ids=lambda path: path.stem)
def test_a_wrong_value_is_never_shown(case: Path, tmp_path: Path) -> None:
    """Each text of each wrong file, put into a variable: what is said of it then names the variable at most."""
    document = case.read_text(encoding="utf-8")
    texts = {file["name"]: file["text"] for file in _FILE.finditer(document)}
    env = dict(_VARIABLE.findall(document))
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    main = texts["routes.yaml"]
    for start, stop, value in scalars(main):
        rest = main[:start] + '"${CANARY}"' + main[stop:]
        if len(value) < 4 or "${" in value or value in rest:
            continue
        pieces = {piece for piece in re.findall(r"[\w./-]{4,}", value) if piece not in rest and not is_ours(piece)}
        if not pieces:
            continue
        (tmp_path / "routes.yaml").write_text(rest, encoding="utf-8")
        for one in problems(tmp_path / "routes.yaml", {**env, "CANARY": value}):
            said = " ".join([one.message, one.hint or "", *(label for _, label in one.related)])
            assert not [piece for piece in pieces if piece in said], (value, said)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("upstreams: {u: {url: '${U}'}}", "redis://app:hunter2secret@db"),
        ("upstreams: {u: {url: '${U}'}}", "hunter2secret"),
        ("upstreams: {u: {url: '${U}'}}", "https://app:hunter2secret@db"),
        ("upstreams: {u: {url: 'https://db/$hunter2secret${U}'}}", "{hunter2secret}"),
        ("upstreams: {u: {url: 'demo://${U}'}}", "hunter2secret"),
        ("client: {transport: httpx, proxy: '${U}'}", "hunter2secret:1"),
        ("server: {host: '${U}'}", "hunter2secret:8000"),
        ("server: {port: '${U}'}", "hunter2secret"),
        ("client: {timeout: '${U}'}", "hunter2secret"),
        ("client: {timeout: ${U}}", "24367541"),
        ("upstreams: {u: {url: 'http://u', headers: {a: '${U}'}}}", "hunter2secret\n"),
        ("x-a: 1\nendpoints: {GET /x: {call: '${U}'}}", "hunter2secret"),
        ("x-a: 1\nendpoints: {GET /x: {call: '${U}'}}", "hunter2secret http://x/"),
        ("x-a: 1\nendpoints: {GET /x: {call: '${U}'}}", "https:hunter2secret"),
        ("x-a: 1\nendpoints: {GET /x: {call: '${U}'}}", "hunter2secret:/x"),
        ("x-a: 1\nendpoints: {GET /x: {call: 'http://h/${U}'}}", "..\u00e9"),
        ("x-a: 1\nendpoints: {GET /x: {call: {url: 'http://h/', when: '${U}'}}}", "hunter2secret"),
        ("x-a: 1\nendpoints: {GET /x: {call: {url: 'http://h/', select: '${U}'}}}", "hunter2secret["),
        ("x-a: 1\nendpoints: {GET /x: {call: {url: 'http://h/', needs: ['${U}']}}}", "hunter2secret"),
        ("x-a: 1\nendpoints: {GET /x: {call: {url: 'http://h/', for_each: {items: '${U}'}}}}", "hunter2secret"),
        ("x-a: 1\nendpoints: {GET /x: {call: 'http://h/', query: {a: '${U}'}}}", "hunter2secret"),
        ("x-a: 1\nendpoints: {GET /x: {call: 'http://h/', query: {a: {pattern: '${U}'}}}}", "hunter2secret["),
        ("x-a: 1\nendpoints: {GET /x: {call: 'http://h/', query: {a: {type: integer, default: '${U}'}}}}", "hunter2secret"),
    ],
)  # fmt: skip
def test_no_part_of_a_value_is_shown(line: str, value: str, tmp_path: Path) -> None:
    """Also where a message shows a piece of what is wrong, or a better way to write it."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{line}\n", encoding="utf-8")
    found = problems(tmp_path / "routes.yaml", {"U": value})
    assert [one for one in found if one.code != "unused"] or "\u00e9" in value
    said = repr([(one.message, one.hint) for one in found])
    assert "hunter" not in said.replace("$hunter2secret", "") or "hunter" in line
    assert "24367541" not in said
    assert "é" not in said


EACH: dict[int, Steps] = {}
"""One place of every text setting there is."""
for setting, declared in SETTINGS.items():
    EACH.setdefault(id(declared), setting)


@pytest.mark.long
def test_whatever_setting_it_stands_in_a_value_is_not_shown(tmp_path: Path) -> None:
    """A problem of any setting, also a file that is not there, names the variable and not what it holds."""
    file, env = tmp_path / "routes.yaml", {"S": "http://hunter2secret/\r\n", "SECRET": "s" * 16}
    shown = {}
    for setting in EACH.values():
        file.write_text(document(setting, "${S}"), encoding="utf-8")
        said = repr([(one.message, one.hint, one.related) for one in problems(file, env)])
        if "hunter2secret" in said:
            shown[".".join(map(str, setting))] = said
    assert shown == {}


@pytest.mark.parametrize(
    "line",
    [
        "endpoints: {GET /x: {auth: '${U}', call: 'http://h/'}}",
        "endpoints: {GET /x: {call: 'http://h/', rate_limit: {rate: 1/s, by: '${U}'}}}",
        "client: {timeout: '${U}'}",
    ],
)
def test_a_short_value_is_not_quoted(line: str, tmp_path: Path) -> None:
    """What a message shows as a name, or a hint as something to write, is no value of a variable."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{line}\n", encoding="utf-8")
    said = repr([(one.message, one.hint) for one in problems(tmp_path / "routes.yaml", {"U": "q7z"})])
    assert len(said) > 2
    assert "q7z" not in said


@pytest.mark.parametrize(
    ("line", "value", "meant"),
    [
        ("prefixes: {/x: {rate_limit: {rate: '${U}'}}}", "7 per hour", "7/h"),
        ("prefixes: {/x: {rate_limit: {rate: '${U}'}}}", "7/day", "7/d"),
        ("prefixes:\n  /x:\n    rate_limit:\n      rate: ${U}", "7", "7/"),
        ("upstreams: {u: {url: 'http://u', rate_limit: {rate: '${U}'}}}", "7 per hour", "7/h"),
        ("upstreams: {u: {url: 'http://u', concurrency: '${U}'}}", "7 per hour", "7/h"),
        ("upstreams:\n  u:\n    url: http://u\n    retry:\n      budget: ${U}", "0.75", "75%"),
        ("upstreams: {u: {url: 'http://u', timeout: '${U}'}}", "7 seconds", "7s"),
        ("server: {max_body: '${U}'}", "7 kb", "7kB"),
    ],
)  # fmt: skip
def test_what_a_value_was_meant_to_be_is_not_shown(line: str, value: str, meant: str, tmp_path: Path) -> None:
    """A better way to write it would say it, in other words: the form is told instead."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{line}\n", encoding="utf-8")
    (found, *_) = [one for one in problems(tmp_path / "routes.yaml", {"U": value}) if one.code != "unused"]
    assert found.code in {"bad-rate", "limits", "wrong-type", "bad-share", "bad-duration", "bad-size"}
    assert meant not in f"{found.message} {found.hint}"


def test_the_address_of_an_issuer_is_not_shown(tmp_path: Path) -> None:
    """Where keys and tokens would go in the clear, what stands in a variable is no part of the better way."""
    introspection = "{url: '${U}', client_id: c, client_secret: '${C}'}"
    for scheme in ("{jwt: {issuer: '${U}', audience: a}}", f"{{introspection: {introspection}}}"):
        (tmp_path / "routes.yaml").write_text(f"version: 1\nauth: {{s: {scheme}}}\n", encoding="utf-8")
        found = problems(tmp_path / "routes.yaml", {"U": "http://id.hunter2secret/x", "C": "c" * 20})
        assert "bad-issuer" in {one.code for one in found}
        assert "hunter2secret" not in repr([(one.message, one.hint) for one in found])


def test_a_short_value_garbles_no_message(tmp_path: Path) -> None:
    """One letter is in every word."""
    (tmp_path / "routes.yaml").write_text('version: 1\nupstreams: {"u": {url: "http://${A}b:c/"}}\n', encoding="utf-8")
    (found, *_) = problems(tmp_path / "routes.yaml", {"A": "a"})
    assert found.message == "this is not a host"
    (tmp_path / "routes.yaml").write_text(
        "version: 1\nendpoints: {GET /x: {call: 'nowhere:/${A}'}}\n", encoding="utf-8"
    )
    (found, *_) = problems(tmp_path / "routes.yaml", {"A": "e"})
    assert found.message == "there is no upstream `nowhere`"


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        (
            "server: {rate_limit: {rate: '${U}'}}\nendpoints: {GET /x: {rate_limit: {rate: 9/s}, respond: {body: 1}}}",
            "7/s",
            "the server lets no more than `${U}` through, so 9/s is never reached",
        ),
        (
            "prefixes: {/x: {rate_limit: [{rate: '${U}'}, {quota: 9000/day}]}}",
            "1/h",
            "`${U}` lets nobody reach 9000/day",
        ),
    ],
)  # fmt: skip
def test_what_a_message_compares_is_told_as_the_file_says_it(text: str, value: str, said: str, tmp_path: Path) -> None:
    """Also where it stands elsewhere than what is wrong, and is shorter than what is masked in any message."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{text}\n", encoding="utf-8")
    assert said in {one.message for one in problems(tmp_path / "routes.yaml", {"U": value})}


_NUMBER = re.compile(r"(\d+)([a-zA-Z%/]*)")


@pytest.mark.long
@pytest.mark.parametrize("case", WRONG, ids=lambda path: path.stem)
def test_no_message_depends_on_a_number_that_a_variable_holds(case: Path, tmp_path: Path) -> None:
    """Each number of each wrong file, put into a variable: another one that is wrong as well is told alike."""
    document = case.read_text(encoding="utf-8")
    texts = {file["name"]: file["text"] for file in _FILE.finditer(document)}
    env = dict(_VARIABLE.findall(document))
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    main = texts["routes.yaml"]
    for start, stop, value in scalars(main):
        number = _NUMBER.fullmatch(value)
        if number is None:
            continue
        (tmp_path / "routes.yaml").write_text(main[:start] + '"${CANARY}"' + main[stop:], encoding="utf-8")
        said = [told(tmp_path / "routes.yaml", {**env, "CANARY": one}) for one in (value, another(number))]
        both = [(said[0][one], said[1][one]) for one in said[0].keys() & said[1].keys()]
        assert [
            pair for pair in both if pair[0] != pair[1] and without_numbers(pair[0]) == without_numbers(pair[1])
        ] == []


def without_numbers(text: str) -> str:
    """Return *text* with all numbers alike: where it differs even so, it is another problem that is told."""
    return re.sub(r"\d+(?:\.\d+)?[a-z]*", "0", text)


def another(number: re.Match[str]) -> str:
    """Return *number*, which may have a unit, with one more."""
    return f"{int(number[1]) + 1}{number[2]}"


def told(file: Path, env: dict[str, str]) -> dict[tuple[object, ...], str]:
    """Return everything that is said of *file*, by its kind and place."""
    return {
        (one.code, one.path): "\n".join([one.message, one.hint or "", *(label for _, label in one.related)])
        for one in problems(file, env)
    }
