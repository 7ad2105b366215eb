"""What a setting of the whole file changes in its plan: this, and nothing else."""

from __future__ import annotations

import pytest

from tests.plan.conftest import PlanOf
from tests.plan.leaves import cases, changes

SAID = """\
server: {title: T, version: '2', description: D, host: 0.0.0.0, port: 1234}
  server.description=D
  server.host=0.0.0.0
  server.port=1234
  server.title=T
  server.version=2
server: {listen: ['127.0.0.1:81', 'unix:/tmp/s']}
  server.listen.0.host=127.0.0.1
  server.listen.0.port=81
  server.listen.1.mode=432
  server.listen.1.path=/tmp/s
server: {workers: 3}
  server.workers.count=3
server: {workers: {count: auto, blocked: 3s, memory: 100MiB}}
  server.workers.blocked=3.0
  no server.workers.count
  server.workers.memory=104857600
server: {docs: false}
  no server.docs.path
server: {docs: {path: /d}}
  server.docs.path=/d
server: {header_timeout: 1s, shutdown_grace: 2s, drain_delay: 3s, watchdog: 4s, max_body: 5, body_timeout: 6s}
  endpoints.0.inputs.body_timeout=6.0
  endpoints.0.inputs.max_body=5
  server.drain_delay=3.0
  server.header_timeout=1.0
  server.shutdown_grace=2.0
  server.watchdog=4.0
server: {deadline_header: X-Deadline, trusted_proxies: [10.0.0.0/8], proxy_protocol: true}
  server.deadline_header=x-deadline
  server.proxy_protocol=True
  server.trusted_proxies.members.0=10.0.0.0/8
server: {limits: {in_flight: 1, queue: 2, wait: 3s, connections_per_address: 4, in_flight_per_address: 5}}
  server.limits.connections_per_address=4
  server.limits.in_flight=1
  server.limits.in_flight_per_address=5
  server.limits.queue=2
  server.limits.wait=3.0
server: {compress: {codings: [gzip], above: 10}}
  endpoints.0.compress=True
  server.compress.above=10
  server.compress.codings.0=gzip
server: {debug: {header: X-Debug, secret: a-secret-of-sixteen}}
  server.debug_header=x-debug
  server.debug_secret=a-secret-of-sixteen
  written_secrets=a-secret-of-sixteen
server: {redirect_paths: [slash]}
  server.redirects_slash=True
server: {cache: {max: 1MiB}}
  server.kept_bytes=1048576
server: {idempotency: {count: 3, bytes: 4KiB}}
  server.idempotency.count=3
  server.idempotency.size=4096
server: {degrade: {in_flight: 3, queue: 4, loop_lag: 50ms}}
  server.degrade.in_flight=3
  server.degrade.loop_lag=0.05
  server.degrade.queue=4
server: {headers: {X-A: '1'}}
  endpoints.0.edge.fixed.0.0=x-a
  endpoints.0.edge.fixed.0.1=1
  server.edge.fixed.0.0=x-a
  server.edge.fixed.0.1=1
server: {cors: {origins: ['*']}}
  endpoints.0.edge.cors.credentials=False
  endpoints.0.edge.cors.origins.0=*
  server.edge.cors.credentials=False
  server.edge.cors.origins.0=*
server: {concurrency: 3, rate_limit: 5/s}
  endpoints.0.admission.at_once.0.limit=3
  endpoints.0.admission.at_once.0.reads_caller=False
  endpoints.0.admission.at_once.0.state=server
  endpoints.0.admission.limits.early.0.fields=draft
  endpoints.0.admission.limits.early.0.is_own=False
  endpoints.0.admission.limits.early.0.limit.burst=5
  endpoints.0.admission.limits.early.0.limit.count=5
  endpoints.0.admission.limits.early.0.limit.period=1.0
  endpoints.0.admission.limits.early.0.reads_caller=False
  endpoints.0.admission.limits.early.0.report=False
  endpoints.0.admission.limits.early.0.state=server #0
  endpoints.0.admission.limits.early.0.title=5/s
server: {admin: {address: 127.0.0.1:83, hosts: [A.test]}}
  server.admin.address.host=127.0.0.1
  server.admin.address.port=83
  server.admin.hosts.0=a.test
client: {timeout: {read: 3s}}
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.timeouts.read=3.0
  upstreams.0.pool.timeouts.read=3.0
client: {timeout: 3s, limits: {max_connections: 7, max_keepalive: 0, keepalive_expiry: 5s}, max_body: 9}
  client.keepalive_expiry=5.0
  client.max_connections=7
  client.max_keepalive=0
  client.total=3.0
  endpoints.0.fan.parts.0.core.calls.0.timeout=3.0
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.caps.body=9
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.caps.decoded=9
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.limits.keepalive_expiry=5.0
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.limits.max_connections=7
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.limits.max_keepalive=0
  endpoints.0.timeout=3.0
  upstreams.0.pool.caps.body=9
  upstreams.0.pool.caps.decoded=9
  upstreams.0.pool.limits.keepalive_expiry=5.0
  upstreams.0.pool.limits.max_connections=7
  upstreams.0.pool.limits.max_keepalive=0
client: {limits: {max_connections: 7}}
  client.max_connections=7
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.limits.max_connections=7
  upstreams.0.pool.limits.max_connections=7
client: {transport: httpx, http2: true, proxy: 'http://p.test'}
  client.http2=True
  client.proxy=http://p.test
  client.transport=httpx
client: {user_agent: me}
  client.user_agent=me
  endpoints.0.fan.parts.0.core.calls.0.request.constant_headers=host: a.test | user-agent: me | accept: */*
defaults: {timeout: {total: 3s, connect: 2s}}
  endpoints.0.fan.parts.0.core.calls.0.timeout=3.0
  endpoints.0.fan.parts.0.core.calls.0.upstream.pool.timeouts.connect=2.0
  upstreams.0.pool.timeouts.connect=2.0
defaults: {deadline: 3s}
  endpoints.0.reserve=0.05
  endpoints.0.timeout=3.0
defaults: {status_map: {404: 410}}
  endpoints.0.fan.parts.0.core.calls.0.rows.0.forward=False
  endpoints.0.fan.parts.0.core.calls.0.rows.0.on=404
  endpoints.0.fan.parts.0.core.calls.0.rows.0.status=410
  endpoints.0.fan.parts.0.rows.0.forward=False
  endpoints.0.fan.parts.0.rows.0.on=404
  endpoints.0.fan.parts.0.rows.0.status=410
  endpoints.0.rows.0.forward=False
  endpoints.0.rows.0.on=404
  endpoints.0.rows.0.status=410
defaults: {response: {headers: {X-A: '1'}}}
  endpoints.0.response.headers.0.0=x-a
  endpoints.0.response.headers.0.1='1'
defaults: {response: {headers: {'on': always, values: {X-A: '1'}}}}
  endpoints.0.edge.fixed.0.0=x-a
  endpoints.0.edge.fixed.0.1=1
defaults: {forward: {headers: [x-a], query: [q], client: true}}
  endpoints.0.fan.parts.0.core.calls.0.request.forward_client=x-forwarded
  endpoints.0.fan.parts.0.core.calls.0.request.forward_headers.0=x-a
  endpoints.0.fan.parts.0.core.calls.0.request.forward_query.0=q
prefixes: {/x: {cors: {origins: ['*']}, response: {headers: {'on': always, values: {X-A: '1'}}}}}
  endpoints.0.edge.cors.credentials=False
  endpoints.0.edge.cors.origins.0=*
  endpoints.0.edge.fixed.0.0=x-a
  endpoints.0.edge.fixed.0.1=1
  server.prefixes.0.0=/x
  server.prefixes.0.1.cors.credentials=False
  server.prefixes.0.1.cors.origins.0=*
  server.prefixes.0.1.fixed.0.0=x-a
  server.prefixes.0.1.fixed.0.1=1
prefixes: {/: {response: {headers: {X-A: '1'}}}, /x: {response: {headers: {x-a: '2'}}}, /y: {response: {headers: {x-a: '3'}}}}
  endpoints.0.response.headers.0.0=x-a
  endpoints.0.response.headers.0.1='2'
  server.prefixes.0.0=/x
  server.prefixes.1.0=/y
  server.prefixes.2.0=/
prefixes: {/: {deprecated: true, concurrency: 3, rate_limit: 5/s}}
  endpoints.0.admission.at_once.0.limit=3
  endpoints.0.admission.at_once.0.reads_caller=False
  endpoints.0.admission.at_once.0.state=prefix /
  endpoints.0.admission.limits.early.0.fields=draft
  endpoints.0.admission.limits.early.0.is_own=False
  endpoints.0.admission.limits.early.0.limit.burst=5
  endpoints.0.admission.limits.early.0.limit.count=5
  endpoints.0.admission.limits.early.0.limit.period=1.0
  endpoints.0.admission.limits.early.0.reads_caller=False
  endpoints.0.admission.limits.early.0.report=False
  endpoints.0.admission.limits.early.0.state=prefix / #0
  endpoints.0.admission.limits.early.0.title=5/s
  endpoints.0.doc.deprecated=True
  server.prefixes.0.0=/
prefixes: {/: {deprecated: {see: https://a.test}}, /x: {deprecated: false}}
  server.prefixes.0.0=/x
  server.prefixes.1.0=/
  server.prefixes.1.1.lifecycle.0.0=link
  server.prefixes.1.1.lifecycle.0.1=<https://a.test>; rel="successor-version"
background: {workers: 3, queue: 4, when_full: drop_old, timeout: 3s}
  background.queue=4
  background.when_full=drop_old
  background.workers=3
background: {durable: {sync: normal, keep_sent: 1h, keep_dead: 2h, max: {count: 3, bytes: 4KiB, age: 5h}}}
  background.durable.age=18000.0
  background.durable.count=3
  background.durable.keep_dead=7200.0
  background.durable.keep_sent=3600.0
  background.durable.size=4096
  background.durable.sync=normal
telemetry: {metrics: {buckets: [1s, 2s]}}
  metrics.buckets.0=1.0
  metrics.buckets.1=2.0
telemetry: {metrics: {otlp: 'http://o.test', service: s, every: 3s, headers: {a: b}, buckets: [1s]}}
  metrics.buckets.0=1.0
  metrics.push.every=3.0
  metrics.push.headers.0.0=a
  metrics.push.headers.0.1=b
  metrics.push.otlp=http://o.test/v1/metrics
  metrics.push.protocol=http
  metrics.push.service=s
telemetry: {metrics: {otlp: 'http://o.test:4317', protocol: grpc, buckets: [1s]}}
  metrics.buckets.0=1.0
  metrics.push.every=60.0
  metrics.push.otlp=http://o.test:4317
  metrics.push.protocol=grpc
  metrics.push.service=aggregator
telemetry: {traces: {otlp: 'http://o.test', service: s, sample: 10%, parent: false, propagate: [b3], headers: {a: b}}}
  traces.headers.0.0=a
  traces.headers.0.1=b
  traces.otlp=http://o.test/v1/traces
  traces.parent=False
  traces.propagate.0=b3
  traces.protocol=http
  traces.sample=0.1
  traces.service=s
telemetry: {traces: {otlp: 'http://o.test:4317', protocol: grpc, parent: [10.0.0.0/8]}}
  traces.otlp=http://o.test:4317
  traces.parent.has_unix=False
  traces.parent.members.0=10.0.0.0/8
  traces.propagate.0=tracecontext
  traces.protocol=grpc
  traces.sample=0.01
  traces.service=aggregator
telemetry: {traces: {}}
  traces.parent=False
  traces.propagate.0=tracecontext
  traces.protocol=http
  traces.sample=0.01
  traces.service=aggregator
telemetry: {recorder: {keep: 3, slow: 2s, bodies: 1KiB, headers: [X-A]}}
  recorder.bodies=1024
  recorder.headers.0=x-a
  recorder.keep=3
  recorder.slow=2.0
telemetry: {recorder: {}}
  recorder.bodies=0
  recorder.keep=200
  recorder.slow=1.0
telemetry: {log: {access: all, format: json, sample: {2xx: 10%}, fields: {a: '{{ query.a }}'}}}
  server.log.access=all
  server.log.fields.0.0=a
  server.log.fields.0.1={{ query.a }}
  server.log.format=json
  server.log.sample.0.0=2xx
  server.log.sample.0.1=0.1
telemetry: {hide: [query.q, headers.X-H, body.p]}
  server.log.hidden.body.0.0=p
  server.log.hidden.headers=x-h
  server.log.hidden.query=q
maintenance: [{every: '02:00-03:00', zone: Europe/Berlin, endpoints: ['GET /*'], status: 503, detail: D}]
  maintenance.0.detail=D
  maintenance.0.every=02:00-03:00
  maintenance.0.hours.days=0-6
  maintenance.0.hours.end=180
  maintenance.0.hours.start=120
  maintenance.0.keys.0=GET /x
  maintenance.0.status=503
  maintenance.0.zone=Europe/Berlin
store: {url: 'redis://u:p@s.test:1/2', timeout: 3s, prefix: p}
  secrets=p
  store.address.db=2
  store.address.hosts.0.0=s.test
  store.address.hosts.0.1=1
  store.address.kind=server
  store.address.password=p
  store.address.user=u
  store.prefix=p
  store.timeout=3.0
plugins: [json]
  plugins.0=json
"""


FILE = """\
upstreams: {a: {url: 'http://a.test/base'}}
endpoints: {GET /x: {call: {url: 'a:/x'}}}
"""


@pytest.mark.parametrize(("said", "changed"), cases(SAID))
def test_a_setting_of_the_file_changes_what_it_speaks_of(plan_of: PlanOf, said: str, changed: list[str]) -> None:
    """The server and its client, and each endpoint and upstream as far as it is for all; all else is as without it."""
    before, after = plan_of(FILE), plan_of(f"{said}\n{FILE}")
    assert changes(before, after) == changed
