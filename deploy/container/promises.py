"""Try what the image promises, as a container runtime would start it, by its own configuration.

``promises.py IMAGE.json ROOT``, as root; *IMAGE.json* is what ``buildah inspect`` tells of the image, *ROOT* its
mounted file system. The process is number 1 of its namespace, not root, in a file system that cannot be written,
without capabilities; only the folder of the configuration changes, the way Kubernetes changes a ConfigMap.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds until something is said to have failed."""
ROUTES = """\
version: 1
endpoints:
  GET /said: {respond: {body: "%s"}}
"""
CONTAINED = """\
set -eu
ip link set lo up
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount --rbind /dev "$ROOT/dev"
mount --bind "$CONFIG" "$ROOT/etc/aggregator"
mount -o remount,bind,ro "$ROOT/etc/aggregator"
mount -o remount,bind,ro "$ROOT"
exec chroot "$ROOT" setpriv --reuid "$USER_ID" --regid "$GROUP_ID" --clear-groups --no-new-privs --bounding-set=-all \\
    --inh-caps=-all env -i "$@"
"""
REQUEST = """\
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=10)
connection.request("GET", "/said")
print(connection.getresponse().read().decode())
"""

BUILT = """\
import sysconfig
of = sysconfig.get_config_var
print(of("Py_DEBUG"), "--with-computed-gotos" in of("CONFIG_ARGS"), "-O2" in of("OPT") or "-O3" in of("OPT"))
"""


class Container:
    """A process of the image, by its number outside."""

    def __init__(self, outer: subprocess.Popen[bytes], config: dict[str, Any]) -> None:
        self.outer, self.config = outer, config
        self.first = until(lambda: children_of(outer.pid))[0]

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* where the process is, with the environment of the image."""
        enter = ["nsenter", f"--target={self.first}", "--net", "--mount", "--pid", "--root", "--wd"]
        return subprocess.run([*enter, "env", "-i", *self.config["Env"], *command], capture_output=True, text=True)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to process 1, as ``docker kill`` does."""
        os.kill(self.first, number)

    def said(self) -> str:
        """Return what the endpoint answers, nothing while it does not."""
        return self.inside("python", "-c", REQUEST).stdout.strip().strip('"')

    def is_healthy(self) -> bool:
        """Return whether the health check of the image finds it so."""
        return self.inside(*self.config["Healthcheck"]["Test"][1:]).returncode == 0


def children_of(pid: int) -> list[int]:
    """Return the numbers of the children of process *pid*."""
    return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def until(look: Callable[[], Any]) -> Any:
    """Return what *look* returns as soon as that is something."""
    latest = time.monotonic() + PATIENCE
    while not (seen := look()):
        if time.monotonic() > latest:
            raise SystemExit("It did not happen.")
        time.sleep(0.1)
    return seen


def published(folder: Path, text: str) -> None:
    """Write *text* as the configuration in *folder* the way Kubernetes does: a link to a folder is replaced."""
    version = folder / f"..{time.monotonic_ns()}"
    version.mkdir(mode=0o755)
    (version / "routes.yaml").write_text(text)
    (folder / "..new").symlink_to(version.name)
    (folder / "..new").rename(folder / "..data")
    if not (folder / "routes.yaml").is_symlink():
        (folder / "routes.yaml").symlink_to("..data/routes.yaml")


@contextmanager
def running(config: dict[str, Any], root: str, folder: Path) -> Iterator[Container]:
    """Start the image at *root* with the configuration in *folder*; kill it afterwards."""
    user, group = config["User"].split(":")
    given = os.environ | {"ROOT": root, "CONFIG": str(folder), "USER_ID": user, "GROUP_ID": group}
    spaces = ["unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child"]
    command = [*spaces, "sh", "-c", CONTAINED, "sh", *config["Env"], *config["Entrypoint"], *config["Cmd"]]
    with subprocess.Popen(command, env=given) as outer:
        container = Container(outer, config)
        try:
            yield container
        finally:
            if outer.poll() is None:
                container.send(signal.SIGKILL)  # with process 1 of a namespace all of it ends


def promised(what: str, holds: object) -> None:
    """Print *what* and whether it *holds*; end the program if not."""
    print(f"  {'ok' if holds else 'NOT'}  {what}")
    if not holds:
        raise SystemExit(1)


def try_serving(container: Container, folder: Path) -> None:
    """Try a started *container* with its configuration in *folder*."""
    promised("it serves as its own command says", until(container.said) == "first")
    promised("its health check finds it well", container.is_healthy())
    status = Path(f"/proc/{container.first}/status").read_text()
    of_all = [Path(f"/proc/{number}/status").read_text() for number in (container.first, *children_of(container.first))]
    promised("process 1 and its children are not root", all("\nUid:\t10001\t" in text for text in of_all))
    promised("it is process 1 of its namespace", status.split("NSpid:")[1].split("\n")[0].split()[-1] == "1")
    promised("it has no capabilities", all("CapEff:\t0000000000000000" in text for text in of_all))
    written = [container.inside("touch", f"{place}/x").returncode for place in ("/opt/aggregator", "/tmp")]
    promised("its file system cannot be written", 0 not in written)
    published(folder, ROUTES % "second")
    promised("a changed ConfigMap is served without a restart", until(lambda: container.said() == "second"))


def try_leftovers(container: Container) -> None:
    """Leave a process behind, as a plug-in might, and see that nothing remains of it."""
    before = children_of(container.first)
    container.inside("setpriv", "--reuid=10001", "--clear-groups", "sh", "-c", "sleep 0.1 & exit 0")
    promised("process 1 takes the end of processes that nobody waits for",
             until(lambda: children_of(container.first) == before))  # fmt: skip


def main(description: str, root: str) -> None:
    """Try the image of *description* at *root*."""
    image = json.loads(Path(description).read_text())
    config = image["Docker"]["config"]
    built = subprocess.run(["chroot", root, "/opt/aggregator/bin/python", "-c", BUILT], capture_output=True, text=True)
    promised("its CPython is built to be fast, without the checks of a debug build", built.stdout == "0 True True\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        published(folder, ROUTES % "first")
        with running(config, root, folder) as container:
            try_serving(container, folder)
            try_leftovers(container)
            container.send(signal.Signals[config.get("StopSignal") or "SIGTERM"])
            promised("its stop signal ends it with code 0", container.outer.wait(PATIENCE) == 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
