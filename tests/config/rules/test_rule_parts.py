"""Parts: their names, their order, the groups that they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

Say = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ("a: 'users:/{b.x}'\n    b: 'users:/{a.x}'", ["cycle ‹b› these wait for each other: a → b → a"]),
        ("a: 'users:/{a.x}'", ["cycle ‹a› `a` reads its own result before it is there"]),
        ("a: {url: users:/x, needs: [a]}", ["cycle ‹a› `a` reads its own result before it is there"]),
        (
            "a: {url: users:/x, needs: [b]}\n    b: {url: users:/x, when: '{{ calls.a.status == 200 }}'}",
            ["cycle ‹b› these wait for each other: a → b → a"],
        ),
        ("a: 'users:/{b.x}'\n    b: 'users:/{c.x}'\n    c: users:/c", []),
        (
            "a: 'users:/{b.x}'\n    b: {race: ['users:/{a.x}', shop:/b]}",
            ["cycle ‹b› these wait for each other: a → b → a"],
        ),
        (
            "a: 'users:/{b.x}'\n    b: {fan_out: {c: 'users:/{a.x}'}}",
            ["cycle ‹b› these wait for each other: a → b → a"],
        ),
        ("a: {fan_out: {c: 'users:/{d.x}', d: 'users:/{c.x}'}}", ["cycle ‹d› these wait for each other: c → d → c"]),
        (
            "a: 'users:/{b.x}/{c.x}'\n    b: users:/b\n    c: 'users:/{d.x}'\n    d: 'users:/{c.x}'",
            ["cycle ‹d› these wait for each other: c → d → c"],
        ),
        ("a: {url: users:/x, needs: [c]}\n    b: users:/b", ["unknown-part ‹c› there is no part `c` beside `a`"]),
        ("a: {url: users:/x, needs: [c]}", ["unknown-part ‹c› there is no part `c` beside `a`"]),
    ],
)
def test_order(say: Say, parts: str, said: list[str]) -> None:
    """Parts that wait for each other in a circle never start, whatever makes them wait."""
    assert say(f"GET /x:\n  fan_out:\n    {parts}") == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("orders", []),
        ("last-order", []),
        (
            "headers",
            ["reserved-name ‹headers› a part cannot be called `headers`: expressions know something else by this name"],
        ),
        ("meta", ["reserved-name ‹meta› a part cannot be called `meta`: expressions know something else by this name"]),
        ("user_id", ["reserved-name ‹user_id› `user_id` is a part and a path parameter"]),
        ("not", ["bad-name ‹not› `not` cannot be the name of a part"]),
        ("1st", ["bad-name ‹1st› `1st` cannot be the name of a part"]),
    ],
)
def test_names_of_parts(say: Say, name: str, said: list[str]) -> None:
    """A part can be told apart from everything else that an expression can name."""
    assert say(f"GET /x/{{user_id}}:\n  fan_out:\n    {name}: users:/x") == said


def test_names_of_path_parameters(say: Say) -> None:
    """So can a path parameter."""
    said = (
        "reserved-name ‹{item}› a path parameter cannot be called `item`: expressions know something else by this name"
    )
    assert say("GET /x/{item}: {call: 'users:/{item}'}") == [said]
    assert say("GET /x/{item}: {respond: {body: ok}}") == [said]


def groups(*lines: str) -> str:
    """Return the section ``groups`` with these."""
    return "groups:\n" + "".join(f"  {line}\n" for line in lines)


def test_a_group_is_checked_once(say: Say) -> None:
    """What is wrong with a group by itself is said at the group, however many endpoints use it."""
    more = groups("g: {a: 'user:/x', b: {url: 'users:/{c.x}', select: 'a['}, c: 'users:/{b.x}'}")
    assert say("GET /a: {fan_out: {use: g}}\nGET /b: {fan_out: {use: g}}", more=more)[:3] == [
        "unknown-upstream ‹user› there is no upstream `user`",
        "cycle ‹c› these wait for each other: b → c → b",
        "bad-path ‹a[› this is not a JMESPath query",
    ]


def test_what_a_group_reads(say: Say) -> None:
    """A group reads what the endpoint has that takes it in; a parameter that is missing is said there."""
    more = groups("g: {a: 'users:/{id}', b: 'shop:/{own.x}?q={query.q}'}")
    assert say(
        "GET /a/{id}: {fan_out: {use: g, own: users:/me}}\nGET /b: {fan_out: {use: g, own: users:/me}}", more=more
    ) == [
        "~may-be-missing ‹g› `b` of group `g`: the call fails when the client sends no `q`",
        "unknown-name ‹g› `a` of group `g`: there is no `id` here",
        "~may-be-missing ‹g› `b` of group `g`: the call fails when the client sends no `q`",
    ]


def test_a_circle_through_a_group(say: Say) -> None:
    """Parts of a group and own ones may wait for each other too."""
    more = groups("g: {a: 'users:/{own.x}'}")
    assert say("GET /a: {fan_out: {use: g, own: 'users:/{a.x}'}}", more=more) == [
        "cycle ‹own› these wait for each other: a → own → a"
    ]


def test_unknown_and_clashing_groups(say: Say) -> None:
    """A group exists, and no name comes from two sources."""
    more = groups("g: {a: users:/x}", "h: {a: shop:/x, b: shop:/y}")
    assert say("GET /a: {fan_out: {use: [g, h, k], b: users:/b}}", more=more) == [
        "name-clash ‹h› the groups `g` and `h` both have a call `a`",
        "unknown-group ‹k› there is no group `k`",
        "name-clash ‹b› the group `h` has a call `b` too",
    ]
    assert say("GET /a: {fan_out: {use: k}}") == ["unknown-group ‹k› there is no group `k`"]


def test_groups_within_groups(say: Say) -> None:
    """A group may take in another, but not itself."""
    fine = groups("g: {a: {fan_out: {use: h}}}", "h: {b: shop:/y}")
    assert say("GET /a: {fan_out: {use: g}}", more=fine) == []
    more = groups(
        "g: {a: {race: [{fan_out: {use: h}}]}}", "h: {b: {fan_out: {c: {fan_out: {use: g}}}}}", "k: {x: users:/x}"
    )
    assert say("GET /a: {fan_out: {use: [g, k]}}", more=more) == ["cycle ‹h› the group `g` contains itself: g → h → g"]


def test_what_nobody_uses(say: Say) -> None:
    """An upstream, a group or a plug-in that nobody uses is worth a warning."""
    more = "plugins: [my_plugin, used]\n" + groups("g: {a: users:/x}")
    assert say("GET /a: {call: {url: users:/x, transform: 'used:clean'}}", more=more, unused=True) == [
        "~unused ‹shop› nothing calls the upstream `shop`",
        "~unused ‹my_plugin› no `transform` uses the plug-in `my_plugin`",
        "~unused ‹g› no endpoint uses the group `g`",
    ]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('target: "$.data"', ["bad-path ‹$.data› a path begins with a name, not with the `$` of JSONPath"]),
        ('allow: ["$.x", y]', ["bad-path ‹$.x› a path begins with a name, not with the `$` of JSONPath"]),
        ('deny: ["$.x"]', ["bad-path ‹$.x› a path begins with a name, not with the `$` of JSONPath"]),
        ("target: '\"$\".data'", []),
        ("forward: {query: ['*']}", ["bad-name ‹*› `*` is no query parameter"]),
    ],
)
def test_what_would_be_taken_and_do_nothing(say: Say, setting: str, said: list[str]) -> None:
    """JSONPath and a star for everything are words of other tools, and would find nothing here."""
    assert say(f"GET /a: {{call: {{url: users:/a, {setting}}}}}") == said


def test_a_star_passes_no_header(say: Say) -> None:
    """Headers of answers pass by name."""
    said = say('GET /a: {call: users:/a, response: {pass_headers: {"*": first}}}')
    assert said == ["header-name ‹*› headers are named here, not all of them"]


def test_a_part_with_a_dash_in_a_url(tmp_path: Path) -> None:
    """A URL takes no dash; both ways of its hint are right."""
    head = "version: 1\nupstreams: {u: {url: http://u.test}}\nendpoints:\n  GET /a:\n    fan_out:\n"
    (tmp_path / "routes.yaml").write_text(head + '      a-b: u:/a\n      c: "u:/c/{a-b.id}"\n')
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "routes.yaml", {})
    read = "{{ calls['a-b'].body.id }}"
    hint = f"rename `a-b` to `a_b`, or read it where expressions stand, as in `query`: `{read}`"
    assert [one.hint for one in caught.value.diagnostics] == [hint]
    (tmp_path / "routes.yaml").write_text(head + '      a_b: u:/a\n      c: "u:/c/{a_b.id}"\n')
    assert load_config(tmp_path / "routes.yaml", {}).warnings == ()


def test_a_part_with_a_dash_is_read_by_its_result(tmp_path: Path) -> None:
    """In an expression `-` takes away, so the hint says how the name is written, and that is right."""
    text = "version: 1\nupstreams: {u: {url: http://u.test}}\nendpoints:\n  GET /a:\n    fan_out:\n      a-b: u:/a\n"
    (tmp_path / "routes.yaml").write_text(text + '      c: {url: u:/c, query: {q: "{{ a-b.id }}"}}\n')
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "routes.yaml", {})
    assert {one.hint for one in caught.value.diagnostics} == {"`-` takes away here: write `calls['a-b'].body`"}
    (tmp_path / "routes.yaml").write_text(
        text + "      c: {url: u:/c, query: {q: \"{{ calls['a-b'].body.id | required }}\"}}\n"
    )
    assert load_config(tmp_path / "routes.yaml", {}).warnings == ()
