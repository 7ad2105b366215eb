"""A background call without a name is called by its method, its upstream and its path as the file writes them."""

from __future__ import annotations

import pytest

SECRET = "hunter2secret"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ('"POST https://hooks.test/x/${TOK}?key=${TOK}"', "POST https://hooks.test/x/${TOK}"),
        ('"shop:/seen/{response.status}"', "GET shop:/seen/{response.status}"),
        ('{url: "shop:/seen?k=1", json: {a: 1}}', "POST shop:/seen"),
        ('{url: "shop:/seen", method: PUT}', "PUT shop:/seen"),
        ('"POST ${HOOK}"', "POST ${HOOK}"),
        ('{url: "POST shop:/${TOK}", name: note}', "note"),
        ('{choose: [{url: "shop:/a?k=1", weight: 1}, {url: "shop:/b", weight: 2}]}', "GET shop:/a"),
    ],
)
def test_no_name_holds_what_a_variable_holds(plan_of, call: str, name: str) -> None:
    """The secret in a URL is sent, and nowhere in what the plan calls the call."""
    variables = {"TOK": SECRET, "HOOK": f"https://hooks.test/{SECRET}"}
    plan = plan_of(f"endpoints: {{POST /a: {{call: 'shop:/a', background: [{call}]}}}}", variables)
    (effect,) = plan.endpoints[0].effects
    assert effect.name == effect.part.calls[0].name == name
    assert SECRET not in effect.part.calls[0].upstream.label
