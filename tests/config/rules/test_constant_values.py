"""What an expression without names comes to is judged before the first request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aggregator.config.loading import load_config
from aggregator.errors import ConfigError

Say = Callable[..., list[str]]


@pytest.mark.parametrize("cost", ["'abc'", "true", "null"])
def test_a_cost_that_is_no_number_is_an_error(cost: str, say: Say) -> None:
    """Each request would be answered with 400."""
    said = say(f"GET /a: {{rate_limit: {{rate: 10/s, cost: \"{{{{ {cost} }}}}\"}}, call: 'users:/a'}}")
    assert [line.partition("› ")[2] for line in said] == [
        "a cost is a number, and this is none: every request is refused with 400"
    ]


def test_a_cost_in_a_variable_is_judged_without_being_shown(tmp_path: Path) -> None:
    """What the variable holds is known when the file is loaded."""
    (tmp_path / "routes.yaml").write_text("""\
version: 1
server: {rate_limit: {rate: 10/s, cost: "{{ ${COST} }}"}}
endpoints: {GET /a: {respond: {body: hello}}}
""")
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / "routes.yaml", {"COST": "sesame"})
    assert [one.code for one in error.value.diagnostics] == ["limit-without-effect"]
    assert "sesame" not in str(error.value)


@pytest.mark.parametrize("cost", ["0", "-1", "0.5"])
def test_a_cost_below_one_has_no_effect(cost: str, say: Say) -> None:
    """A request counts for one at least."""
    said = say(f"GET /a: {{rate_limit: {{rate: 10/s, cost: '{{{{ {cost} }}}}'}}, call: 'users:/a'}}")
    assert [line.partition("› ")[2] for line in said] == ["a request costs 1 at least, so this changes nothing"]


@pytest.mark.parametrize("cost", ["1", "2.5", "10"])
def test_a_cost_that_is_granted_is_right(cost: str, say: Say) -> None:
    """A constant cost makes the limit smaller, no more."""
    assert say(f"GET /a: {{rate_limit: {{rate: 10/s, cost: '{{{{ {cost} }}}}'}}, call: 'users:/a'}}") == []


@pytest.mark.parametrize(("status", "count"), [("'abc'", 1), ("99", 1), ("199 + 1", 0), ("1000 + 1", 1)])
def test_a_status_that_is_none_is_an_error(status: str, count: int, say: Say) -> None:
    """Each request would fail when its answer is made."""
    said = say(f"GET /a: {{call: 'users:/a', response: {{status: \"{{{{ {status} }}}}\"}}}}")
    assert len([line for line in said if line.startswith("bad-status")]) == count


@pytest.mark.parametrize("items", ["5", "'abc'"])
def test_a_list_that_is_none_is_an_error(items: str, say: Say) -> None:
    """The part would fail for every request."""
    said = say(f"GET /a: {{fan_out: {{x: {{for_each: \"{{{{ {items} }}}}\", url: 'users:/{{item}}'}}}}}}")
    assert len([line for line in said if line.endswith("this is no list")]) == 1


@pytest.mark.parametrize(("at", "count"), [("tomorrow", 1), ("{{ 'soon' }}", 1), ("2027-01-31T09:00:00Z", 0)])
def test_a_moment_that_is_none_is_an_error(at: str, count: int, say: Say) -> None:
    """The call would be lost for every request."""
    endpoint = f"""\
PUT /a:
  call: users:/a
  background: {{url: 'PUT shop:/a', durable: true, at: "{at}"}}"""
    said = say(endpoint, more="state: ./state\n")
    assert len([line for line in said if line.endswith("this is no moment, so the call is lost")]) == count
