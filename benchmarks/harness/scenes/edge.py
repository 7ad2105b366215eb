"""What does the edge of HTTP cost? One call with what every answer is to carry, beside the same call without."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from harness import aggregator_peer, payloads, side_by_side, usage
from harness.bench import Bench, UnusablePeerError
from harness.processes import NotStartedError, Server, free_ports, seconds_to_answer
from harness.results import SceneResult, Verdict
from harness.scenes.load_scene import CLOSE_COLUMNS, close_row, raw_figures
from harness.series import Contender
from harness.targets import Ratio
from harness.upstream import Origins

CLIENTS = 32
PLAIN = "plain"
ORIGIN = "https://shop.example.com"
_USER = f"/user/{payloads.USER_ID}"
_PAGE = f"/page/{payloads.USER_ID}"


@dataclass(frozen=True, slots=True)
class Beside:
    """One *feature*, switched on by more settings under *server*, of the *upstream*, or by *more* sections.

    It is measured beside the same without them. ``@ORIGIN@`` in these stands for where the upstream is.

    Both have the sections of *base*, which go on with *end*, and *files* beside their own. Both are asked for *path*
    with the *lines* of a request that the feature is about, which *note* describes; *ready* is a path that answers 200
    without them. *telemetry* is what the section of that name holds beside a log without answers.
    """

    name: str
    title: str
    feature: str
    server: str
    least: float
    lines: tuple[str, ...]
    note: str
    path: str = _USER
    upstream: str = ""
    base: str = ""
    more: str = ""
    end: str = ""
    files: tuple[tuple[str, str], ...] = ()
    ready: str = ""
    telemetry: str = ""

    def run(self, bench: Bench) -> SceneResult:
        try:
            return self._measured(bench)
        except UnusablePeerError as reason:
            verdict = Verdict(f"≥ {self.least:g} × the same without", "–", None)
            return SceneResult(self.name, self.title, CLOSE_COLUMNS, (), [verdict], (f"aggregator: {reason}",))

    def _measured(self, bench: Bench) -> SceneResult:
        servers: list[Server] = []
        with bench.stopping(servers):
            contenders = [self._contender(bench, name, servers) for name in (self.feature, PLAIN)]
            with self.meanwhile(bench):
                series = side_by_side.measure(bench, contenders, CLIENTS)
        return SceneResult(
            name=self.name,
            title=self.title,
            columns=CLOSE_COLUMNS,
            rows=[close_row(found, series[self.feature]) for found in series.values()],
            verdicts=[Ratio(self.least, PLAIN, "the same without", subject=self.feature).judge(series)],
            notes=[f"Side by side, in turns of 40 ms. {self.note}"],
            raw={name: raw_figures(found) for name, found in series.items()},
        )

    def meanwhile(self, bench: Bench) -> AbstractContextManager[None]:
        """Return what goes on while both are measured."""
        return nullcontext()

    def write(self, config: Path, origins: Origins, *, is_on: bool) -> None:
        """Write the file *config* that calls *origins*, and what lies beside it: with the feature, or without."""
        text = aggregator_peer.routes(origins)
        if is_on:
            text = text.replace("title: Benchmark", f"title: Benchmark{self.server}")
            text = text.replace("timeout: 2s", f"timeout: 2s{self.upstream}", 1)
            if self.telemetry:
                text = text.replace(aggregator_peer.TELEMETRY, f"telemetry: {{{self.telemetry}}}")
        text += self.base + (self.more if is_on else "") + self.end
        config.write_text(text.replace("@ORIGIN@", origins[0]))
        for beside, content in self.files:
            (config.parent / beside).write_text(content)
            (config.parent / beside).chmod(0o600)

    def _contender(self, bench: Bench, name: str, servers: list[Server]) -> Contender:
        config = bench.folder / f"{self.name}_{name}.yaml"
        self.write(config, bench.upstream.plain, is_on=name == self.feature)
        (port,) = free_ports(1)
        command = aggregator_peer.run_command(bench.options.python, config, port)
        server = bench.servers.launch(name, command, port=port, core=bench.cores.server)
        servers.append(server)
        try:
            seconds_to_answer(server, self.ready or self.path, within=60.0)
        except NotStartedError as error:
            raise UnusablePeerError(f"not started, {bench.without_paths(str(error))}") from None
        return Contender(
            name, f"aggregator, {name}", server.origin + self.path, server.pid, usage.resident_bytes(server.pid),
            headers=self.lines,
        )  # fmt: skip


CARRIED = Beside(
    "carried",
    f"One call whose answer carries CORS and headers, {CLIENTS} clients",
    "cors_and_headers",
    ", security_headers: strict, headers: {x-served-by: aggregator}"
    f", cors: {{origins: [{ORIGIN}], credentials: true}}",
    0.96,
    (f"origin: {ORIGIN}",),
    "Each request names an origin, as those of a page do.",
)

TRUSTED_PROXIES = Beside(
    "trusted_proxies",
    f"One call behind a proxy that is trusted, {CLIENTS} clients",
    "trusted_proxies",
    ", trusted_proxies: [127.0.0.0/8]",
    0.96,
    ("x-forwarded-for: 192.0.2.7", "x-forwarded-proto: https"),
    "Each request has what a proxy says of its client.",
)

COMPRESSED = Beside(
    "compressed",
    f"One call whose answer of 2 kB is compressed by zstd, {CLIENTS} clients",
    "zstd",
    ", compress: {codings: [zstd]}",
    0.8,
    ("accept-encoding: zstd",),
    "Each request takes zstd.",
    _PAGE,
)
