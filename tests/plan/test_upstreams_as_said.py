"""What a setting of an upstream changes in its plan: this, and nothing else."""

from __future__ import annotations

import pytest

from tests.plan.conftest import PlanOf
from tests.plan.leaves import cases, changes

SAID = """\
limits: {max_connections: 7}
  pool.limits.max_connections=7
limits: {max_keepalive: 0, keepalive_expiry: 3s, max_waiting: 0, max_streams: 1, max_age: 9s}
  pool.limits.keepalive_expiry=3.0
  pool.limits.max_age=9.0
  pool.limits.max_keepalive=0
  pool.limits.max_streams=1
  pool.limits.max_waiting=0
concurrency: 80
  concurrency.adaptive=False
  concurrency.limit=80
  concurrency.queue=100
  concurrency.wait=0.2
  pool.limits.max_connections=80
concurrency: 50
  concurrency.adaptive=False
  concurrency.limit=50
  concurrency.queue=100
  concurrency.wait=0.2
concurrency: 80, limits: {max_connections: 20}
  concurrency.adaptive=False
  concurrency.limit=80
  concurrency.queue=100
  concurrency.wait=0.2
  pool.limits.max_connections=20
concurrency: 80, limits: {max_keepalive: 3}
  concurrency.adaptive=False
  concurrency.limit=80
  concurrency.queue=100
  concurrency.wait=0.2
  pool.limits.max_connections=80
  pool.limits.max_keepalive=3
concurrency: {limit: adaptive, at_most: 30}
  concurrency.adaptive=True
  concurrency.limit=30
  concurrency.queue=100
  concurrency.wait=0.2
concurrency: {limit: adaptive}
  concurrency.adaptive=True
  concurrency.limit=200
  concurrency.queue=100
  concurrency.wait=0.2
  pool.limits.max_connections=200
breaker: {failures: 3, rate: 40%, of: 5, window: 7s, pause: 3s, on: [connect, 429]}
  breaker.by_host=False
  breaker.causes=connect_timeout dns refused tls unreachable
  breaker.failures=3
  breaker.of=5
  breaker.pause.least=3.0
  breaker.pause.most=3.0
  breaker.rate=0.4
  breaker.slow=1.0
  breaker.statuses=429
  breaker.window=7.0
breaker: {slow: {over: 1s, share: 30%}, per: '{{ query.t }}'}
  breaker.by_host=False
  breaker.causes=connect_timeout deadline dns incomplete read_timeout refused reset tls unreachable write_timeout
  breaker.key=query.t
  breaker.of=20
  breaker.over=1.0
  breaker.pause.least=5.0
  breaker.pause.most=60.0
  breaker.slow=0.3
  breaker.statuses=500-599
  breaker.window=10.0
breaker: {slow: {over: 1s}}
  breaker.by_host=False
  breaker.causes=connect_timeout deadline dns incomplete read_timeout refused reset tls unreachable write_timeout
  breaker.of=20
  breaker.over=1.0
  breaker.pause.least=5.0
  breaker.pause.most=60.0
  breaker.slow=1.0
  breaker.statuses=500-599
  breaker.window=10.0
retry: {attempts: 4, budget: {share: 50%, floor: 3/s}}
  budget.floor=3.0
  budget.share=0.5
retry: {attempts: 4}
hedge: {after: p90, budget: 50%}
  budget.hedges=0.5
rate_limit: {rate: 5/s}
  rate_limit.rate.burst=5
  rate_limit.rate.count=5
  rate_limit.rate.period=1.0
  rate_limit.wait=0.0
rate_limit: {rate: 5/s, burst: 2, wait: 3s}
  rate_limit.rate.burst=2
  rate_limit.rate.count=5
  rate_limit.rate.period=1.0
  rate_limit.wait=3.0
timeout: {connect: 1s, read: 2s, write: 3s, pool: 4s, total: 9s}
  pool.timeouts.connect=1.0
  pool.timeouts.pool=4.0
  pool.timeouts.read=2.0
  pool.timeouts.write=3.0
max_body: 1KiB
  pool.caps.body=1024
  pool.caps.decoded=1024
cache: {max: 1MiB, ttl: 3s}
  kept_bytes=1048576
headers: {X-A: '1', x-b: '{{ query.b }}'}
  header_templates.0.0=x-b
  header_templates.0.1={{ query.b }}
  headers.0.0=x-a
  headers.0.1=1
query: {a: x y, b: '{{ query.b }}', 'c ': 1}
  query=a=x%20y&c%20=1
  query_templates.0.0=b
  query_templates.0.1={{ query.b }}
host_header: b.test
  host_header=b.test
auth: {bearer: secret}
  credentials.authorization.value=Bearer secret
  credentials.scheme=bearer
  headers.0.0=authorization
  headers.0.1=Bearer secret
auth: {basic: {user: u, password: p}}
  credentials.authorization.value=Basic dTpw
  credentials.scheme=basic
  headers.0.0=authorization
  headers.0.1=Basic dTpw
mock: {routes: {'GET /u?q=1&r=a b': {status: 201, json: null, headers: {X-A: '1'}, delay: {p50: 1ms, p99: 2ms}}}}
  mock.is_alone=False
  mock.prefix=/base
  mock.routes.0.body=None
  mock.routes.0.delay.p50=0.001
  mock.routes.0.delay.p99=0.002
  mock.routes.0.headers.0.0=x-a
  mock.routes.0.headers.0.1='1'
  mock.routes.0.is_text=False
  mock.routes.0.method=GET
  mock.routes.0.pattern.segments.0=u
  mock.routes.0.pattern.source=/u
  mock.routes.0.query=q=1 r=a%20b
  mock.routes.0.status=201
mock: {routes: {'GET /v': {}}, delay: 5ms, fail: {share: 1%, timeout: true}}
  mock.delay.p50=0.005
  mock.delay.p99=0.005
  mock.fail.reset=False
  mock.fail.share=0.01
  mock.fail.timeout=True
  mock.is_alone=False
  mock.prefix=/base
  mock.routes.0.is_text=False
  mock.routes.0.method=GET
  mock.routes.0.pattern.segments.0=v
  mock.routes.0.pattern.source=/v
  mock.routes.0.status=200
unix_socket: /tmp/a.sock
  pool.origin.unix_socket=/tmp/a.sock
forward: {headers: [x-a]}
status_map: {404: 410}
"""


FILE = """\
upstreams: {{a: {{url: 'http://a.test/base'{}}}}}
endpoints: {{GET /x: {{call: 'a:/x'}}}}
"""


@pytest.mark.parametrize(("said", "changed"), cases(SAID))
def test_a_setting_of_an_upstream_changes_what_it_speaks_of(plan_of: PlanOf, said: str, changed: list[str]) -> None:
    """Its limits, its policies, and what its requests have; all else is as where it is left out."""
    before, after = plan_of(FILE.format("")), plan_of(FILE.format(f", {said}"))
    assert changes(before.upstreams[0], after.upstreams[0]) == changed
