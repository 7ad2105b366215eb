"""An nginx of one worker, which keeps the answers of a server."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from harness.costs import free_port, until_there
from harness.upstream import nginx_command, nginx_user

_CONFIGURATION = """\
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/log;
events {{}}
http {{
  access_log off;
  keepalive_requests 1000000;
  proxy_cache_path {folder}/kept keys_zone=kept:1m;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{origin};
      proxy_cache kept;
      proxy_cache_valid 200 1h;
    }}
  }}
}}
"""


def is_installed() -> bool:
    """Return whether there is an nginx on this machine."""
    return shutil.which("nginx") is not None


@asynccontextmanager
async def keeping(origin: int) -> AsyncIterator[tuple[int, int]]:
    """Yield the port of an nginx that keeps what the server at the port *origin* answers, and the id of its worker."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        configuration = _written(Path(name), port, origin)
        master = await asyncio.create_subprocess_exec(*nginx_command(configuration).arguments)
        try:
            await until_there(port)
            yield port, _worker_of(master.pid)
        finally:
            master.terminate()
            await master.wait()


def _written(folder: Path, port: int, origin: int) -> Path:
    configuration = folder / "nginx.conf"
    text = _CONFIGURATION.format(user=nginx_user(), folder=folder, port=port, origin=origin)
    configuration.write_text(text, encoding="utf-8")
    return configuration


def _worker_of(master: int) -> int:
    """Return the id of the process that answers for *master*; its others look after the cache."""
    for process in Path(f"/proc/{master}/task/{master}/children").read_text(encoding="ascii").split():
        if "worker process" in Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8"):
            return int(process)
    raise RuntimeError("nginx has no worker")
