"""Where a server listens: several addresses, Unix sockets, and descriptors that somebody else has opened."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ports import free_port
from tiers import starts_processes

from aggregator.edge.addresses import TcpAddress, UnixAddress
from aggregator.errors import StartupError
from aggregator.plan.serving import ServerPlan
from aggregator.server.listeners.inherited import inherited_sockets
from aggregator.server.listeners.opening import open_listeners
from aggregator.server.listeners.unix import bind_unix, remove_unix

ENDPOINT = "endpoints: {GET /n: {respond: {body: 1}}, GET /who: {respond: {body: '{{ [request.client] }}'}}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder whose name is short enough for the path of a Unix socket."""
    assert len(str(tmp_path)) < 90
    return tmp_path


def ask(path: Path, target: str = "/n") -> bytes:
    """Return the answer to a request over the Unix socket *path*."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(f"GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
        answer = b""
        while data := client.recv(4096):
            answer += data
        return answer


def test_several_addresses_serve_the_same(stage, folder):
    """Two ports and a Unix socket; a peer on the socket has no address."""
    listen = f'["127.0.0.1:0", "127.0.0.1:0", "unix:{folder}/api.sock"]'
    gateway = stage.gateway(f"server: {{listen: {listen}}}\n{ENDPOINT}")
    first, second = (one.socket.getsockname()[1] for one in gateway.listeners[:2])
    for port in (first, second):
        with stage.wire(port) as wire:
            assert wire.ask("GET", "/n").json == 1
            assert wire.ask("GET", "/who").json == ["127.0.0.1"]
    assert ask(folder / "api.sock", "/who").endswith(b"[null]")
    gateway.stop()
    gateway.close()
    assert not (folder / "api.sock").exists()


@pytest.fixture
def port() -> int:
    """A port that is free in both families."""
    return free_port()


def told(host: str, port: int) -> bytes:
    """Return who the client is for a server at *host* and *port*."""
    with socket.create_connection((host, port), 5) as client:
        client.sendall(b"GET /who HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        answer = b""
        while data := client.recv(4096):
            answer += data
    return answer.rpartition(b"\r\n\r\n")[2]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
@pytest.mark.parametrize(
    "listen", ['"[::]:{port}"', '"[::]:{port}", "0.0.0.0:{port}"', '"0.0.0.0:{port}", "[::]:{port}"']
)
def test_both_families_on_one_port(stage, port, listen):
    """`::` alone takes IPv4 too, beside an address of IPv4 it leaves it that; a client has one address either way."""
    stage.gateway(f"server: {{listen: [{listen.format(port=port)}]}}\n{ENDPOINT}")
    assert told("127.0.0.1", port) == b'["127.0.0.1"]'
    assert told("::1", port) == b'["::1"]'


def test_a_unix_socket_has_its_permissions(folder):
    """They are those of the file from the moment on when it is there; without a word, owner and group."""
    for mode, written in ((0o660, {}), (0o600, {"mode": 0o600})):
        address = UnixAddress(str(folder / "s"), **written)
        listener, identity = bind_unix(address)
        assert stat.S_IMODE(os.stat(address.path).st_mode) == mode
        assert os.listdir(folder) == ["s"]
        listener.close()
        remove_unix(address.path, identity)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
def test_a_unix_socket_has_its_owner(folder):
    """User and group as named."""
    listener, _ = bind_unix(UnixAddress(str(folder / "s"), 0o660, "nobody", "daemon"))
    status = os.stat(folder / "s")
    assert (status.st_uid, status.st_gid) == (__import__("pwd").getpwnam("nobody").pw_uid, 1)
    listener.close()


def test_an_owner_that_nobody_knows_is_told(folder):
    """The sentence names it, and nothing is left behind."""
    with pytest.raises(StartupError, match="there is no user or group `nobody-knows`"):
        bind_unix(UnixAddress(str(folder / "s"), 0o660, "nobody-knows"))
    assert os.listdir(folder) == []


def test_a_stale_unix_socket_is_replaced(folder):
    """The file that a killed process left is in nobody's way."""
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "s"))
    left.close()
    listener, _ = bind_unix(UnixAddress(str(folder / "s")))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / "s"))
    listener.close()


def test_a_unix_socket_in_use_is_left_alone(folder):
    """Somebody listens there: nothing is taken away."""
    listener, _ = bind_unix(UnixAddress(str(folder / "s")))
    with pytest.raises(StartupError, match="another process listens on it; stop that one"):
        bind_unix(UnixAddress(str(folder / "s")))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(folder / "s"))
    listener.close()


def test_a_file_that_is_no_socket_is_left_alone(folder):
    """It may be something that somebody needs."""
    (folder / "s").write_text("precious")
    with pytest.raises(StartupError, match="there is a file that is no socket; remove it"):
        bind_unix(UnixAddress(str(folder / "s")))
    assert (folder / "s").read_text() == "precious"


def test_a_folder_that_is_not_there_is_told(folder):
    """With what to do."""
    with pytest.raises(StartupError, match="its folder does not exist; create it"):
        bind_unix(UnixAddress(str(folder / "no" / "s")))


def test_the_socket_of_a_successor_is_not_removed(folder):
    """Who ends removes its own file, not the one that another process has put in its place."""
    first, identity = bind_unix(UnixAddress(str(folder / "s")))
    first.close()
    second, _ = bind_unix(UnixAddress(str(folder / "s")))
    remove_unix(str(folder / "s"), identity)
    assert (folder / "s").exists()
    second.close()


@pytest.mark.parametrize(("host", "port", "option"), [(None, 9000, "--port"), ("0.0.0.0", None, "--host")])
def test_an_option_beside_listen_is_an_error(host, port, option):
    """It could change nothing."""
    plan = ServerPlan(listen=(TcpAddress("127.0.0.1", 0),))
    with pytest.raises(StartupError, match=f"{option} changes nothing beside `server.listen`"):
        open_listeners(plan, host, port)


def test_one_that_cannot_be_opened_closes_the_others(folder):
    """Nothing is left of those that were."""
    plan = ServerPlan(listen=(UnixAddress(str(folder / "s")), UnixAddress(str(folder / "no" / "s"))))
    with pytest.raises(StartupError):
        open_listeners(plan, None, None)
    assert os.listdir(folder) == []


def test_a_port_of_listen_that_is_taken_is_told():
    """With the setting to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        plan = ServerPlan(listen=(TcpAddress("127.0.0.1", taken.getsockname()[1]),))
        with pytest.raises(StartupError, match=r"choose another with `server\.listen`"):
            open_listeners(plan, None, None)


def test_what_is_announced_to_another_process_is_not_ours():
    """A child inherits the variables of its parent, and none of its sockets."""
    env = {"LISTEN_FDS": "1", "LISTEN_PID": "1"}
    assert inherited_sockets(env) == []
    assert env["LISTEN_FDS"] == "1"


def test_a_change_of_listen_asks_for_a_restart(stage, folder):
    """It is said once, and the addresses stay as they are."""
    gateway = stage.gateway(f'server: {{listen: ["127.0.0.1:0"]}}\n{ENDPOINT}')
    gateway.reload(f'server: {{listen: ["127.0.0.1:0", "unix:{folder}/s"]}}\n{ENDPOINT}')
    assert gateway.said("Some settings take effect when the server is restarted.")[-1]["settings"] == ("server.listen",)
    assert gateway.get("/n").json == 1
    assert not (folder / "s").exists()


PRELUDE = """
import os, socket, sys
first, second = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)
second.bind(sys.argv[1]); second.listen()
print(first.getsockname()[1], flush=True)
import fcntl
a, b = fcntl.fcntl(first.fileno(), fcntl.F_DUPFD, 50), fcntl.fcntl(second.fileno(), fcntl.F_DUPFD, 50)
os.dup2(a, 3); os.dup2(b, 4); os.close(a); os.close(b)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES="web:local")
os.execv(sys.executable, [sys.executable, "-m", "aggregator", "run", *sys.argv[2:]])
"""


@pytest.fixture
@starts_processes
def inheriting(folder):
    """Starts the binary with two sockets that it inherits, and ends it."""
    started: list[subprocess.Popen[str]] = []
    (folder / "routes.yaml").write_text(f'version: 1\nserver: {{listen: ["127.0.0.1:1"]}}\n{ENDPOINT}')

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PRELUDE, str(folder / "s"), *arguments]
        started.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()


def test_inherited_sockets_take_the_place_of_listen(inheriting, folder, stage):
    """Both serve, what the file declares is not opened, and the file of the socket stays for who has made it."""
    process = inheriting()
    port = int(process.stdout.readline())
    greeting = "".join(process.stderr.readline() for _ in range(5))
    assert f"http://127.0.0.1:{port}" in greeting
    assert f"unix:{folder}/s" in greeting
    with stage.wire(port) as wire:
        assert wire.ask("GET", "/n").json == 1
    assert ask(folder / "s").endswith(b"\r\n\r\n1")
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert (folder / "s").exists()


def test_an_option_beside_inherited_sockets_is_an_error(inheriting):
    """It could change nothing."""
    process = inheriting("--port", "9000")
    _, said = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "--port changes nothing: the process has inherited its sockets (LISTEN_FDS)." in said


@pytest.mark.processes
def test_announced_descriptors_that_are_none_are_told(tmp_path):
    """A process that was told of sockets and has none says which."""
    (tmp_path / "routes.yaml").write_text(f"version: 1\n{ENDPOINT}")
    text = (
        "import os, sys; os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()));"
        "os.dup2(os.open('/dev/null', os.O_RDONLY), 3); os.set_inheritable(3, True);"
        "os.execv(sys.executable, [sys.executable, '-m', 'aggregator', 'run'])"
    )
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 3, time.monotonic() - started
    assert "LISTEN_FDS announces descriptor 3, which is no socket." in ended.stderr
