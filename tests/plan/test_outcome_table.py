"""The outcome table: which way a part fails, which row decides, and what the client gets."""

from __future__ import annotations

from aggregator.plan.explaining.truth import outcome_table

FILE = """
upstreams: {shop: {url: "http://shop.test", status_map: {429: 503}}}
endpoints:
  GET /x:
    fan_out:
      plain: shop:/plain
      chain: {url: shop:/one, fallback: [shop:/two], status_map: {404: {status: 410, detail: Gone}}}
      people:
        fan_out: {buyer: {url: shop:/buyer, status_map: {5xx: {pass: true}}}, seller: {url: shop:/s, optional: true}}
      raced:
        race: [{url: shop:/r1, when: "{{ query.r }}", status_map: {404: 411}}, {url: shop:/r2, status_map: {404: 412}}]
      ads: {url: shop:/ads, optional: true}
      lines: {for_each: {in: "{{ plain.list }}", on_error: "null"}, url: "shop:/{item}"}
    status_map: [{part: people, "on": timeout, status: 508, body: late}]
"""


def cell(plan, part: str, case: str):
    """Return kind, status and deciding row of every outcome of one case."""
    rows = outcome_table(plan.endpoints[0])
    return [
        (row.outcome.kind, row.outcome.status, row.outcome.rule) for row in rows if (row.part, row.case) == (part, case)
    ]


def test_what_is_built_in_has_no_row(plan_of) -> None:
    """Without a row that matches, the default of the cause decides."""
    plan = plan_of(FILE)
    assert cell(plan, "plain", "network") == [("problem", 502, None)]
    assert cell(plan, "plain", "timeout") == [("problem", 504, None)]
    assert cell(plan, "plain", "404") == [("problem", 404, None)]


def test_the_row_that_decides_is_named(plan_of) -> None:
    """In words, with what it makes of the failure."""
    assert cell(plan_of(FILE), "chain", "404") == [("problem", 410, '404 → 410 "Gone"')]


def test_a_group_fails_as_its_needed_parts_do(plan_of) -> None:
    """Rows inside, then rows that speak of the group; an optional part inside fails nothing."""
    plan = plan_of(FILE)
    assert cell(plan, "people", "5xx") == [("pass", None, "5xx → its status and the body of the upstream")]
    assert cell(plan, "people", "timeout") == [("body", 508, "timeout → 508, body of its own")]


def test_a_race_fails_as_the_first_runner_that_is_there(plan_of) -> None:
    """One that may be skipped leaves the word to the next."""
    assert [status for _, status, _ in cell(plan_of(FILE), "raced", "404")] == [411, 412]


def test_what_fails_nothing(plan_of) -> None:
    """An optional part becomes its default, an item alone is lost; a list that is none still fails."""
    plan = plan_of(FILE)
    assert cell(plan, "ads", "5xx") == [("default", 200, None)]
    assert cell(plan, "lines", "5xx") == [("lost", 200, None)]
    assert cell(plan, "lines", "expression") == [("problem", 502, None)]


def test_every_part_has_every_case(plan_of) -> None:
    """The table has no holes; only what a value in a path or an expression can do is a case of its own."""
    rows = outcome_table(plan_of(FILE).endpoints[0])
    parts = dict.fromkeys(row.part for row in rows)
    assert list(parts) == ["plain", "chain", "people", "raced", "ads", "lines"]
    cases = {part: {row.case for row in rows if row.part == part} - {"input", "expression"} for part in parts}
    assert len(set(map(frozenset, cases.values()))) == 1


def test_an_answer_that_is_computed_can_fail_as_such(plan_of) -> None:
    """Parts that are all there may not become one: a line of its own, with the rows that speak of ``response``."""
    plan = plan_of("""
        endpoints:
          GET /x:
            fan_out: {a: shop:/a, b: shop:/b}
            response: {merge: error}
            status_map: [{part: response, "on": expression, status: 409}, {part: a, "on": any, status: 418}]
    """)
    assert cell(plan, "response", "expression") == [("problem", 409, "expression → 409")]
    assert cell(plan, "response", "timeout") == []


def test_a_function_can_be_late_and_broken(plan_of) -> None:
    """What the code of a plug-in does has a column where there is one, on a part and on the answer."""
    plan = plan_of("""
        plugins: [json]
        endpoints:
          GET /x:
            fan_out: {a: {url: shop:/a, transform: "json:dumps"}, b: shop:/b}
            response: {transform: "json:dumps"}
            status_map: [{part: a, "on": fault, status: 503}]
    """)
    assert cell(plan, "a", "fault") == [("problem", 503, "fault → 503")]
    assert cell(plan, "b", "fault") == []
    assert cell(plan, "response", "fault") == [("problem", 500, None)]
    assert cell(plan, "response", "timeout") == [("problem", 504, None)]


def test_a_static_answer_has_no_table(plan_of) -> None:
    """Where nothing is called nothing fails."""
    assert outcome_table(plan_of("endpoints: {GET /x: {respond: {body: 1}}}").endpoints[0]) == ()
