"""The servers that are compared: what each is called, and the command that starts it.

All serve the same four paths: ``/user/ID`` (one call), ``/dashboard/ID`` (fan-out of 3),
``/wide/ID`` (fan-out of 20) and ``/large/ID`` (3 × 1 MB).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template

from harness import aggregator_peer
from harness.installing import NODE_MODULES, PEERS, PYTHON
from harness.processes import LOOPBACK, Command
from harness.upstream import Origins, nginx_command, nginx_user


@dataclass(frozen=True, slots=True)
class Setting:
    """What a scene asks of every peer."""

    upstreams: Origins
    folder: Path
    """Where configuration files may be written; exists."""
    ca: Path | None = None
    connections: int | None = None
    """Upstream connections that the aggregator's file allows; the other peers have their own limits."""
    python: Path = PYTHON
    """What runs ``aggregator``; the other peers always use the benchmark's own environment."""
    pair: tuple[Path, Path] | None = None
    """Certificate and key with which the aggregator itself speaks TLS."""


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    label: str
    command: Callable[[Setting, int], Command]


def _uvicorn(module: str, port: int, variables: Mapping[str, str]) -> Command:
    arguments = [str(PYTHON), "-m", "uvicorn", f"{module}:app", "--app-dir", str(PEERS), "--host", LOOPBACK]
    quiet = ["--no-access-log", "--log-level", "warning", "--backlog", "8192"]
    return Command([*arguments, "--port", str(port), *quiet], variables)


def _python(module: str, client: str, connections: int, keepalive: int, setting: Setting, port: int) -> Command:
    limits = {"MAX_CONNECTIONS": str(connections), "MAX_KEEPALIVE": str(keepalive)}
    return _uvicorn(module, port, _upstream_variables(setting) | limits | {"CLIENT": client})


def _node(mode: str, setting: Setting, port: int) -> Command:
    variables = {"MODE": mode, "PORT": str(port), "NODE_PATH": str(NODE_MODULES), "NODE_ENV": "production"}
    return Command(["node", str(PEERS / "fastify_undici.cjs")], variables | _upstream_variables(setting))


def _nginx(setting: Setting, port: int) -> Command:
    folder = setting.folder / f"nginx-{port}"
    folder.mkdir()
    scheme = setting.upstreams[0].partition(":")[0]
    users, orders, notifications = (origin.partition("//")[2] for origin in setting.upstreams)
    (folder / "nginx.conf").write_text(
        Template((PEERS / "nginx_lua.conf").read_text()).safe_substitute(
            user=nginx_user(),
            folder=folder,
            port=port,
            scheme=scheme,
            users=users,
            orders=orders,
            notifications=notifications,
        )
    )
    return nginx_command(folder / "nginx.conf")


def _aggregator(setting: Setting, port: int) -> Command:
    config = setting.folder / f"routes-{port}.yaml"
    connections = setting.connections or 200
    text = aggregator_peer.routes(setting.upstreams, ca=setting.ca, connections=connections, pair=setting.pair)
    config.write_text(text)
    return aggregator_peer.run_command(setting.python, config, port)


def _upstream_variables(setting: Setting) -> dict[str, str]:
    variables = {"UPSTREAMS": ",".join(setting.upstreams)}
    return variables | ({"UPSTREAM_CA": str(setting.ca)} if setting.ca else {})


_ARTICLE = "handwritten_httpx"
PEERS_BY_NAME: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("aggregator", "aggregator", _aggregator),
        Peer("httpx", "FastAPI + httpx, 50/20", partial(_python, _ARTICLE, "httpx", 50, 20)),
        Peer("httpx_200", "FastAPI + httpx, 200", partial(_python, _ARTICLE, "httpx", 200, 200)),
        Peer("httpx_3000", "FastAPI + httpx, 3000", partial(_python, _ARTICLE, "httpx", 3000, 3000)),
        Peer("httpx2", "FastAPI + httpx2, 50/20", partial(_python, _ARTICLE, "httpx2", 50, 20)),
        Peer("aiohttp", "FastAPI + aiohttp client", partial(_python, "handwritten_aiohttp", "", 100, 100)),
        Peer("node_parsed", "Node, fastify + undici, parsed", partial(_node, "parsed")),
        Peer("node_spliced", "Node, fastify + undici, spliced", partial(_node, "spliced")),
        Peer("nginx", "nginx (proxy_pass / Lua)", _nginx),
    )
}
