"""What does the edge of HTTP cost? One call with what every answer is to carry, beside the same call without."""

from __future__ import annotations

from dataclasses import dataclass

from harness import aggregator_peer, payloads, side_by_side, usage
from harness.bench import Bench, UnusablePeerError
from harness.processes import NotStartedError, Server, free_ports, seconds_to_answer
from harness.results import SceneResult, Verdict
from harness.scenes.load_scene import CLOSE_COLUMNS, close_row, raw_figures
from harness.series import Contender
from harness.targets import Ratio

CLIENTS = 32
PLAIN = "plain"
ORIGIN = "https://shop.example.com"
_PATH = f"/user/{payloads.USER_ID}"


@dataclass(frozen=True, slots=True)
class Beside:
    """One *feature*, switched on by more settings under *server*, beside the same server without them."""

    name: str
    title: str
    feature: str
    server: str
    least: float

    def run(self, bench: Bench) -> SceneResult:
        try:
            return self._measured(bench)
        except UnusablePeerError as reason:
            verdict = Verdict(f"≥ {self.least:g} × the same without", "–", None)
            return SceneResult(self.name, self.title, CLOSE_COLUMNS, (), [verdict], (f"aggregator: {reason}",))

    def _measured(self, bench: Bench) -> SceneResult:
        servers: list[Server] = []
        with bench.stopping(servers):
            both = ((self.feature, self.server), (PLAIN, ""))
            contenders = [_contender(bench, name, settings, servers) for name, settings in both]
            series = side_by_side.measure(bench, contenders, CLIENTS)
        return SceneResult(
            name=self.name,
            title=self.title,
            columns=CLOSE_COLUMNS,
            rows=[close_row(found, series[self.feature]) for found in series.values()],
            verdicts=[Ratio(self.least, PLAIN, "the same without", subject=self.feature).judge(series)],
            notes=["Side by side, in turns of 40 ms. Each request names an origin, as those of a page do."],
            raw={name: raw_figures(found) for name, found in series.items()},
        )


def _contender(bench: Bench, name: str, settings: str, servers: list[Server]) -> Contender:
    config = bench.folder / f"edge_{name}.yaml"
    text = aggregator_peer.routes(bench.upstream.plain)
    config.write_text(text.replace('access_log: "off"', f'access_log: "off"{settings}'))
    (port,) = free_ports(1)
    command = aggregator_peer.run_command(bench.options.python, config, port)
    server = bench.servers.launch(name, command, port=port, core=bench.cores.server)
    servers.append(server)
    try:
        seconds_to_answer(server, _PATH, within=60.0)
    except NotStartedError as error:
        raise UnusablePeerError(f"not started, {bench.without_paths(str(error))}") from None
    return Contender(
        name, f"aggregator, {name}", server.origin + _PATH, server.pid, usage.resident_bytes(server.pid),
        headers=(f"origin: {ORIGIN}",),
    )  # fmt: skip


CARRIED = Beside(
    "carried",
    f"One call whose answer carries CORS and headers, {CLIENTS} clients",
    "cors_and_headers",
    ", security_headers: strict, headers: {x-served-by: aggregator}"
    f", cors: {{origins: [{ORIGIN}], credentials: true}}",
    0.96,
)
