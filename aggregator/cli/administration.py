"""How commands reach a running process: the address of administration, and its secret."""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any

import click
import httpx
from msgspec import Struct

from aggregator.edge.addresses import TcpAddress, UnixAddress
from aggregator.errors import AggregatorError, ConfigError
from aggregator.plan.incoming.listening import AdminPlan

SECRET = "AGGREGATOR_ADMIN_SECRET"  # noqa: S105 - the name of a variable
_SECONDS = 60.0
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nobody listens here


class AdminTarget(Struct, frozen=True):
    """The admin address: *url*, or the Unix socket *path* under it; *trusted* is a file of certificates."""

    url: str
    secret: str | None = None
    path: str | None = None
    trusted: str | None = None

    def ask(self, method: str, path: str, given: dict[str, Any] | None = None) -> httpx.Response:
        """Return the answer to a request. Raises ``AggregatorError`` when there is none."""
        headers = {} if self.secret is None else {"authorization": f"Bearer {self.secret}"}
        if self.path is not None and not Path(self.path).exists():
            raise AggregatorError(f"Nothing answers at unix:{self.path}: there is no such file.")
        try:
            with httpx.Client(transport=self.transport(), base_url=self.url, timeout=_SECONDS) as client:
                return client.request(method, path, headers=headers, json=given)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise AggregatorError(f"Nothing answers at {self.place}: {str(error) or type(error).__name__}.") from None

    @property
    def place(self) -> str:
        """The address as a person writes it."""
        return f"unix:{self.path}" if self.path else self.url

    def transport(self) -> httpx.HTTPTransport:
        """Return what carries requests there."""
        return httpx.HTTPTransport(uds=self.path, verify=self._verify())

    def _verify(self) -> ssl.SSLContext | bool:
        """Return what a server has to show: the very certificate that the file names, or one of a public authority."""
        if self.trusted is None:
            return True
        context = ssl.create_default_context(cafile=self.trusted)
        context.check_hostname = False
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        return context


def admin_target(url: str | None, file: str) -> AdminTarget:
    """Return where *url* leads, or what *file* declares when there is none.

    The secret is that of the environment; the file's goes to the file's own address alone. Raises ``ConfigError`` for a
    file that does not say it because of its problems, and ``click.UsageError`` for one that declares none.
    """
    secret = os.environ.get(SECRET) or None
    if url is not None:
        if url.startswith("unix:"):
            return AdminTarget("http://localhost", secret, url.removeprefix("unix:"))
        return AdminTarget(url if "://" in url else f"http://{url}", secret)
    from aggregator.server.generations.plan_source import PlanFiles

    try:
        plan = PlanFiles(Path(file)).load().server.admin
    except ConfigError as error:
        plan = _beside_problems(file, error)
    if plan is None:
        raise click.UsageError(f"{file} declares no `server.admin`; name the URL of a process, or declare it.")
    return _declared(plan, secret or plan.secret)


def _beside_problems(file: str, error: ConfigError) -> AdminPlan:
    """Return what *file* declares in spite of its problems. Raises *error*, which holds these, when they hide it.

    The process serves the last good configuration, and this is when it is asked.
    """
    from aggregator.config.admin_section import read_admin
    from aggregator.plan.compiling.server.listening import compile_admin

    plan = compile_admin(read_admin(Path(file)), {})
    if plan is None:
        click.echo(f"{file} has problems and so does not say where administration is. A process that runs serves on: "
                   f"name it by --url, and its secret in {SECRET}.", err=True)  # fmt: skip
        raise error
    click.echo(f"{file} has problems (`aggregator check`); its `server.admin` is asked.", err=True)
    return plan


def _declared(plan: AdminPlan, secret: str | None) -> AdminTarget:
    if isinstance(plan.address, UnixAddress):
        return AdminTarget("http://localhost", secret, plan.address.path)
    if plan.address.port == 0:
        raise click.UsageError("`server.admin` listens on any free port; name the URL that the process has told.")
    address = TcpAddress(_ANYWHERE.get(plan.address.host, plan.address.host), plan.address.port)
    if plan.tls is None:
        return AdminTarget(f"http://{address}", secret)
    return AdminTarget(f"https://{address}", secret, trusted=plan.tls.pair.cert)
