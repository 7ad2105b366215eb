"""Whatever stands anywhere in a file: problems with places, never anything else."""

from __future__ import annotations

import random
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config.loading import load_config
from aggregator.diagnostics import Diagnostic, render_text
from aggregator.errors import ConfigError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
EVERYTHING = """\
version: 1
server: {port: 8000, debug: {secret: "${SECRET}"}}
client: {timeout: {total: 10s, connect: 5s}, limits: {max_connections: 50}}
defaults: {timeout: 2s, deadline: 5s, status_map: {5xx: {status: 502}}, forward: {headers: [x-request-id]}}
plugins: [my_plugin]
upstreams:
  users: {url: "${USERS}", headers: {x-key: "${SECRET}"}, status_map: {404: {status: 404}}}
  shop: {url: https://shop.example.com, tls: {ca: ca.pem}, query: {lang: en}, batch: {"/p/{sku}": "/p?ids={keys}"}}
groups:
  customer: {profile: "users:/users/{id}", cart: {fan_out: {use: extra}}}
  extra: {tips: shop:/tips}
endpoints:
  GET /all/{id}:
    params: {id: {type: integer, minimum: 1}}
    query: {page: {type: integer, default: 1}}
    headers: {x-id: string}
    timeout: 3s
    fan_out:
      use: customer
      order:
        url: shop:/orders/{id}
        query: {page: "{{ query.page }}"}
        headers: {x-id: "{{ headers['x-id'] }}"}
        timeout: {total: 1s}
        optional: true
        default: {items: []}
        when: "{{ profile.active }}"
        success: {status: [2xx], when: "{{ this.body.ok }}"}
        select: data[].item
        rename: {a: b}
        transform: my_plugin:clean
      price: {race: [shop:/a, {url: shop:/b, timeout: 1s}]}
      lines: {url: "shop:/l/{item.sku}", for_each: {in: "{{ order.items }}", key: "{{ item.sku }}", join: {into: x}}}
      stock: {url: "shop:/s?ids={keys}", for_each: {in: "{{ order.items }}", batch: {key: sku}}, needs: [price]}
      hits:
        url: POST shop:/g
        graphql: {query: "{ x }", variables: {id: "{{ id }}"}}
        fallback: []
        status_map: {404: 404, 5xx: {status: 502, detail: "{{ this.status }}"}}
    status_map: [{part: hits, "on": 404, status: 404}]
    response: {status: 200, headers: {x: y}, body: {lines: "{{ lines }}"}, pass_headers: {etag: first}, formats: [json]}
    background: {url: POST users:/seen, json: {status: "{{ response.status }}"}, when: "{{ response.status < 300 }}"}
  POST /users:
    body: {type: object, required: [name], properties: {name: {type: string}}}
    call: {url: POST users:/users, json: "{{ body }}"}
"""
CA = Path(certifi.where()).read_text(encoding="utf-8").partition("END CERTIFICATE-----\n")
"""The first certificate of many, which took longer to read than all else of the file; with what ends it, and the rest."""
VARIABLES = {"SECRET": "0123-concealed-4567", "USERS": "https://concealed.example.com"}
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, "", " ", "x", "{{", "{{ a", "{%", "${NOWHERE}", "${", "${file:nowhere}", "get /x", "/x",
    "users:/", "users:/{", "https://", "demo://x", "é", [], [None], {}, {"a": None}, {"url": None}, ["customer", None],
    "a..b", "a[", "404", "5xx", "9" * 400, "{{ " + "(" * 50 + " }}", "{{ a | b }}", "{{ 10 ** 10 ** 10 }}", "${SECRET}",
]  # fmt: skip
KEYS = (
    "url",
    "call",
    "fan_out",
    "use",
    "on",
    "5",
    "GET /x/{id}",
    "get /",
    "",
    "x y",
    "$ref",
    "item",
    "include",
    "race",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield every path in *value*."""
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places(inner, (*path, key))


def spoil(value: Any, chance: random.Random) -> None:
    """Put something else somewhere into *value*."""
    path = chance.choice(list(places(value)))
    for step in path[:-1]:
        value = value[step]
    match chance.randrange(4):
        case 0 if isinstance(value, dict):
            value[chance.choice(KEYS)] = deepcopy(chance.choice(JUNK))
        case 1 if isinstance(value, dict):
            value[chance.choice(KEYS)] = value.pop(path[-1])
        case _:
            value[path[-1]] = deepcopy(chance.choice(JUNK))


def saved(folder: Path, text: str) -> Path:
    """Return the file in *folder* that holds *text*; the certificates that it may name are beside it."""
    (folder / "ca.pem").write_text("".join(CA[:2]), encoding="utf-8")
    (folder / "routes.yaml").write_text(text, encoding="utf-8")
    return folder / "routes.yaml"


def test_everything_is_right(tmp_path: Path) -> None:
    """The file that is spoiled below has nothing wrong with it."""
    config = load_config(saved(tmp_path, EVERYTHING), VARIABLES)
    assert (len(config.endpoints), config.warnings) == (2, ())


@pytest.mark.long
@settings(max_examples=80)
@given(seed=st.integers(0, 10**9))
def test_any_change(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """A spoiled file is explained, with a way out of everything and without the value of any variable."""
    chance = random.Random(seed)
    value = yaml.load(EVERYTHING, LOADER)
    for _ in range(chance.randint(1, 3)):
        spoil(value, chance)
    text = yaml.dump(value, Dumper=DUMPER, sort_keys=False, allow_unicode=True)
    found, shown = outcome(saved(tmp_path_factory.mktemp("any"), text))
    assert [one.message for one in found if not one.hint] == []
    assert "concealed" not in shown


def outcome(file: Path) -> tuple[list[Diagnostic], str]:
    """Return the problems of *file* and how they are shown."""
    try:
        config = load_config(file, VARIABLES)
    except ConfigError as error:
        return list(error.diagnostics), render_text(error.diagnostics, error.sources)
    assert all(endpoint.settings for endpoint in config.endpoints)
    return list(config.warnings), render_text(config.warnings, config.sources)
