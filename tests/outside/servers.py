"""Brokers of the tests: started on ports of this machine, killed, started anew."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from ports import free_port, free_ports


class Broker:
    """A server that listens on *port* of the loopback, with a folder of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="broker"))
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return what starts it, and the environment of that."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and return when it listens."""
        command, environment = self.command()
        self._process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=self.folder, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(1200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None, "The broker has ended."
            time.sleep(0.1)
        raise AssertionError("The broker does not listen.")

    def freeze(self) -> None:
        """Let it do nothing, with its connections open; return once it has stopped."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def kill(self) -> None:
        """End it at once, with all that it has started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it, and remove what it left."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Nats(Broker):
    """A NATS with JetStream, which asks for a name and a password."""

    def command(self) -> tuple[list[str], dict[str, str]]:
        """See `Broker.command`."""
        login = ["--user", "shop", "--pass", "s3cret"]
        store = ["-js", "-sd", str(self.folder)]
        return ["nats-server", "-a", "127.0.0.1", "-p", str(self.port), *store, *login], {}


class NatsByTls(Nats):
    """A NATS that speaks TLS, with a certificate that is in the folder *proof*."""

    def __init__(self, proof: Path) -> None:
        super().__init__()
        self._proof = proof

    def command(self) -> tuple[list[str], dict[str, str]]:
        """See `Broker.command`."""
        command, environment = super().command()
        proof = ["--tlscert", str(self._proof / "cert.pem"), "--tlskey", str(self._proof / "key.pem")]
        return [*command, "--tls", *proof], environment


class Rabbit(Broker):
    """A RabbitMQ, and the name server of its own that Erlang wants; by TLS with what is in the folder *proof*."""

    def __init__(self, proof: Path | None = None) -> None:
        super().__init__()
        self._proof = proof
        names, self._nodes = free_ports(2)
        self._names: subprocess.Popen[bytes] | None = None
        self._naming = {"ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1"}

    def command(self) -> tuple[list[str], dict[str, str]]:
        """See `Broker.command`."""
        folder = str(self.folder)
        (self.folder / "plugins").touch()
        if self._proof is not None:
            (self.folder / "by_tls.conf").write_text(
                f"listeners.tcp = none\nlisteners.ssl.1 = 127.0.0.1:{self.port}\n"
                f"ssl_options.certfile = {self._proof}/cert.pem\nssl_options.keyfile = {self._proof}/key.pem\n"
            )
        return ["/usr/lib/rabbitmq/bin/rabbitmq-server"], {
            **self._naming,
            "HOME": folder,
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._nodes),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/{'none' if self._proof is None else 'by_tls.conf'}",
            "RABBITMQ_CONF_ENV_FILE": f"{folder}/none",
        }

    def start(self) -> None:
        """Start its name server, which it would leave behind if it had started that itself, and then it."""
        self._names = subprocess.Popen(["epmd"], env={**os.environ, **self._naming}, stdout=subprocess.DEVNULL)
        super().start()

    def kill(self) -> None:
        """End it at once, and its name server."""
        super().kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()
            self._names = None
