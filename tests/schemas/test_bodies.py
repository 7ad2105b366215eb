"""Bodies held against their schema: every violation, in plain words, without a byte of the body."""

from __future__ import annotations

import resource
import time
from typing import Any

import pytest

from aggregator.schemas import compile_body
from aggregator.schemas.judging.violations import MAX_NODES, MAX_VIOLATIONS


def violations(schema: Any, value: Any) -> list[tuple[str, str]]:
    """Return pointer and message of every violation."""
    found = compile_body(schema).violations(value)
    assert all(violation.location == "body" and violation.keyword for violation in found)
    return [(violation.pointer, violation.message) for violation in found]


SIGNUP = {
    "type": "object",
    "required": ["email", "age"],
    "additionalProperties": False,
    "properties": {
        "email": {"type": "string", "format": "email"},
        "age": {"type": "integer", "minimum": 18},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "maxItems": 2},
    },
    "$defs": {"tag": {"type": "string", "maxLength": 3}},
}


def test_every_violation_is_listed() -> None:
    """One request, one list; missing and unknown names have pointers of their own."""
    assert violations(SIGNUP, {"email": "a@b.c", "age": 18, "tags": ["a"]}) == []
    assert sorted(violations(SIGNUP, {"email": "x", "tags": ["ok", "long", 5], "a/b": 1})) == [
        ("/age", "is required"),
        ("/a~1b", "is not a declared name"),
        ("/email", "must be an email address"),
        ("/tags", "must have at most 2 items"),
        ("/tags/1", "must have at most 3 characters"),
        ("/tags/2", "must be a string"),
    ]


@pytest.mark.parametrize(
    ("schema", "value", "pointer", "message"),
    [
        ("object", [], "", "must be an object"),
        ({"type": ["integer", "null"]}, "x", "", "must be null or an integer"),
        ({"const": {"a": 1}}, 5, "", 'must be {"a": 1}'),
        ({"enum": ["é", 1, None]}, 5, "", 'must be one of "é", 1, null'),
        ({"enum": ["x" * 150, "y" * 150]}, 5, "", f'must be one of "{"x" * 150}", …'),
        ({"multipleOf": 0.5}, 0.3, "", "must be a multiple of 0.5"),
        ({"minProperties": 1}, {}, "", "must have at least 1 property"),
        ({"maxProperties": 0}, {"a": 1}, "", "must have at most 0 properties"),
        ({"minItems": 1}, [], "", "must have at least 1 item"),
        ({"uniqueItems": True}, [1, 1], "", "must not hold the same item twice"),
        ({"contains": {"const": 1}}, [2], "", "does not hold the items that it has to"),
        ({"prefixItems": [{}], "items": False}, [1, 2], "/1", "must not be given"),
        ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2], "", "has more items than it may"),
        ({"additionalProperties": False}, {"a": 1}, "", "must be an empty object"),
        ({"properties": {"a": False}}, {"a": 1}, "/a", "must not be given"),
        ({"unevaluatedProperties": False}, {"a": 1}, "/a", "is not a declared name"),
        ({"not": {"type": "string"}}, "x", "", "has a form that is not allowed"),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "", "has a name that must have at most 1 character"),
        (
            {"propertyNames": {"anyOf": [{"const": "a"}, {"const": "b"}]}},
            {"c": 1},
            "",
            "has a name that fits none of the 2 allowed forms",
        ),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, [], "", "must be a string or an integer"),
        (
            {"properties": {"t": {"oneOf": [{"type": "string"}, {"type": "null"}]}}},
            {"t": 5},
            "/t",
            "must be a string or null",
        ),
        ({"anyOf": [{"const": "a"}, {"type": "null"}]}, "b", "", "fits none of the 2 allowed forms"),
        ({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, 3, "", "fits more than one of the forms of which it may fit one"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "/b", "is required"),
        ({"if": {"type": "string"}, "then": {"minLength": 3}}, "a", "", "must have at least 3 characters"),
        (
            {"contentMediaType": "application/json", "contentEncoding": "base64", "type": "string"},
            5,
            "",
            "must be a string",
        ),
        ({"maximum": 10**30}, 10**40, "", f"must be at most {10**30}"),
        ({"format": "int32"}, 2**31, "", "must be at most 2147483647"),
        ({"items": {"format": "int64", "allOf": [{"minimum": 0}]}}, [-1], "/0", "must be at least 0"),
        (False, 1, "", "must not be given"),
    ],
)
def test_each_rule_has_its_sentence(schema: Any, value: Any, pointer: str, message: str) -> None:
    """Words that a client can act on."""
    assert violations(schema, value) == [(pointer, message)]


def test_nothing_of_the_body_is_repeated() -> None:
    """Values never come back, and of keys no more than a line."""
    [(pointer, message)] = violations({"additionalProperties": {"type": "integer"}}, {"k" * 5000: "secret" * 1000})
    assert len(pointer) < 80
    assert "secret" not in message


def test_twenty_violations_are_enough() -> None:
    """The list of a body that is wrong everywhere is cut."""
    assert len(violations({"items": {"type": "string"}}, [1] * (MAX_NODES - 1))) == MAX_VIOLATIONS
    unknown = {str(number): 1 for number in range(500)}
    assert len(violations({"additionalProperties": False, "properties": {"a": {}}}, unknown)) == MAX_VIOLATIONS


def test_a_huge_wrong_body_takes_no_time() -> None:
    """Half a million mistakes are not collected: the first one is told."""
    schema = compile_body({"items": {"type": "string"}})
    start = time.perf_counter()
    assert [v.pointer for v in schema.violations([1] * 500_000)] == ["/0"]
    assert [
        v.pointer
        for v in compile_body({"additionalProperties": {"type": "string"}}).violations({str(i): 1 for i in range(5000)})
    ] == ["/0"]
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize(
    "schema", [{"type": "string"}, {"$ref": "#/$defs/n", "$defs": {"n": {"items": {"$ref": "#/$defs/n"}}}}]
)
def test_deep_bodies_are_answered(schema: Any) -> None:
    """Nesting beyond the validator's own limit is a violation, or fits; it is never an exception."""
    value: Any = []
    for _ in range(900):
        value = [value]
    compile_body(schema).violations(value)


def test_text_that_is_not_unicode_is_a_violation() -> None:
    """Half surrogate pairs cannot be checked, so they do not fit."""
    assert violations({"type": "string"}, "\ud800") == [("", "is nested too deeply or holds invalid text")]


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"allOf": [{"$ref": "#"}]}, {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}]
)
def test_schemas_that_refer_to_themselves_end(schema: Any) -> None:
    """A circle says nothing, and hangs nothing."""
    assert violations(schema, {"a": [1]}) == []


def test_bodies_are_equal_by_their_words() -> None:
    """A reload compares them."""
    assert compile_body(SIGNUP) == compile_body(dict(SIGNUP))
    assert compile_body("object") != compile_body("array")


STRINGS_OR_FLAGS = {
    "oneOf": [{"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "boolean"}}]
}
NESTED = {"anyOf": [{"type": "array", "items": STRINGS_OR_FLAGS}, {"type": "array", "items": {"type": "object"}}]}
TEN = {"items": {"oneOf": [{"type": "object", "required": [f"k{number}"]} for number in range(10)]}}


@pytest.mark.parametrize(
    ("schema", "value", "pointer"),
    [
        (STRINGS_OR_FLAGS, [1] * 300_000, ""),
        (NESTED, [[1] * 50] * 6000, ""),
        (TEN, [{}] * 200_000, "/0"),
        ({"properties": {"a": NESTED}}, {"a": [[1] * 50] * 6000}, "/a"),
    ],
)
def test_alternatives_cost_no_more_than_a_look(schema: Any, value: Any, pointer: str) -> None:
    """A body of a megabyte that fits no alternative is told as any other; nothing is collected in all alternatives."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found, message), *others = violations(schema, value)
    assert (found, message.partition(" of the ")[0]) == (pointer, "fits none")
    assert len(others) < MAX_VIOLATIONS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024


PAYMENT = {
    "oneOf": [
        {"type": "object", "required": ["kind", "number"],
         "properties": {"kind": {"const": "card"}, "number": {"type": "string", "minLength": 12}}},
        {"type": "object", "required": ["kind", "iban"], "additionalProperties": False,
         "properties": {"kind": {"const": "iban"}, "iban": {"type": "string"}}},
    ]
}  # fmt: skip
TREE = {
    "$defs": {"tree": {"anyOf": [
        {"type": "object", "required": ["and"], "properties": {"and": {"items": {"$ref": "#/$defs/tree"}}}},
        {"type": "object", "required": ["eq"], "properties": {"eq": {"type": "integer", "format": "int32"}}},
    ]}},
    "$ref": "#/$defs/tree",
}  # fmt: skip
UNFIT = "fits none of the 2 allowed forms"


@pytest.mark.parametrize(
    ("schema", "value", "number", "told"),
    [
        (PAYMENT, {"kind": "card", "number": "1"}, 1, [("/number", "must have at least 12 characters")]),
        (PAYMENT, {"kind": "iban", "ibn": 1}, 2, [("/iban", "is required"), ("/ibn", "is not a declared name")]),
        (PAYMENT, {}, 1, [("/kind", "is required"), ("/number", "is required")]),
        (PAYMENT, {"kind": "iban", "iban": {"x": [0] * 3000}}, 2, [("/iban", "must be a string")]),
        (TREE, {"eq": "1"}, 2, [("/eq", "must be an integer")]),
        (TREE, {"eq": 2**31}, 2, [("/eq", "must be at most 2147483647")]),
        (
            TREE, {"and": [{"eq": 1}, {"eq": "1"}]}, 1,
            [("/and/1", f"{UNFIT}; form 2 is nearest"), ("/and/1/eq", "must be an integer")],
        ),
        (STRINGS_OR_FLAGS, [True] * 3000 + [0], 2, [("/3000", "must be true or false")]),
    ],
)  # fmt: skip
def test_what_keeps_a_value_from_the_nearest_form_is_told(
    schema: Any, value: Any, number: int, told: list[tuple[str, str]]
) -> None:
    """The form is that of its marks, else the one of which least is wrong."""
    first, *others = violations(schema, value)
    assert first == ("", f"{UNFIT}; form {number} is nearest")
    assert sorted(others) == told


def test_mistakes_in_alternatives_are_listed_up_to_twenty() -> None:
    """However many places are wrong, and however deep."""
    items = {"type": "array", "items": PAYMENT}
    assert len(violations(items, [{"kind": "card"}] * 100)) == MAX_VIOLATIONS
    assert len(violations({"anyOf": [items, {"type": "null"}]}, [{"kind": "card"}] * 100)) == MAX_VIOLATIONS


def test_alternatives_beside_other_rules() -> None:
    """What is wrong beside them, and at other places, is told as ever; keys of digits are keys."""
    schema = {
        "properties": {
            "1": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "b": {"oneOf": [{"minimum": 1}, {"maximum": 5}]},
        },
        "required": ["c"],
        "unevaluatedProperties": False,
    }
    assert sorted(violations(schema, {"1": 1, "b": 3})) == [
        ("/1", "must be a string or null"),
        ("/b", "fits more than one of the forms of which it may fit one"),
        ("/c", "is required"),
    ]
    assert violations(schema, {"1": None, "b": 0, "c": 1}) == [("", "does not fit its declaration")]


def test_references_into_alternatives() -> None:
    """A schema whose references lead into its alternatives is enforced, with a general sentence."""
    schema = {"properties": {"a": {"$ref": "#/anyOf/0"}}, "anyOf": [{"type": "object"}, {"type": "null"}]}
    assert violations(schema, {"a": 1}) == [("", "does not fit its declaration")]
    assert violations(schema, {"a": {}}) == []
