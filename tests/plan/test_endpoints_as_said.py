"""What a setting of an endpoint changes in its plan: this, and nothing else."""

from __future__ import annotations

import pytest

from tests.plan.conftest import PlanOf
from tests.plan.leaves import cases, changes

SAID = """\
timeout: 3s
  reserve=0.05
  timeout=3.0
timeout: 500ms
  reserve=0.025
  timeout=0.5
summary: S, description: D, tags: [t], operation_id: op, hidden: true
  doc.description=D
  doc.hidden=True
  doc.operation_id=op
  doc.summary=S
  doc.tags.0=t
allow_from: [192.0.2.0/24], deny_from: [192.0.2.1]
  admission.allow.has_unix=False
  admission.allow.members.0=192.0.2.0/24
  admission.deny.has_unix=False
  admission.deny.members.0=192.0.2.1/32
require: [{that: '{{ query.a == "1" }}', status: 404, detail: no way, headers: {X-A: b}}]
  admission.guards.0.detail=no way
  admission.guards.0.headers.0.0=x-a
  admission.guards.0.headers.0.1=b
  admission.guards.0.status=404
  admission.guards.0.that=query.a == "1"
require: [{that: '{{ body.a == 1 }}'}, {that: '{{ query.a }}'}]
  admission.body_guards.0.detail=You are not allowed to do this.
  admission.body_guards.0.status=403
  admission.body_guards.0.that=body.a == 1
  admission.guards.0.detail=You are not allowed to do this.
  admission.guards.0.status=403
  admission.guards.0.that=query.a
  inputs.read_body=json
rate_limit: 5/m
  admission.limits.early.0.fields=draft
  admission.limits.early.0.is_own=True
  admission.limits.early.0.limit.burst=5
  admission.limits.early.0.limit.count=5
  admission.limits.early.0.limit.period=60.0
  admission.limits.early.0.reads_caller=False
  admission.limits.early.0.report=False
  admission.limits.early.0.state=endpoint GET /x/{id} #0
  admission.limits.early.0.title=5/m
rate_limit: [{rate: 5/m, burst: 2, by: '{{ query.a }}', unless: '{{ query.b }}'}, {rate: 5/m, cost: '{{ query.c | int }}'}]
  admission.limits.early.0.by=query.a
  admission.limits.early.0.fields=draft
  admission.limits.early.0.is_own=True
  admission.limits.early.0.limit.burst=2
  admission.limits.early.0.limit.count=5
  admission.limits.early.0.limit.period=60.0
  admission.limits.early.0.reads_caller=False
  admission.limits.early.0.report=False
  admission.limits.early.0.state=endpoint GET /x/{id} #0
  admission.limits.early.0.title=5/m
  admission.limits.early.0.unless=query.b
  admission.limits.valid.0.cost=query.c | int
  admission.limits.valid.0.fields=draft
  admission.limits.valid.0.is_own=True
  admission.limits.valid.0.limit.burst=5
  admission.limits.valid.0.limit.count=5
  admission.limits.valid.0.limit.period=60.0
  admission.limits.valid.0.reads_caller=False
  admission.limits.valid.0.report=False
  admission.limits.valid.0.state=endpoint GET /x/{id} #1
  admission.limits.valid.0.title=5/m #2
rate_limit: [{quota: 5/month, zone: Europe/Berlin}, {quota: 5/month, zone: Europe/Berlin}]
  admission.limits.early.0.fields=draft
  admission.limits.early.0.is_own=True
  admission.limits.early.0.limit.count=5
  admission.limits.early.0.limit.unit=month
  admission.limits.early.0.limit.zone=Europe/Berlin
  admission.limits.early.0.reads_caller=False
  admission.limits.early.0.report=False
  admission.limits.early.0.state=endpoint GET /x/{id} month Europe/Berlin by None
  admission.limits.early.0.title=5/month
  admission.limits.early.1.fields=draft
  admission.limits.early.1.is_own=True
  admission.limits.early.1.limit.count=5
  admission.limits.early.1.limit.unit=month
  admission.limits.early.1.limit.zone=Europe/Berlin
  admission.limits.early.1.reads_caller=False
  admission.limits.early.1.report=False
  admission.limits.early.1.state=endpoint GET /x/{id} month Europe/Berlin by None #2
  admission.limits.early.1.title=5/month #2
concurrency: 3
  admission.at_once.0.limit=3
  admission.at_once.0.reads_caller=False
  admission.at_once.0.state=endpoint GET /x/{id}
concurrency: {limit: 3, by: '{{ query.a }}'}
  admission.at_once.0.by=query.a
  admission.at_once.0.limit=3
  admission.at_once.0.reads_caller=False
  admission.at_once.0.state=endpoint GET /x/{id}
cors: {origins: ['*']}
  edge.cors.credentials=False
  edge.cors.origins.0=*
cors: {origins: ['https://a.test'], headers: [X-A], expose: [X-B], credentials: true, max_age: 5m}
  edge.cors.credentials=True
  edge.cors.expose.0=X-B
  edge.cors.headers.0=x-a
  edge.cors.max_age=300
  edge.cors.origins.0=https://a.test
deprecated: true
  doc.deprecated=True
deprecated: {since: 2026-01-01, sunset: 2026-06-01, see: https://a.test}
  doc.deprecated=True
  edge.lifecycle.0.0=deprecation
  edge.lifecycle.0.1=@1767225600
  edge.lifecycle.1.0=sunset
  edge.lifecycle.1.1=Mon, 01 Jun 2026 00:00:00 GMT
  edge.lifecycle.2.0=link
  edge.lifecycle.2.1=<https://a.test>; rel="successor-version"
response: {headers: {X-A: '1', x-b: '{{ query.b }}'}}
  response.headers.0.0=x-a
  response.headers.0.1='1'
  response.headers.1.0=x-b
  response.headers.1.1={{ query.b }}
response: {headers: {'on': always, values: {X-A: '1', x-b: '{{ query.b }}'}}}
  edge.fixed.0.0=x-a
  edge.fixed.0.1=1
  edge.made.0.0=x-b
  edge.made.0.1={{ query.b }}
response: {status: 201}
  response.status=201
response: {status: '{{ call.s }}'}
  response.status_expression=call.s
response: {cache_control: 'max-age=5'}
  response.cache_control=max-age=5
response: {cache_control: compute}
  response.cache_control=compute
response: {etag: true, meta: true, timing: true, fields: true}
  fan.parts.0.core.calls.0.eager=True
  fan.parts.0.core.calls.0.success.statuses=200-205 207-299
  raw=False
  response.etag=True
  response.fields=True
  response.meta=True
  response.timing=True
response: {formats: [json, xml]}
  fan.parts.0.core.calls.0.eager=True
  fan.parts.0.core.calls.0.success.statuses=200-205 207-299
  raw=False
  response.formats.1=xml
response: {set_cookies: [{name: sid, value: '{{ call.s }}', path: /, max_age: 5s, http_only: true, same_site: lax}]}
  response.cookies.0.attributes.0.0=Max-Age
  response.cookies.0.attributes.0.1=5
  response.cookies.0.attributes.1.0=Path
  response.cookies.0.attributes.1.1=/
  response.cookies.0.attributes.2.0=Secure
  response.cookies.0.attributes.2.1=True
  response.cookies.0.attributes.3.0=HttpOnly
  response.cookies.0.attributes.3.1=True
  response.cookies.0.attributes.4.0=SameSite
  response.cookies.0.attributes.4.1=Lax
  response.cookies.0.name=sid
  response.cookies.0.value={{ call.s }}
response: {body: '{{ call.x }}'}
  fan.parts.0.core.calls.0.eager=True
  fan.parts.0.core.calls.0.success.statuses=200-205 207-299
  raw=False
  response.body={{ call.x }}
response: {pass: all}
  fan.parts.0.core.calls.0.success.statuses=200-499
  response.pass_all=True
response: {target: a.b, allow: [x]}
  fan.parts.0.core.calls.0.eager=True
  fan.parts.0.core.calls.0.success.statuses=200-205 207-299
  raw=False
  response.shape.allow.0=x
  response.shape.target=a.b
slo: {objective: 99%, latency: 100ms, partial: bad}
  slo.latency=0.1
  slo.objective=0.99
  slo.partial_is_bad=True
slo: {objective: 99%}
  slo.objective=0.99
  slo.partial_is_bad=False
idempotency: {}
  idempotency.key={{ headers['idempotency-key'] }}
  idempotency.required=False
  idempotency.ttl=86400.0
  inputs.read_body=bytes
idempotency: {key: '{{ query.k }}', ttl: 1h, required: true, subject: '{{ query.s }}'}
  idempotency.key={{ query.k }}
  idempotency.required=True
  idempotency.subject={{ query.s }}
  idempotency.ttl=3600.0
  inputs.read_body=bytes
purge: ['{{ query.t }}']
  purges.0={{ query.t }}
stream: true
  idle_timeout=60.0
  stream=True
  timeout=inf
stream: true, idle_timeout: 3s, timeout: 9s
  idle_timeout=3.0
  stream=True
  timeout=9.0
max_body: 10
  inputs.max_body=10
status_map: {404: 410}
  fan.parts.0.core.calls.0.rows.0.forward=False
  fan.parts.0.core.calls.0.rows.0.on=404
  fan.parts.0.core.calls.0.rows.0.status=410
  fan.parts.0.rows.0.forward=False
  fan.parts.0.rows.0.on=404
  fan.parts.0.rows.0.status=410
  rows.0.forward=False
  rows.0.on=404
  rows.0.status=410
"""


FILE = """\
telemetry: {{metrics: {{}}}}
upstreams: {{a: {{url: 'http://a.test/base'}}}}
endpoints:
  {} /x/{{id}}: {{call: {{url: '{} a:/x'}}{}}}
"""
OF_POST = ("require: [{that: '{{ body", "idempotency", "purge", "forward", "max_body")
"""What has no effect on a GET."""


@pytest.mark.parametrize(("said", "changed"), cases(SAID))
def test_a_setting_of_an_endpoint_changes_what_it_speaks_of(plan_of: PlanOf, said: str, changed: list[str]) -> None:
    """Who may call, what is read of a request, and what is answered; all else is as where it is left out."""
    method = "POST" if said.startswith(OF_POST) else "GET"
    before, after = (plan_of(FILE.format(method, method, more)).endpoints[0] for more in ("", f", {said}"))
    assert changes(before, after) == changed
