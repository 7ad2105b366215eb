from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from aggregator.errors import AggregatorError, ExpressionError
from aggregator.templates import FILTERS, MISSING, TESTS, FilterDoc, compile_expression

PEOPLE = [
    {"name": "Bo", "age": 30, "city": {"id": 1}},
    {"name": "al", "age": 20, "city": {"id": 2}},
    {"name": "Cy", "age": 30, "city": {"id": 1}},
    {"name": "Di", "age": None},
]
DATA: dict[str, Any] = {"people": PEOPLE, "three": PEOPLE[:3], "text": "a-b", "n": -2.5, "o": {"b": 1, "a": 2}}


def value_of(source: str) -> Any:
    """What *source* gives for the data above."""
    return compile_expression(source).evaluate(DATA)


@pytest.mark.parametrize("doc", [*FILTERS.values(), *TESTS.values()], ids=lambda doc: doc.name)
def test_every_example_gives_its_result(doc: FilterDoc) -> None:
    """What the reference shows of each filter and test is true."""
    result = compile_expression(doc.example).evaluate({})
    assert result == doc.result
    assert type(result) is type(doc.result)
    assert doc.summary.endswith(".")


def test_signatures_are_written_as_in_the_file() -> None:
    """The reference shows arguments with JSON defaults."""
    assert FILTERS["replace"].signature == "(old, new)"
    assert FILTERS["upper"].signature == ""
    assert FILTERS["pick"].signature == "(keys…)"
    assert FILTERS["get"].signature == "(key, default?)"
    assert FILTERS["sort"].signature == "(reverse=false, case_sensitive=false, attribute=null)"
    assert FILTERS["truncate"].signature == "(length, end='…')"


def test_names_of_dangerous_filters_do_not_exist() -> None:
    """No filter looks at attributes, formats with a pattern, draws at random, or builds markup."""
    refused = {"attr", "format", "xmlattr", "pprint", "random", "urlize", "striptags", "indent", "center", "safe"}
    assert not refused & set(FILTERS)
    assert not {"callable", "filter", "test", "sameas", "escaped"} & set(TESTS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("nope | default(1)", 1),
        ("nope | default", ""),
        ("people[3].age | default(1)", None),
        ("people[3].age | default(1, true)", 1),
        ("people[3].age | d(1, boolean=true)", 1),
        ("'' | default('x')", ""),
        ("nope.a.b | default(nope)", MISSING),
        ("text | length", 3),
        ("o | count", 2),
        ("[] | first", MISSING),
        ("nope | first", MISSING),
        ("null | last", MISSING),
        ("text | last", "b"),
        ("people | first | get('name')", "Bo"),
        ("o | list", ["b", "a"]),
        ("people | list | length", 4),
        ("[1, [2]] | aslist", [1, [2]]),
        ("'ab' | aslist", ["ab"]),
        ("null | aslist", []),
        ("nope.item | aslist", []),
        ("[3, 1, 2] | sort(reverse=true)", [3, 2, 1]),
        ("three | sort(attribute='name') | map(attribute='name')", ["al", "Bo", "Cy"]),
        ("three | sort(attribute='name', case_sensitive=true) | map(attribute='name')", ["Bo", "Cy", "al"]),
        ("three | sort(attribute='age') | map(attribute='name')", ["al", "Bo", "Cy"]),
        ("three | min(attribute='age') | get('name')", "al"),
        ("three | max(attribute='age') | get('name')", "Bo"),
        ("['b', 'C'] | max", "C"),
        ("[] | min", MISSING),
        ("three | unique(attribute='city') | length", 2),
        ("people | unique(attribute='city.id') | length", 3),
        ("['a', 'A', 1, 1.0, true, null] | unique", ["a", 1, True, None]),
        ("['a', 'A'] | unique(case_sensitive=true)", ["a", "A"]),
        ("o | dictsort(by='value', reverse=true)", [["a", 2], ["b", 1]]),
        ("text | reverse", "b-a"),
        ("people | map(attribute='city.id')", [1, 2, 1, None]),
        ("people | map(attribute='city.id', default=0)", [1, 2, 1, 0]),
        ("[[1, 2], [3, 4]] | map(attribute=1)", [2, 4]),
        ("[['x'], ['y']] | map(attribute='0')", ["x", "y"]),
        ("people | map('get', 'name') | map('upper') | join('+')", "BO+AL+CY+DI"),
        ("people | map(filter='pick', attribute=null)", [{}] * 4),
        ("[[], [1]] | map('first')", [None, 1]),
        ("[0, 1, null, 'a'] | select", [1, "a"]),
        ("[0, 1, null, 'a'] | reject", [0, None]),
        ("people | selectattr('city') | length", 3),
        ("people | rejectattr('city') | map(attribute='name')", ["Di"]),
        ("people | selectattr('age', '==', 30) | map(attribute='name')", ["Bo", "Cy"]),
        ("people | rejectattr('city.id', 'in', [1]) | map(attribute='name')", ["al", "Di"]),
        ("three | sum(attribute='age', start=1)", 81),
        ("[0.1] * 1 if false else [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1] | sum", 1.0),
        ("[] | sum", 0),
        ("[1, null, true, 1.5] | join('|')", "1||true|1.5"),
        ("three | join(', ', attribute='name')", "Bo, al, Cy"),
        ("'abc' | truncate(3)", "abc"),
        ("'xxaxx' | trim('x')", "a"),
        ("nope | default(null) | string", ""),
        ("o | string", '{"b":1,"a":2}'),
        ("' 12 ' | int", 12),
        ("'3.9' | int", 3),
        ("n | int", -2),
        ("true | int", 1),
        ("'x' | int(0)", 0),
        ("'1_000' | int(0)", 0),
        ("'1e400' | float(null)", None),
        ("null | float(0)", 0),
        ("3 | float", 3.0),
        ("n | abs", 2.5),
        ("2.4 | round", 2),
        ("2.345 | round(2, 'ceil')", 2.35),
        ("2.345 | round(2, 'floor')", 2.34),
        ("2.1 | round(method='ceil')", 3),
        ("1234 | round(-2)", 1200),
        ("o | get('zzz')", MISSING),
        ("people | get(1) | get('name')", "al"),
        ("o | merge({'c': 3}, {'b': 0})", {"b": 0, "a": 2, "c": 3}),
        ("three | index_by('city.id') | keys", ["1", "2"]),
        ("(three | index_by('city.id'))[2].name", "al"),
        ("three | group_by('age') | get(30) | length", 2),
        ("[true] | index_by(null) | keys", ["true"]),
        ("'YQ==' | b64decode", "a"),
        ("'_-8' | b64encode | length", 4),
        ("'__4' | b64decode if false else 1", 1),
        ("1.5 | urlencode", "1.5"),
        ("'</a><b c=\\'\"\\n' | xml_escape", "&lt;/a&gt;&lt;b c=&#39;&quot;&#10;"),
        ("null | xml_escape", ""),
        ("nope | xml_escape", ""),
        ("[1, 'a<b'] | xml_escape", "[1,&quot;a&lt;b&quot;]"),
        ("'2024-01-01t00:00:00z' | timestamp", 1704067200),
        ("'2016-12-31T23:59:60Z' | timestamp", 1483228800),
        ("'1990-12-31T15:59:60.5-08:00' | timestamp", 662688000.5),
        ("'1970-01-01T00:00:01.5+00:00' | timestamp", 1.5),
        ("'1970-01-02' | timestamp", 86400),
        ("0.5 | datetime", "1970-01-01T00:00:00.500000Z"),
        ("nope | tojson", "null"),
        ("null is none and nope is not none", True),
        ("nope is empty and '' is empty and not 0 is empty", True),
        ("1 is true or true is not true", False),
        ("{} is mapping and [] is not mapping", True),
        ("nope is undefined", True),
        ("'b' is in('abc')", True),
        ("0 is even and 1 is not even", True),
    ],
)
def test_filters(source: str, expected: Any) -> None:
    """Filters take and give JSON data of the type that the reference says."""
    result = value_of(source)
    assert result is expected or (result == expected and type(result) is type(expected))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nope | sum", "`sum` takes an array, not a missing value; give it a `default`"),
        ("people | sum(attribute='age')", "`sum` takes an array of numbers, not null; give it a `default`"),
        ("people | sum(attribute='nope')", "not a missing value; give it a `default`"),
        ("people | sort(attribute='age')", "`sort` compares numbers or strings, not a number and null"),
        ("[1, 'a'] | max", "`max` compares numbers or strings, not a number and a string"),
        ("[[1], [2]] | sort", "`sort` compares numbers or strings, not an array"),
        ("o | sort", "`sort` takes an array, not an object"),
        ("nope | upper", "`upper` takes a string, not a missing value; give it a `default`"),
        ("n | lower", "`lower` takes a string, not a number"),
        ("n | length", "`length` takes an array, an object or a string, not a number"),
        ("n | list", "`list` takes an array, an object or a string, not a number"),
        ("n | first", "`first` takes an array, not a number"),
        ("people | join", "`join` takes an array of strings, numbers and booleans, not an object"),
        ("text | replace('', 'x')", "`replace` takes a text to look for that is not empty"),
        ("text | split('')", "`split` takes a separator that is not empty"),
        ("text | truncate(0)", "`truncate` takes an integer from 1 to 2147483648"),
        ("nope | string", "`string` cannot take a missing value"),
        ("text | int", "`int` takes a number, a boolean, or a string with a number in it, not a string"),
        ("text | float", "`float` takes a number"),
        ("o | int", "not an object"),
        ("n | round(99)", "`round` takes an integer from -30 to 30"),
        ("n | round(0, 'up')", "the method of `round` is"),
        ("text | abs", "`abs` takes a number"),
        ("o | dictsort(by='size')", "`dictsort` is by 'key' or by 'value'"),
        ("people | batch(0)", "`batch` takes an integer from 1 to"),
        ("people | flatten", "`flatten` takes an array, not an object"),
        ("people | index_by('city')", "the key of `index_by` is a string, a number or a boolean in every element"),
        ("people | group_by('city.id')", "the key of `group_by` is a string, a number or a boolean in every element"),
        ("text | keys", "`keys` takes an object, not a string"),
        ("o | pick(1)", "`pick` takes a string, not a number"),
        ("o | merge(nope)", "`merge` takes an object, not a missing value"),
        ("'{' | fromjson", "`fromjson` takes a string with JSON in it"),
        ("'a' | b64decode", "`b64decode` takes a string with UTF-8 text in Base64"),
        ("'_w==' | b64decode", "`b64decode` takes a string with UTF-8 text in Base64"),
        ("'a\\x01b' | xml_escape", "`xml_escape` takes characters that XML has"),
        ("'2024-01-01T12:00:60Z' | timestamp", "`timestamp` takes a leap second at the end of a day in UTC only"),
        ("'2024-13-01T23:59:60Z' | timestamp", "`timestamp` takes a date and time as in RFC 3339"),
        ("o | urlencode", "`urlencode` takes a string, a number or a boolean, not an object"),
        ("text | timestamp", "`timestamp` takes a date and time as in RFC 3339"),
        ("1e20 | datetime", "`datetime` takes seconds since 1970"),
        ("people | map(attribute=o)", "`map` takes a string, not an object"),
        ("1 is divisibleby(0)", "`divisibleby` cannot take zero"),
        ("text is odd", "`odd` takes a number"),
        ("n is startswith('a')", "`startswith` takes a string"),
        ("1 is in(true)", "`in` cannot look into a boolean"),
    ],
)
def test_what_a_filter_cannot_take_is_an_error(source: str, message: str) -> None:
    """A filter that meets the wrong kind of data says its name and what it takes, and quotes no data."""
    with pytest.raises(AggregatorError) as caught:
        value_of(source)
    assert message in str(caught.value)


def test_a_tuple_and_a_mapping_of_any_kind_count() -> None:
    """Arrays and objects of other Python types, such as headers, are data as well."""
    odd: Mapping[str, Any] = MappingProxyType({"a": 1})
    assert compile_expression("x | keys").evaluate({"x": odd}) == ["a"]
    assert compile_expression("x | tojson").evaluate({"x": odd}) == '{"a":1}'
    assert compile_expression("x | map('string')").evaluate({"x": (1, 2)}) == ["1", "2"]


def test_half_a_surrogate_is_an_error_not_a_crash() -> None:
    """Text that no encoding can carry is refused by whatever would encode it."""
    for source in ("x | tojson", "x | b64encode", "x | urlencode", "x | fromjson"):
        with pytest.raises(ExpressionError):
            compile_expression(source).evaluate({"x": "\ud800"})
