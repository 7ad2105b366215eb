"""What a variable holds is data wherever its reference stands: it is never read as a template."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.loading import Config, load_config
from aggregator.config.model.endpoint import EndpointSettings
from aggregator.config.text.scalars import Doubt, read_plain
from aggregator.config.variables.literal_values import Filled, fill_in
from aggregator.errors import ConfigError
from aggregator.fields import TextKind
from aggregator.plan.compiler import compile_plan
from aggregator.plan.compiling.expressions import one_expression
from aggregator.templates import compile_url, compile_value, text_of

TOP = """\
version: 1
upstreams:
  users: {url: "https://users.example.com", query: {k: "${V}"}, tls: {server_name: "${V}"}}
server: {title: "${V}"}
endpoints:
  POST /x/{id}:
    summary: "${V}"
    params: {id: {type: string, description: "${V}"}}
"""
CONTEXT: dict[str, Any] = {"id": "7", "query": {"password": "hunter2"}, "body": {"a": 1}}

BRACED = [
    "{{ query.password }}",
    "{{ query.password",
    "pass{{word",
    "{{",
    "}}",
    "{",
    "{{{{",
    "{% if %}",
    "{# x #}",
    "{id}",
    "a{b}c",
    "it's \"quoted\" \\ and {{ 'braced' }}",
]


def load(folder: Path, call: str, value: str, *, endpoint: str = "") -> Config:
    """The configuration of one endpoint with *call*, where the variable ``V`` holds *value*."""
    (folder / "routes.yaml").write_text(f"{TOP}    call: {call}\n{endpoint}")
    return load_config(folder / "routes.yaml", {"V": value})


def settings(folder: Path, call: str, value: str, *, endpoint: str = "") -> EndpointSettings:
    """The settings of that endpoint."""
    return load(folder, call, value, endpoint=endpoint).endpoints[0].settings


def rendered(value: Any) -> Any:
    """What *value* of the file becomes for a request."""
    return compile_value(value).render(CONTEXT)


@pytest.mark.parametrize("value", BRACED)
def test_a_body_holds_the_value_as_it_is(value: str, tmp_path: Path) -> None:
    """Alone, within a text, in a list, and beside an expression of the file."""
    call = (
        '{url: "users:/", method: POST, headers: {x-key: "k ${V}"}, query: {q: "${V}"}, '
        'json: {alone: "${V}", text: "<${V}>", both: "{{ body.a }}${V}{{ id }}", list: ["${V}"]}}'
    )
    found = settings(tmp_path, call, value).call
    assert found is not None
    both = f"1{value}7"
    assert rendered(found.json_) == {
        "alone": value, "text": f"<{value}>", "both": both, "list": [value]
    }  # fmt: skip
    assert rendered(found.headers) == {"x-key": f"k {value}"}
    assert rendered(found.query) == {"q": value}


@pytest.mark.parametrize("value", BRACED)
def test_a_url_holds_the_braces_as_characters(value: str, tmp_path: Path) -> None:
    """They name no placeholder and no expression."""
    found = settings(tmp_path, "POST users:/a/{id}?q=${V}", value).call
    assert found is not None
    assert found.url is not None
    assert compile_url(found.url).references == {("id",)}
    assert compile_url(found.url).renderer()(CONTEXT) == b"/a/7?q=" + quote(value, safe="").encode()


@pytest.mark.parametrize("value", [*BRACED, "x' or true or 'y", "a\nb", 'end"', "\\", "é€"])
@pytest.mark.parametrize("written", ["'${V}'", '"${V}"', "${V}", "('<' ~ '${V}' ~ '>')[1:-1]"])
def test_an_expression_holds_the_value_as_a_text(value: str, written: str, tmp_path: Path) -> None:
    """Inside its quotes and without quotes: it ends no string and names nothing."""
    text = f'users:/ok\n      json: {{same: "{{{{ body.a ~ {written.replace(chr(34), chr(92) + chr(34))} }}}}"}}'
    found = settings(tmp_path, f"\n      url: {text}", value).call
    assert found is not None
    assert rendered(found.json_) == {"same": f"1{value}"}


@pytest.mark.parametrize("written", ["${V}", "not (not ${V})", "${V} and body.a", "${V} or false", "(${V:-false})",
                                     "true if ${V} else false", "${V} if body.a else true", "'a' == 'b' or (${V})"])  # fmt: skip
@pytest.mark.parametrize(("value", "truth"), [
    *((word, True) for word in ("yes", "Yes", "ON", "true", "TRUE", "1")),
    *((word, False) for word in ("no", "NO", "off", "False", "0", "", "null")),
])  # fmt: skip
def test_a_condition_can_be_switched_by_a_variable(value: str, truth: bool, written: str, tmp_path: Path) -> None:
    """Where it decides, it says yes or no in the words that people use, in any case; nothing means no."""
    found = settings(tmp_path, f'{{url: "users:/", when: "{{{{ {written} }}}}"}}', value).call
    assert found is not None
    assert found.when is not None
    assert one_expression(found.when).truth(CONTEXT) is truth


@pytest.mark.parametrize("value", ["maybe", "2", "-1.5", "enabled", "y"])
def test_a_condition_takes_no_other_text(value: str, tmp_path: Path) -> None:
    """What is neither yes nor no would switch something on by being there: it is an error, and is not shown."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, '{url: "users:/", when: "{{ ${V} }}"}', value)
    (problem,) = (one for one in caught.value.diagnostics if one.level == "error")
    assert (problem.code, problem.message) == ("bad-variable", "what this variable holds is neither true nor false")
    assert problem.hint == "set it to `true` or `false`, or compare it: `${V} == 'a'`"


@pytest.mark.parametrize("written", ["${V} == 'no'", "'no' == ${V}", "'${V}' == 'no'", "${V} | upper == 'NO'"])
def test_a_condition_compares_with_the_text(written: str, tmp_path: Path) -> None:
    """In a comparison a variable is the value that it is."""
    found = settings(tmp_path, f'{{url: "users:/", when: "{{{{ {written} }}}}"}}', "no").call
    assert found is not None
    assert found.when is not None
    assert one_expression(found.when).truth(CONTEXT)


@pytest.mark.parametrize("endpoint", [
    "    require: [{that: \"{{ ${V} }}\", status: 403}]\n",
    "    status_map: [{on: 404, status: 404, when: \"{{ ${V} }}\"}]\n",
    "    background: [{url: 'users:/', when: \"{{ ${V} }}\"}]\n",
])  # fmt: skip
def test_every_condition_reads_variables_alike(endpoint: str, tmp_path: Path) -> None:
    """Requirements, rows of status maps and background calls refuse what says neither."""
    load(tmp_path, "users:/", "off", endpoint=endpoint)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "users:/", "maybe", endpoint=endpoint)
    assert "what this variable holds is neither true nor false" in [one.message for one in caught.value.diagnostics]


@pytest.mark.parametrize(("value", "read"), [("7", 7), ("gold", "gold"), ("no", "no"), ("2.5", 2.5)])
def test_what_is_no_condition_is_the_value_itself(value: str, read: object, tmp_path: Path) -> None:
    """Whose requests are counted together, and a key of routes, need no truth."""
    endpoint = '    rate_limit: {rate: 10/s, by: "{{ ${V} }}"}\n    concurrency: {limit: 5, by: "{{ ${V} }}"}\n'
    found = settings(
        tmp_path,
        '{choose: [{url: "users:/", weight: 1}, {url: "users:/b", weight: 1}], sticky: "{{ ${V} }}"}',
        value,
        endpoint=endpoint,
    )
    (limit,), at_once, call = found.rate_limit, found.concurrency, found.call
    assert at_once is not None
    assert call is not None
    texts = (limit.by, at_once.by, call.sticky)
    assert [text and one_expression(text).evaluate({}) for text in texts] == [read] * 3


def test_a_cost_is_the_number_of_its_variable(tmp_path: Path) -> None:
    """It needs no truth; what is no number is told at load, and not shown."""
    endpoint = '    rate_limit: {rate: 10/s, cost: "{{ ${V} }}"}\n'
    (limit,) = settings(tmp_path, "users:/", "2", endpoint=endpoint).rate_limit
    assert isinstance(limit.cost, str)
    assert one_expression(limit.cost).evaluate({}) == 2
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "users:/", "gold", endpoint=endpoint)
    assert [one.message.partition(":")[0] for one in caught.value.diagnostics] == [
        "a cost is a number, and this is none"
    ]
    assert "gold" not in caught.value.diagnostics[0].message


def test_an_expression_compares_with_a_number(tmp_path: Path) -> None:
    """As if it had been written there."""
    found = settings(tmp_path, '{url: "users:/", json: "{{ body.a + ${V} }}"}', "41").call
    assert found is not None
    assert rendered(found.json_) == 42


def test_a_condition_has_to_be_written_in_the_file(tmp_path: Path) -> None:
    """A variable brings no expression along, only data for one."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, '{url: "users:/", when: "${V}"}', "{{ query.password }}")
    (problem,) = (one for one in caught.value.diagnostics if one.level == "error")
    assert (problem.code, problem.message) == ("bad-expression", "this has to be one expression")
    assert "password" not in str(problem)


@pytest.mark.parametrize("value", BRACED)
def test_what_is_no_template_gets_the_value_untouched(value: str, tmp_path: Path) -> None:
    """Names, titles, schemas, paths of a shape, the text of a GraphQL operation."""
    call = '{url: "users:/", graphql: {query: "${V}", operation: "${V}", variables: {v: "${V}"}}}'
    config = load(tmp_path, call, value)
    users, endpoint = config.settings.upstreams["users"], config.endpoints[0].settings
    assert rendered(users.query) == {"k": value}
    assert (config.settings.server.title, endpoint.summary) == (value, value)
    assert users.tls is not None
    assert users.tls.server_name == value
    assert endpoint.params["id"]["description"] == value
    assert endpoint.call is not None
    assert endpoint.call.graphql is not None
    assert (endpoint.call.graphql.query, endpoint.call.graphql.operation) == (value, value)
    assert rendered(endpoint.call.graphql.variables) == {"v": value}


def test_every_short_form_and_every_row_is_literal_too(tmp_path: Path) -> None:
    """Rows of a status map, headers and bodies of answers, defaults, items, groups and background calls."""
    endpoint = (
        "    status_map: {404: {detail: '${V}', headers: {x: '${V}'}}, 5xx: {body: {a: '${V}'}}}\n"
        "    response: {status: \"{{ 200 if '${V}' else 201 }}\", headers: {x: '${V}'}, body: '${V}'}\n"
        "    background: ['POST users:/${V}']\n"
        "  GET /f: {fan_out: {use: g, a: 'users:/${V}', b: {for_each: \"{{ ['${V}'] }}\", url: 'users:/{item}'},\n"
        "    c: {url: users:/, optional: true, default: {d: '${V}'}, success: {when: \"{{ '${V}' }}\"}}}}\n"
        "groups: {g: {h: 'users:/h/${V}'}}\n"
    )
    value = "{{id}}"
    config = load(tmp_path, "POST users:/", value, endpoint=endpoint)
    first, second = config.endpoints[0].settings, config.endpoints[1].settings
    row, other = first.status_map
    assert rendered([row.detail, other.body, row.headers]) == [value, {"a": value}, {"x": value}]
    assert first.response is not None
    assert rendered([first.response.status, first.response.headers.values, first.response.body]) == [
        200,
        {"x": value},
        value,
    ]
    assert second.fan_out is not None
    calls = second.fan_out.calls
    urls = [first.background[0].url, calls["a"].url, config.settings.groups["g"]["h"].url]
    assert [url and url.rpartition("/")[2] for url in urls] == ["%7B%7Bid%7D%7D"] * 3
    assert calls["b"].for_each is not None
    assert one_expression(calls["b"].for_each.items).evaluate({}) == [value]
    assert rendered(calls["c"].default) == {"d": value}


def test_a_default_is_data_like_what_it_stands_for(tmp_path: Path) -> None:
    """It is what the variable would hold, so it is read in the same way."""
    call = "{url: 'users:/', json: {a: '${GONE:-{{}', b: '{{ ${GONE:-body.a} }}', c: '{{ ${GONE:-3} }}'}}"
    found = settings(tmp_path, call, "x").call
    assert found is not None
    assert rendered(found.json_) == {"a": "{{", "b": "body.a", "c": 3}


def test_braces_of_the_file_do_not_meet_across_a_variable(tmp_path: Path) -> None:
    """Neither with those of the value, nor with each other where the value is empty."""
    call = "{url: 'users:/', json: ['{${V}', '${V}{ body.a }}', '{${EMPTY:-}{ body.a }}']}"
    found = settings(tmp_path, call, "{").call
    assert found is not None
    assert rendered(found.json_) == ["{{", "{{ body.a }}", "{{ body.a }}"]


@pytest.mark.parametrize("url", ["users:/{${V}}", "users:/{body.${V}}/x"])
def test_a_variable_names_no_placeholder(url: str, tmp_path: Path) -> None:
    """What a URL takes from a request is written in the file."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f'"POST {url}"', "id")
    (problem,) = (one for one in caught.value.diagnostics if one.level == "error")
    assert (problem.code, problem.message) == ("bad-variable", "a variable cannot stand in the braces of a URL")
    assert problem.hint == "write the name itself, or move `${V}` out of the braces"


@pytest.mark.parametrize("text", ["${V}.x", "body.${V}", "body.x${V}", "${V}[0]", "${V}(1)", "${V}${V}"])
def test_a_variable_names_nothing_in_an_expression(text: str, tmp_path: Path) -> None:
    """Where a value cannot stand it is an error, not a silent null."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f'{{url: "users:/", json: "{{{{ {text} }}}}"}}', "query")
    problem = next(one for one in caught.value.diagnostics if one.level == "error")
    assert (problem.code, problem.message) == (
        "bad-variable", "a variable is a value in an expression, not a part of a name"
    )  # fmt: skip
    assert problem.hint == "write the name itself, or put `${V}` in quotes"


def test_a_value_and_the_same_text_in_the_file_differ_in_their_digests(tmp_path: Path) -> None:
    """An endpoint that changes from a literal to a template is another endpoint."""
    (tmp_path / "other").mkdir()
    literal = load(tmp_path, '{url: "users:/", json: "${V}"}', "{{ id }}")
    template = load(tmp_path / "other", '{url: "users:/", json: "{{ id }}"}', "{{ id }}")
    assert literal.endpoints[0].digest != template.endpoints[0].digest


def test_the_form_a_value_takes_is_a_secret_too(tmp_path: Path) -> None:
    """Logs hide it, whichever way it stands in the settings."""
    config = load(tmp_path, "{url: 'users:/${V}', json: \"{{ ${V} }}\"}", "s{{e'c")
    assert {"s{{e'c", "s%7B%7Be%27c", "'s{{e\\'c'"} <= config.secrets


def test_a_header_value_with_braces_is_still_checked(tmp_path: Path) -> None:
    """Braces in it are no reason to let a line break through."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, '{url: "users:/", headers: {x: "${V}"}}', "a{{b\nc")
    assert "header-value" in [problem.code for problem in caught.value.diagnostics]


@pytest.mark.parametrize("value", ["12345", "1.10", "+49", "1e5", "true", "True", "0x1F", "007"])
def test_what_is_sent_as_text_keeps_every_sign(value: str, tmp_path: Path) -> None:
    """A key of digits is a text without quotes too, so that it does not depend on its digits whether a file loads."""
    (tmp_path / "routes.yaml").write_text("""\
version: 1
upstreams:
  users:
    url: https://users.example.com
    headers:
      x-key: ${V}
    query:
      exact: ${V}
server:
  title: ${V}
endpoints:
  GET /x:
    summary: ${V}
    call:
      url: users:/
      headers:
        x-key: ${V}
      query:
        q: ${V}
""")
    config = load_config(tmp_path / "routes.yaml", {"V": value})
    users, endpoint = config.settings.upstreams["users"], config.endpoints[0].settings
    assert endpoint.call is not None
    texts = [users.headers["x-key"], config.settings.server.title, endpoint.summary, *endpoint.call.headers.values(),
             *endpoint.call.query.values()]  # fmt: skip
    assert texts == [value] * 5
    assert str(users.query["exact"]).lower() == value.lower()


def test_a_null_leaves_out_where_text_is_sent(tmp_path: Path) -> None:
    """So a variable can turn a header or a parameter off."""
    call = "\n      url: users:/\n      query:\n        q: ${V}\n"
    found = settings(tmp_path, call, "null").call
    assert found is not None
    assert found.query == {"q": None}


PIECES = st.lists(
    st.one_of(st.tuples(st.just(False), st.sampled_from(["{", "}", " ", "a", "%", "#", "$"])),
              st.tuples(st.just(True), st.text("{}%# $'\"\\a\n", max_size=5))),
    max_size=6,
)  # fmt: skip


@pytest.mark.long
@given(PIECES)
def test_any_value_beside_any_sign_is_itself(pieces: list[tuple[bool, str]]) -> None:
    """What stands around the references is a text without a template, and so is the whole."""
    text, expected, filled, last = "", "", list[Filled](), False
    for is_value, piece in pieces:
        written = f"${{V{len(filled)}}}" if is_value else piece
        if not is_value and not last and text[-1:] in "{$":
            continue  # two signs of the file that may be a template together
        if is_value and text.endswith("$"):
            continue  # `$${` is no reference
        if is_value:
            filled.append(Filled(len(text), len(text) + len(written), piece))
        text, expected, last = text + written, expected + piece, is_value
    value, _ = fill_in(text, filled, TextKind.TEMPLATE)
    assert compile_value(value).render({}) == expected


@given(st.text(max_size=8), st.sampled_from(["'{}'", '"{}"', "'a{}b'", "{} ~ ''", "['{}'][0]"]))
def test_any_value_in_an_expression_is_itself(value: str, around: str) -> None:
    """With quotes of either kind, or as a value of its own."""
    text = "{{ " + around.replace("{}", "${V}") + " }}"
    start = text.index("$")
    filled = (Filled(start, start + 4, value),)
    rendered_value = compile_value(fill_in(text, filled, TextKind.TEMPLATE)[0]).render({})
    plain = read_plain(value) if value and "~" in around else value
    wanted = value if isinstance(plain, str | Doubt) else text_of(plain)
    assert rendered_value == around.strip("[]0'\" ~").replace("{}", wanted)


@pytest.mark.parametrize(
    "value", ["ab+cd/ef==", "a&admin=1", "a%41b", "a#b", "a?b=c", "a/../b", "a b", "é€", "{id}", ";,:@"]
)
def test_in_a_query_and_in_a_path_a_value_arrives_as_it_is(value: str, tmp_path: Path) -> None:
    """It begins no query, parameter, segment or fragment, and what looks encoded in it is not decoded."""
    found = settings(tmp_path, "POST users:/a/${V}/{id}?first=1&key=${V}&last=2", value).call
    assert found is not None
    assert found.url is not None
    path, _, query = compile_url(found.url).renderer()(CONTEXT).decode("ascii").partition("?")
    assert [unquote(segment) for segment in path.split("/")] == ["", "a", value, "7"]
    assert parse_qsl(query) == [("first", "1"), ("key", value), ("last", "2")]


@pytest.mark.parametrize(
    ("url", "value", "target"),
    [
        ("${V}", "users:/x?a=1&b=2", "users /x?a=1&b=2"),
        ("GET ${V}", "https://h.example/x?a=1", "https://h.example /x?a=1"),
        ("${V}/v1", "https://h.example/base", "https://h.example /base/v1"),
        ("${V}${V}?q=1", "users:/x", "users /xusers:/x?q=1"),
        ("https://${V}/x", "h.example:8443", "https://h.example:8443 /x"),
        ("https://h.example:${V}/x", "81", "https://h.example:81 /x"),
        ("https://${V}/x", "h.example/y?z=", None),
        ("https://${V}/x", "me:hunter2@h.example", None),
        ("https://h.example:${V}/x", "81/y", None),
        ("https://h.example:${V}/x", "port", None),
        ("u${V}:/x", "sers", "users /x"),
        ("u${V}:/x", "sers:/y?z=", None),
        ("users:/x/${V}", "a\nb", None),
        ("users:/x/${V}", "..", None),
    ],
)
def test_what_begins_a_url_is_a_part_of_it(url: str, value: str, target: str | None, tmp_path: Path) -> None:
    """And what stands in a name, a host or a port has to be one; the message never shows what it is."""
    if target is None:
        with pytest.raises(ConfigError) as problems:
            settings(tmp_path, url, value)
        assert value not in repr([(one.message, one.hint) for one in problems.value.diagnostics])
        return
    found = settings(tmp_path, url, value).call
    assert found is not None
    assert found.url is not None
    compiled = compile_url(found.url)
    assert f"{compiled.upstream or compiled.origin} {compiled.renderer()(CONTEXT).decode()}" == target


def test_the_path_of_an_upstream_holds_a_value_as_data(tmp_path: Path) -> None:
    """Its URL is one like that of a call: ``https://host/${TENANT}`` has one more segment, whatever it is."""
    text = 'version: 1\nupstreams: {u: {url: "https://h.example/t/${V}"}}\nendpoints: {GET /x: {call: "u:/y"}}\n'
    (tmp_path / "routes.yaml").write_text(text)
    plan = compile_plan(load_config(tmp_path / "routes.yaml", {"V": "a/b?c=%41"}))
    assert plan.upstreams[0].prefix == b"/t/a%2Fb%3Fc%3D%2541"


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfsecret", b"secret\r\n\r\n", b"secret\n\n\n", b"secret"])
def test_a_file_is_its_text_without_what_editors_add(content: bytes, tmp_path: Path) -> None:
    """A byte order mark, and any number of line breaks at its end."""
    (tmp_path / "key").write_bytes(content)
    found = settings(tmp_path, '{url: "users:/", headers: {a: "${file:key}"}}', "x").call
    assert found is not None
    assert found.headers == {"a": "secret"}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf\n"])
def test_an_empty_file_is_no_value(content: bytes, tmp_path: Path) -> None:
    """A secret that somebody forgot to write is not sent as nothing."""
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError, match="the file `key` cannot be read: it is empty"):
        settings(tmp_path, '{url: "users:/{id}", headers: {a: "${file:key}"}}', "x")


def test_a_variable_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    """Its bytes would end the process where they are first written."""
    with pytest.raises(ConfigError, match="the variable `V` is not UTF-8"):
        settings(tmp_path, "users:/{id}/${V}", "a\udcff")


@pytest.mark.parametrize(("written", "is_wrong"), [("${V}", True), ("Bearer ${V}", True), ("${V:-}", False),
                                                   ("Bearer ${V:-none}", False)])  # fmt: skip
def test_nothing_is_no_header(written: str, is_wrong: bool, tmp_path: Path) -> None:
    """A key that is set to nothing would be sent as no key; who means that writes a default of nothing."""
    text = f'version: 1\nupstreams: {{u: {{url: "http://u.test", headers: {{x-key: "{written}"}}}}}}\n'
    (tmp_path / "routes.yaml").write_text(text + "endpoints: {GET /a: {call: u:/a}}\n")
    if not is_wrong:
        load_config(tmp_path / "routes.yaml", {"V": ""})
        return
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "routes.yaml", {"V": ""})
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.message) == ("unset-variable", "the variable `V` is set to nothing")
    assert problem.hint == "set it to a value, or write `${V:-}` where nothing is meant"


@pytest.mark.parametrize("value", ["a{{b}}\r\nX-Evil: 1", "a\r\nX-Evil: 1", "a\nb"])
@pytest.mark.parametrize("headers", ['authorization: "Bearer ${V}"', 'authorization: "{{ body.a }} ${V}"'])
def test_no_value_begins_a_header_of_its_own(value: str, headers: str, tmp_path: Path) -> None:
    """A line break in a variable is an error of the header, whatever stands around it, and is not shown."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"{{url: 'POST users:/', headers: {{{headers}}}}}", value)
    codes = {one.code for one in caught.value.diagnostics if one.level == "error"}
    assert "header-value" in codes
    assert "Evil" not in str(caught.value.diagnostics)


@pytest.mark.parametrize("value", ["a{{b}}€", "€", "ł}}"])
def test_any_letter_is_a_header_value(value: str, tmp_path: Path) -> None:
    """What Latin-1 does not have is sent as UTF-8, and compiles."""
    config = load(tmp_path, "{url: 'users:/', headers: {authorization: \"Bearer ${V}\"}}", value)
    (endpoint,) = compile_plan(config).endpoints
    assert endpoint.fan is not None
    assert value.encode() in endpoint.fan.parts[0].calls[0].request.constant_headers
