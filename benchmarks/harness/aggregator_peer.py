"""The one place that knows how ``aggregator`` is started and what its file looks like here.

Everything that a careful operator would turn on is on: validated parameters, deadlines, status maps,
request ids (they are the default). Only the access log is off, as it is for every peer.
"""

from __future__ import annotations

from pathlib import Path

from harness.processes import LOOPBACK, Command
from harness.upstream import Origins


def command_of(python: Path) -> Path:
    """Return the command ``aggregator`` of the environment of *python*, which is what operators run."""
    return python.with_name("aggregator")


TELEMETRY = "telemetry: {log: {access: none}}"
"""The section that scenes about telemetry replace."""


def run_command(python: Path, config: Path, port: int) -> Command:
    """Serve *config* on loopback."""
    return Command([str(command_of(python)), "run", str(config), "--host", LOOPBACK, "--port", str(port)])


def check_command(python: Path, config: Path) -> list[str]:
    """Check *config* and exit."""
    return [str(command_of(python)), "check", str(config)]


def routes(
    upstreams: Origins, *, ca: Path | None = None, connections: int = 200, pair: tuple[Path, Path] | None = None
) -> str:
    """The text of a ``routes.yaml`` with the endpoints that peers serve, and one of a page; with *pair*, by TLS."""
    services = ("users", "orders", "notifications")
    items = "\n".join(
        f"      item_{number}: {services[number % 3]}:/users/{{user_id}}/items/{number}" for number in range(1, 21)
    )
    return _head(upstreams, ca, connections, pair) + _ENDPOINTS.replace("@ITEMS@", items)


def many_routes(upstreams: Origins, count: int) -> str:
    """The text of a ``routes.yaml`` with *count* endpoints ``/user_N/{user_id}``, each one call of its own."""
    endpoints = "".join(
        f"  GET /user_{number}/{{user_id}}:\n"
        "    params: {user_id: {type: integer, minimum: 1}}\n"
        "    timeout: 3s\n"
        f"    call: users:/users/{{user_id}}?for={number}\n"
        "    status_map: {404: {status: 404, detail: User not found}}\n"
        for number in range(count)
    )
    return f"{_head(upstreams, None, 200)}endpoints:\n{endpoints}"


def _head(upstreams: Origins, ca: Path | None, connections: int, pair: tuple[Path, Path] | None = None) -> str:
    own = f', tls: {{cert: "{pair[0]}", key: "{pair[1]}"}}' if pair else ""
    tls = f', tls: {{ca: "{ca}"}}' if ca else ""
    users, orders, notifications = upstreams
    return f"""\
version: 1
{TELEMETRY}
server: {{title: Benchmark{own}}}
client:
  timeout: {{total: 10s, connect: 5s}}
  limits: {{max_connections: {connections}, max_keepalive: {connections}}}
upstreams:
  users: {{url: "{users}", timeout: 2s{tls}}}
  orders: {{url: "{orders}", timeout: 2s{tls}}}
  notifications: {{url: "{notifications}", timeout: 2s{tls}}}
"""


_ENDPOINTS = """\
endpoints:
  GET /user/{user_id}:
    params: {user_id: {type: integer, minimum: 1}}
    timeout: 3s
    call: users:/users/{user_id}
    status_map:
      404: {status: 404, detail: User not found}
      timeout: {status: 504, detail: The upstream took too long}
  GET /page/{user_id}:
    params: {user_id: {type: integer, minimum: 1}}
    timeout: 3s
    call: users:/users/{user_id}/page
    status_map: {404: {status: 404, detail: User not found}}
  GET /dashboard/{user_id}:
    params: {user_id: {type: integer, minimum: 1}}
    timeout: 3s
    status_map: {404: {status: 404, detail: User not found}}
    fan_out:
      profile: users:/users/{user_id}
      orders: orders:/users/{user_id}/orders?limit=5
      notification_count:
        url: notifications:/users/{user_id}/notifications/count
        optional: true
        default: {count: 0}
  GET /wide/{user_id}:
    params: {user_id: {type: integer, minimum: 1}}
    timeout: 3s
    fan_out:
@ITEMS@
  GET /large/{user_id}:
    params: {user_id: {type: integer, minimum: 1}}
    timeout: 5s
    fan_out:
      first: users:/large/first.json
      second: orders:/large/second.json
      third: notifications:/large/third.json
"""
