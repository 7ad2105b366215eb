"""The upstreams that every peer calls: one nginx on loopback, nine listeners, fixed answers."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal

from harness import payloads
from harness.processes import LOOPBACK, Command, Servers, free_ports

DELAY = 0.2
"""Seconds that the slow listeners wait before they answer."""

_TEMPLATE = Path(__file__).with_name("upstream.conf")

Origins = tuple[str, str, str]
Manner = Literal["plain", "tls", "slow", "listener"]
"""How upstreams answer; ``listener`` is plain, and the peer itself speaks TLS."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """Origins of the users, orders and notifications services, in three manners."""

    plain: Origins
    tls: Origins
    slow: Origins
    ca: Path
    """The certificate that signed the TLS listeners' own."""
    pair: tuple[Path, Path]
    """The TLS listeners' own certificate, and its key."""

    def origins(self, manner: Manner) -> Origins:
        return {"plain": self.plain, "tls": self.tls, "slow": self.slow, "listener": self.plain}[manner]


def start_upstream(servers: Servers, folder: Path, core: int) -> Upstream:
    """Write payloads, certificates and configuration into *folder*, and start nginx from there."""
    folder.mkdir()
    _write_payloads(folder)
    _write_certificates(folder)
    ports = free_ports(9)
    configuration = folder / "nginx.conf"
    configuration.write_text(_configuration(folder, ports))
    servers.start("upstream", nginx_command(configuration), port=ports[0], core=core)
    return Upstream(
        plain=_origins("http", ports[:3]),
        tls=_origins("https", ports[3:6]),
        slow=_origins("http", ports[6:]),
        ca=folder / "ca.pem",
        pair=(folder / "server.pem", folder / "server.key"),
    )


def nginx_command(configuration: Path) -> Command:
    return Command(["nginx", "-p", str(configuration.parent), "-c", str(configuration), "-e", "stderr"])


def nginx_user() -> str:
    """The directive that lets workers of a root master read the benchmark's folder."""
    return "user root;" if os.geteuid() == 0 else ""


def _configuration(folder: Path, ports: list[int]) -> str:
    return Template(_TEMPLATE.read_text()).safe_substitute(
        folder=folder,
        user=nginx_user(),
        delay=DELAY,
        fast_listeners=_listeners(ports[:3], "") + _listeners(ports[3:6], " ssl"),
        slow_listeners=_listeners(ports[6:], ""),
        profile=payloads.compact(payloads.PROFILE),
        orders=payloads.compact(payloads.ORDERS),
        notifications=payloads.compact(payloads.NOTIFICATIONS),
        page=payloads.compact(payloads.PAGE),
        item=payloads.item("${number}"),
    )


def _listeners(ports: list[int], manner: str) -> str:
    return " ".join(f"listen {LOOPBACK}:{port}{manner} backlog=8192;" for port in ports)


def _origins(scheme: str, ports: list[int]) -> Origins:
    first, second, third = (f"{scheme}://{LOOPBACK}:{port}" for port in ports)
    return first, second, third


def _write_payloads(folder: Path) -> None:
    (folder / "large").mkdir()
    for name in payloads.LARGE_NAMES:
        (folder / "large" / f"{name}.json").write_text(payloads.large(name))


def _write_certificates(folder: Path) -> None:
    """A certificate authority that signs one certificate for 127.0.0.1, both good for two days."""
    extensions = folder / "server.ext"
    extensions.write_text(f"subjectAltName=IP:{LOOPBACK}\nbasicConstraints=critical,CA:FALSE\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    _openssl(
        folder,
        "req",
        "-x509",
        *key,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-days",
        "2",
        "-subj",
        "/CN=benchmark authority",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    )
    _openssl(folder, "req", "-new", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=upstream")
    _openssl(
        folder,
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        "server.pem",
        "-days",
        "2",
        "-extfile",
        "server.ext",
    )


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
