"""A construct that is wrong still brings its names: who reads one is not told that there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

_HEAD = """\
version: 1
upstreams:
  shop: {url: https://shop.example.com}
"""
_ITEMS = """\
    fan_out:
      list: shop:/list
      lines:
        %s
        url: shop:/products/{item.sku}
        query: {at: "{{ index }}"}
"""
_KEYS = """\
    fan_out:
      list: shop:/list
      lines:
        %s
        url: shop:/products?ids={keys}
"""
_GROUP = """\
    fan_out: {use: parts, other: shop:/other}
    response: {body: {one: "{{ one }}", other: "{{ other }}"}}
"""


def codes(tmp_path: Path, text: str) -> list[str]:
    """Return the codes of everything that is wrong with *text*."""
    path = tmp_path / "routes.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    return [problem.code for problem in error.value.diagnostics]


def of_endpoint(body: str, key: str = "GET /a", head: str = "") -> str:
    return f"{_HEAD}{head}endpoints:\n  {key}:\n{body}"


@pytest.mark.parametrize(
    "line",
    [
        'for_each: {items: "{{ list.items }}"}',
        'for_each: {over: "{{ list.items }}", as: line}',
        'for_each: {in: "{{ list.items }}", batch: {size: 10}}',
        'foreach: {in: "{{ list.items }}"}',
        'for-each: "{{ list.items }}"',
        'loop: "{{ list.items }}"',
        'with_items: "{{ list.items }}"',
        'iterate: "{{ list.items }}"',
    ],
)
def test_the_item_of_a_wrong_list_is_no_unknown_name(line: str, tmp_path: Path) -> None:
    """Of a list that is written wrongly, or by another word, only that is told."""
    assert set(codes(tmp_path, of_endpoint(_ITEMS % line))) <= {"unknown-key", "missing-key"}


@pytest.mark.parametrize(
    "line",
    [
        'for_each: {in: "{{ list.items }}", key: "{{ item.id }}", batch: 10}',
        'for_each: {in: "{{ list.items }}", key: "{{ item.id }}", batches: {key: id}}',
        'for_each: {in: "{{ list.items }}", key: "{{ item.id }}", chunk: 10}',
    ],
)
def test_the_keys_of_a_wrong_batch_are_no_unknown_name(line: str, tmp_path: Path) -> None:
    """A batch that is written wrongly still has keys."""
    assert set(codes(tmp_path, of_endpoint(_KEYS % line))) <= {"unknown-key", "wrong-type"}


@pytest.mark.parametrize(
    "head",
    [
        "groups:\n  parts:\n  - {name: one, url: shop:/1}\n",
        "group:\n  parts:\n    one: shop:/1\n",
        "groups:\n  part: {one: shop:/1}\n",
    ],
)
def test_the_parts_of_a_group_that_is_not_there_are_no_unknown_names(head: str, tmp_path: Path) -> None:
    """Which parts a group has that cannot be read is not known."""
    assert "unknown-name" not in codes(tmp_path, of_endpoint(_GROUP, head=head))


def test_the_parts_of_groups_that_are_taken_in_wrongly_are_no_unknown_names(tmp_path: Path) -> None:
    """A `use` that is no list of groups may mean any of them."""
    body = _GROUP.replace("use: parts", "use: {parts: {}}")
    assert codes(tmp_path, of_endpoint(body, head="groups:\n  parts: {one: shop:/1}\n")) == ["wrong-type"]


def test_a_parameter_declared_for_a_path_without_it_is_told_once(tmp_path: Path) -> None:
    """Who reads it is right as soon as the path has it."""
    body = "    params: {id: {type: integer}}\n    call: shop:/users/{id}\n"
    assert codes(tmp_path, of_endpoint(body)) == ["unknown-parameter"]


def test_the_parameters_of_a_path_written_below_its_endpoint_are_no_unknown_names(tmp_path: Path) -> None:
    """A path that does not stand in the key has its parameters all the same."""
    body = "    path: /users/{id}\n    call: shop:/users/{id}\n    response: {body: {id: '{{ params.id }}'}}\n"
    assert set(codes(tmp_path, of_endpoint(body, key="users"))) == {"endpoint-key"}


def test_the_calls_of_a_list_of_calls_are_no_unknown_names(tmp_path: Path) -> None:
    """Calls below a word of another tool are named as they name themselves."""
    body = """\
    backends:
    - {name: one, url: shop:/1}
    fan_out: {two: "shop:/2/{one.id}"}
    response: {body: {one: "{{ calls.one.body }}"}}
"""
    assert codes(tmp_path, of_endpoint(body)) == ["unknown-key"]


def test_a_name_that_nothing_brings_is_told_beside_a_wrong_construct(tmp_path: Path) -> None:
    """What is wrong elsewhere hides no misspelled name."""
    body = _ITEMS % 'for_each: {items: "{{ list.items }}"}' + '    response: {body: {a: "{{ lst.items }}"}}\n'
    assert codes(tmp_path, of_endpoint(body)) == ["unknown-key", "unknown-name"]


def test_a_list_that_is_right_has_no_keys(tmp_path: Path) -> None:
    """A list without a batch has items alone."""
    body = _KEYS % 'for_each: {in: "{{ list.items }}", key: "{{ item.id }}"}'
    assert "unknown-name" in codes(tmp_path, of_endpoint(body))
