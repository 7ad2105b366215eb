"""The scenes that put contenders under load, and what each must show."""

from __future__ import annotations

from harness.payloads import USER_ID
from harness.scenes.load_scene import UPSTREAM, Entry, LoadScene
from harness.targets import AddedLatency, Growth, Latency, NoErrors, Ratio
from harness.upstream import DELAY

HTTPX, NODE, LUA, PROXY = "hand-written httpx (50/20)", "Node splicing", "nginx + Lua", "nginx proxy_pass"
SIDE_BY_SIDE = "Side by side, in turns of 40 ms, because the two are nearly of the same speed."
SINGLE, FAN_OUT, WIDE, LARGE = (f"/{kind}/{USER_ID}" for kind in ("user", "dashboard", "wide", "large"))

FAN_OUT_3 = LoadScene(
    name="fan_out_3",
    title="Fan-out of 3 small JSON GETs, 32 clients",
    path=FAN_OUT,
    clients=32,
    entries=(
        Entry("aggregator"),
        Entry("httpx"),
        Entry("httpx_200"),
        Entry("httpx2"),
        Entry("aiohttp"),
        Entry("node_parsed"),
        Entry("node_spliced"),
        Entry("nginx", label="nginx + Lua capture_multi"),
    ),
    targets=(
        Ratio(50, "httpx", HTTPX),
        Ratio(1.3, "node_spliced", NODE),
        Ratio(0.4, "nginx", LUA),
        NoErrors(),
    ),
)

SINGLE_CALL = LoadScene(
    name="single",
    title="One call passed through, 32 clients",
    path=SINGLE,
    clients=32,
    entries=(
        Entry("aggregator"),
        Entry("httpx"),
        Entry("httpx_200"),
        Entry("httpx2"),
        Entry("aiohttp"),
        Entry("node_parsed"),
        Entry("node_spliced"),
        Entry("nginx", label="nginx proxy_pass"),
    ),
    targets=(
        Ratio(25, "httpx", HTTPX),
        Ratio(0.2, "nginx", PROXY),
        NoErrors(),
    ),
)

SINGLE_BESIDE_NODE = LoadScene(
    name="single_beside_node",
    title="One call passed through, beside Node, 32 clients",
    path=SINGLE,
    clients=32,
    entries=(Entry("aggregator"), Entry("node_spliced")),
    targets=(Ratio(1.1, "node_spliced", NODE), NoErrors()),
    nearly_equal=True,
    note=SIDE_BY_SIDE,
)

FAN_OUT_20 = LoadScene(
    name="fan_out_20",
    title="Fan-out of 20 small JSON GETs, 16 clients",
    path=WIDE,
    clients=16,
    entries=(
        Entry("aggregator"),
        Entry("httpx"),
        Entry("node_spliced"),
        Entry("nginx", label="nginx + Lua capture_multi"),
    ),
    targets=(Ratio(60, "httpx", HTTPX), NoErrors()),
)

MEGABYTES = LoadScene(
    name="megabytes",
    title="3 × 1 MB of JSON merged, 4 clients",
    path=LARGE,
    clients=4,
    entries=(
        Entry("aggregator"),
        Entry("httpx"),
        Entry("node_parsed"),
        Entry("node_spliced"),
        Entry("nginx", label="nginx + Lua capture_multi"),
    ),
    targets=(Ratio(8, "httpx", HTTPX), Growth(4, 4 * 3 * 1_000_000), NoErrors()),
)

THOUSAND = LoadScene(
    name="thousand",
    title=f"1000 clients at once, 3 upstreams of {DELAY * 1000:.0f} ms each",
    path=FAN_OUT,
    clients=1000,
    entries=(
        Entry("aggregator", manner="slow", connections=4096),
        Entry("httpx", manner="slow", once=True),
        Entry("httpx_3000", manner="slow", once=True),
        Entry("node_spliced", manner="slow"),
        Entry(UPSTREAM, label="one of the slow upstreams itself", path=f"/users/{USER_ID}", manner="slow"),
    ),
    targets=(Latency("p99", DELAY * 1000 + 300), NoErrors()),
    lengthy=True,
    note="The limit of upstream connections is raised to 4096 in the aggregator's file. Turns are longer here, since "
    "the first answer to each client waits for a thousand connections to be accepted and three thousand to be opened: "
    "that wave is the column of the slowest. The hand-written peers are measured once, after the rounds.",
)

IDLE = LoadScene(
    name="idle",
    title="One client, idle machine",
    path=SINGLE,
    clients=1,
    entries=(
        Entry("aggregator", "single", "aggregator, one call", SINGLE),
        Entry("aggregator", "fan_out", "aggregator, fan-out of 3", FAN_OUT),
        Entry(UPSTREAM, label="the upstream itself", path=f"/users/{USER_ID}"),
    ),
    targets=(
        AddedLatency(0.6, UPSTREAM, "single", "one call"),
        AddedLatency(0.6, UPSTREAM, "fan_out", "fan-out of 3"),
    ),
)

LISTENER_TLS = LoadScene(
    name="listener_tls",
    title="One call for clients that speak TLS and keep their connection, beside plain ones, 32 clients",
    path=SINGLE,
    clients=32,
    entries=(
        Entry("aggregator", "tls", "aggregator, clients by TLS", manner="listener"),
        Entry("aggregator", "plain", "aggregator, plain clients"),
    ),
    targets=(Ratio(0.7, "plain", "plain", subject="tls"), NoErrors("tls")),
    nearly_equal=True,
    note=SIDE_BY_SIDE,
)

TLS = LoadScene(
    name="tls",
    title="Fan-out of 3 over TLS, beside the same in plain text, 32 clients",
    path=FAN_OUT,
    clients=32,
    entries=(
        Entry("aggregator", "tls", "aggregator, TLS upstreams", manner="tls"),
        Entry("aggregator", "plain", "aggregator, plain upstreams"),
    ),
    targets=(Ratio(0.8, "plain", "plain", subject="tls"), NoErrors("tls")),
    nearly_equal=True,
    note=SIDE_BY_SIDE,
)
