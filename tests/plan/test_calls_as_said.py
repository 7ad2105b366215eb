"""What a setting of a call changes in the plan of its part: this, and nothing else."""

from __future__ import annotations

import pytest

from tests.plan.conftest import PlanOf
from tests.plan.leaves import cases, changes

SAID = """\
timeout: 3s
  core.calls.0.timeout=3.0
optional: true, default: {a: 1}
  default={'a': 1}
  optional=True
optional: true, default: null
  default=None
  optional=True
when: '{{ query.w }}', target: data.x, allow: [a], rename: {c: d}, group: g
  core.calls.0.eager=True
  core.calls.0.shape.allow.0=a
  core.calls.0.shape.group=g
  core.calls.0.shape.rename.0.0=c
  core.calls.0.shape.rename.0.1=d
  core.calls.0.shape.target=data.x
  core.calls.0.success.statuses=200-205 207-299
  when=query.w
deny: [b]
  core.calls.0.eager=True
  core.calls.0.shape.deny.0=b
  core.calls.0.success.statuses=200-205 207-299
select: '[0]', allow: [a]
  core.calls.0.eager=True
  core.calls.0.shape.allow.0=a
  core.calls.0.shape.select=[0]
  core.calls.0.success.statuses=200-205 207-299
select: '{{ this.body.x }}', allow: [a], rename: {c: d}
  core.calls.0.eager=True
  core.calls.0.shape.allow.0=a
  core.calls.0.shape.rename.0.0=c
  core.calls.0.shape.rename.0.1=d
  core.calls.0.shape.select_expression=this.body.x
  core.calls.0.success.statuses=200-205 207-299
method: POST, json: {a: '{{ query.a }}'}
  core.calls.0.request.body=Template(node=MapNode(entries=(('a', Expr(expression=Expression('query.a'))),)))
  core.calls.0.request.body_kind=json
  core.calls.0.request.method=POST
json: null
  core.calls.0.request.body=None
  core.calls.0.request.body_kind=json
  core.calls.0.request.method=POST
form: {a: 1}
  core.calls.0.request.body={'a': 1}
  core.calls.0.request.body_kind=form
  core.calls.0.request.method=POST
multipart: {a: x}, headers: {content-type: text/x, x-a: '1'}
  core.calls.0.request.body={'a': 'x'}
  core.calls.0.request.body_kind=multipart
  core.calls.0.request.constant_headers=host: a.test | user-agent: aggregator | accept: */* | x-a: 1
  core.calls.0.request.method=POST
multipart: {a: x}, headers: {content-type: '{{ query.t }}'}
  core.calls.0.request.body={'a': 'x'}
  core.calls.0.request.body_kind=multipart
  core.calls.0.request.method=POST
body: 'text'
  core.calls.0.request.body='text'
  core.calls.0.request.body_kind=text
  core.calls.0.request.method=POST
graphql: {query: '{ a }', operation: op, variables: {v: 1}}
  core.calls.0.eager=True
  core.calls.0.graphql=strict
  core.calls.0.request.body=Template(node=MapNode(entries=(('query', Const(value='{ a }')), ('variables', Const(value={'v': 1})), ('operationName', Const(value='op')))))
  core.calls.0.request.body_kind=graphql
  core.calls.0.request.constant_headers=host: a.test | user-agent: aggregator | accept: application/json, */*;q=0.5
  core.calls.0.request.method=POST
  core.calls.0.success.statuses=200-205 207-299
graphql: {query: '{ a }', partial: true}
  core.calls.0.eager=True
  core.calls.0.graphql=partial
  core.calls.0.request.body=Template(node=MapNode(entries=(('query', Const(value='{ a }')),)))
  core.calls.0.request.body_kind=graphql
  core.calls.0.request.constant_headers=host: a.test | user-agent: aggregator | accept: application/json, */*;q=0.5
  core.calls.0.request.method=POST
  core.calls.0.success.statuses=200-205 207-299
headers: {accept: null, User-Agent: me, X-A: '{{ query.a }}'}
  core.calls.0.request.constant_headers=host: a.test | user-agent: me
  core.calls.0.request.headers.0.0=x-a
  core.calls.0.request.headers.0.1={{ query.a }}
query: {a: [1, null, x y], b: '{{ query.b }}', c: null}
  core.calls.0.request.constant_query=a=1&a=x%20y
  core.calls.0.request.query.0.0=b
  core.calls.0.request.query.0.1={{ query.b }}
forward: {headers: [X-A], query: [q]}
  core.calls.0.request.forward_headers.0=x-a
  core.calls.0.request.forward_query.0=q
forward: {headers: [X-A, user-agent], query: [q, r]}, headers: {x-a: '1'}, query: {q: 1}
  core.calls.0.request.constant_headers=host: a.test | accept: */* | x-a: 1
  core.calls.0.request.constant_query=q=1
  core.calls.0.request.forward_headers.0=user-agent
  core.calls.0.request.forward_query.0=r
  core.calls.0.request.header_defaults.0.0=user-agent
  core.calls.0.request.header_defaults.0.1=aggregator
forward: {headers: [Range, if-none-match]}
  core.calls.0.request.forward_headers.0=range
  core.calls.0.request.forward_headers.1=if-none-match
  core.calls.0.success.verdicts.0.0=304
  core.calls.0.success.verdicts.0.1=if-none-match
  core.calls.0.success.verdicts.1.0=412
  core.calls.0.success.verdicts.1.1=if-none-match
  core.calls.0.success.verdicts.2.0=416
  core.calls.0.success.verdicts.2.1=range
forward: {query: all, except: [q]}, query: {r: 1}
  core.calls.0.request.constant_query=r=1
  core.calls.0.request.forward_rest.query= q r
forward: {client: true}
  core.calls.0.request.forward_client=x-forwarded
forward: {client: false}
forward: {client: forwarded}
  core.calls.0.request.forward_client=forwarded
forward: {client: forwarded}, headers: {Forwarded: for=me}
  core.calls.0.request.constant_headers=host: a.test | user-agent: aggregator | accept: */* | forwarded: for=me
forward: {deadline: X-Deadline}
  core.calls.0.request.deadline=x-deadline
forward: {deadline: X-Deadline}, headers: {x-deadline: '1'}
  core.calls.0.request.constant_headers=host: a.test | user-agent: aggregator | accept: */* | x-deadline: 1
raw_path: true
  core.calls.0.request.raw_path=True
redirects: 3
  core.calls.0.redirects=3
max_body: 10
  core.calls.0.max_body=10
format: csv, csv: {delimiter: ;}
  core.calls.0.format=csv
  core.calls.0.reading.csv_delimiter=;
retry: {attempts: 2, per_try: 1s, backoff: 1s..2s, on: [5xx, timeout]}
  core.calls.0.retry.attempts=2
  core.calls.0.retry.backoff.least=1.0
  core.calls.0.retry.backoff.most=2.0
  core.calls.0.retry.causes=connect_timeout deadline read_timeout write_timeout
  core.calls.0.retry.on.0=5xx
  core.calls.0.retry.on.1=timeout
  core.calls.0.retry.per_try=1.0
  core.calls.0.retry.repeats=always
  core.calls.0.retry.statuses=500-599
cache: 3s
  core.calls.0.cache.obeys=False
  core.calls.0.cache.on_error=0.0
  core.calls.0.cache.shared=False
  core.calls.0.cache.stale=0.0
  core.calls.0.cache.ttl.0.0=200
  core.calls.0.cache.ttl.0.1=3.0
cache: {ttl: 3s, shared: true, tags: ['{{ query.t }}']}
  core.calls.0.cache.obeys=False
  core.calls.0.cache.on_error=0.0
  core.calls.0.cache.shared=True
  core.calls.0.cache.stale=0.0
  core.calls.0.cache.tags.0={{ query.t }}
  core.calls.0.cache.ttl.0.0=200
  core.calls.0.cache.ttl.0.1=3.0
coalesce: true
  core.calls.0.coalesce=all
success: {status: [2xx, 404], when: '{{ this.body.ok }}'}
  core.calls.0.success.statuses=200-299 404
  core.calls.0.success.when=this.body.ok
success: {status: [201]}
  core.calls.0.success.statuses=201
status_map: {404: {status: 410, title: T, detail: '{{ query.a }}', headers: {X-A: '1'}}}
  core.calls.0.rows.0.detail={{ query.a }}
  core.calls.0.rows.0.forward=False
  core.calls.0.rows.0.headers.0.0=x-a
  core.calls.0.rows.0.headers.0.1='1'
  core.calls.0.rows.0.on=404
  core.calls.0.rows.0.status=410
  core.calls.0.rows.0.title=T
  rows.0.detail={{ query.a }}
  rows.0.forward=False
  rows.0.headers.0.0=x-a
  rows.0.headers.0.1='1'
  rows.0.on=404
  rows.0.status=410
  rows.0.title=T
status_map: {404: {body: {a: 1}}, 5xx: {pass: true}, timeout: 503}
  core.calls.0.rows.0.body={'a': 1}
  core.calls.0.rows.0.forward=False
  core.calls.0.rows.0.on=404
  core.calls.0.rows.1.forward=True
  core.calls.0.rows.1.on=5xx
  core.calls.0.rows.2.forward=False
  core.calls.0.rows.2.on=timeout
  core.calls.0.rows.2.status=503
  rows.0.body={'a': 1}
  rows.0.forward=False
  rows.0.on=404
  rows.1.forward=True
  rows.1.on=5xx
  rows.2.forward=False
  rows.2.on=timeout
  rows.2.status=503
hedge: {after: 40ms}
  core.calls.0.hedge.at_least=0.0
  core.calls.0.hedge.quantile=0.0
  core.calls.0.hedge.repeats=always
  core.calls.0.hedge.seconds=0.04
hedge: {after: p50, at_least: 5ms}
  core.calls.0.hedge.at_least=0.005
  core.calls.0.hedge.quantile=0.5
  core.calls.0.hedge.repeats=always
hedge: {after: p50}
  core.calls.0.hedge.at_least=0.02
  core.calls.0.hedge.quantile=0.5
  core.calls.0.hedge.repeats=always
for_each: '{{ query.l }}'
  core.calls.0.eager=True
  core.calls.0.success.statuses=200-205 207-299
  core.each.concurrency=8
  core.each.is_read=True
  core.each.items=query.l
  core.each.max_items=100
  core.each.on_error=fail
for_each: {in: '{{ query.l }}', key: '{{ item.k }}', concurrency: 3, max_items: 5, on_error: skip}
  core.calls.0.eager=True
  core.calls.0.success.statuses=200-205 207-299
  core.each.concurrency=3
  core.each.is_read=True
  core.each.items=query.l
  core.each.key=item.k
  core.each.max_items=5
  core.each.on_error=skip
for_each: {in: '{{ query.l }}', join: {into: x}}
  core.calls.0.eager=True
  core.calls.0.success.statuses=200-205 207-299
  core.each.concurrency=8
  core.each.is_read=True
  core.each.items=query.l
  core.each.join=x
  core.each.max_items=100
  core.each.on_error=fail
"""


FILE = """\
upstreams: {{a: {{url: 'http://a.test/base'}}}}
endpoints:
  GET /x/{{id}}: {{call: {{url: 'a:/x/{{id}}'{}}}}}
"""


@pytest.mark.parametrize(("said", "changed"), cases(SAID))
def test_a_setting_of_a_call_changes_what_it_speaks_of(plan_of: PlanOf, said: str, changed: list[str]) -> None:
    """Its request, its policies, what is a success, and what is taken from the reply; all else is as where it is left out."""
    before, after = (plan_of(FILE.format(more)).endpoints[0].fan for more in ("", f", {said}"))
    assert before is not None
    assert after is not None
    assert changes(before.parts[0], after.parts[0]) == changed
