"""``server.admin`` of a file that is wrong elsewhere: an address and a secret that can still be read."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from aggregator.config.admin_section import read_admin
from aggregator.edge.addresses import TcpAddress, UnixAddress

ADMIN = "server: {admin: {address: 127.0.0.1:9000, secret: the-secret-of-the-file}}\n"
WRONG = [
    "endpoint: {}\n",
    "endpoints: {GET /n: {respnd: 1}}\n",
    "endpoints:\n  GET /n:\n    respond: {body: 'open}\n",
    "endpoints: [\n",
    "<<<<<<< HEAD\nendpoints: {GET /n: {respond: {body: 1}}}\n",
    "include: nowhere.yaml\n",
    "upstreams: {users: {base_url: 'http://${NOT_SET}'}}\n",
    "# caf\udce9\n",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The path of a file that a test writes."""
    return tmp_path / "routes.yaml"


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("order", ["{admin}{wrong}", "{wrong}{admin}"])
def test_what_is_wrong_elsewhere_hides_nothing(file: Path, wrong: str, order: str) -> None:
    """Wherever it stands: an unknown key, no YAML at all, marks of a merge, a file that is missing, a stray byte."""
    text = f"version: 1\n{order.format(admin=ADMIN, wrong=wrong)}"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    admin = read_admin(file, {})
    assert admin is not None
    assert (admin.address.address, admin.secret) == (TcpAddress("127.0.0.1", 9000), "the-secret-of-the-file")


@pytest.mark.parametrize(
    "server",
    [
        "server:\n  admin:\n    address: unix:/run/a\n    secret: the-secret-of-the-file\n  prot: 8000\n",
        "server:\n\n  # of people\n  admin: {address: unix:/run/a,\n    secret: the-secret-of-the-file,\n}\n  port: x\n",
        "server: {\nadmin: {address: unix:/run/a, secret: the-secret-of-the-file},\n}",
        "server:\n  admin: {address: unix:/run/a, secret: the-secret-of-the-file, hots: [a]}\n",
        "server:\r\n  port: '${PORT}'\r\n  admin: {address: unix:/run/a, secret: '${SECRET}'}\r\n",
    ],
)
def test_what_is_wrong_beside_it_hides_nothing(file: Path, server: str) -> None:
    """In the same section, or in `admin` itself, whatever the way of writing it."""
    file.write_text(f"version: 1\n{server}", newline="")
    admin = read_admin(file, {"SECRET": "the-secret-of-the-file"})
    assert admin is not None
    assert (admin.address.address, admin.secret) == (UnixAddress("/run/a"), "the-secret-of-the-file")


@pytest.mark.parametrize("secret", ["${NOT_SET}", "${file:nowhere}", "short"])
def test_a_secret_that_cannot_be_had_leaves_the_address(file: Path, secret: str) -> None:
    """The environment may have it, or the address ask for none."""
    file.write_text(f"version: 1\nserver: {{admin: {{address: unix:/run/a, secret: '{secret}'}}}}\n")
    admin = read_admin(file, {})
    assert admin is not None
    assert (admin.address.address, admin.secret) == (UnixAddress("/run/a"), None)


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\n",
        "server: {port: 1}\n",
        "server: [1]\n",
        "server: {admin: {secret: the-secret-of-the-file}}\n",
        "server: {admin: '${NOT_SET}'}\n",
        "server: {admin: {address: '${NOT_SET}:9000'}}\n",
        "server: {admin: {address: a:b:c}}\n",
        "server: {admin: {address: 127.0.0.1:9000, tls: {cert: nowhere.pem, key: nowhere.key}}}\n",
        "server: {admin: {address: 127.0.0.1:9000\n",
        f"{ADMIN}x: [\n{ADMIN}",
    ],
)
def test_what_does_not_say_how_it_is_reached_is_nothing(file: Path, text: str) -> None:
    """Nobody is asked at a guess: no address, a damaged one, TLS without a certificate, two sections in no YAML."""
    file.write_text(text)
    assert read_admin(file, {}) is None


def test_a_file_that_is_not_there_says_nothing(file: Path) -> None:
    """Nor does a folder."""
    assert read_admin(file, {}) is None
    assert read_admin(file.parent, {}) is None


def test_the_certificate_of_a_file_with_problems_has_its_whole_path(file: Path) -> None:
    """As a file without problems has it."""
    made = trustme.CA().issue_cert("admin.example.com")
    made.private_key_pem.write_to_path(file.parent / "a.key")
    made.cert_chain_pems[0].write_to_path(file.parent / "a.pem")
    file.write_text("server: {admin: {address: 127.0.0.1:9000, tls: {cert: a.pem, key: a.key}}}\nx y\n")
    admin = read_admin(file, {})
    assert admin is not None
    assert admin.tls is not None
    assert admin.tls.cert == str(file.parent / "a.pem")
