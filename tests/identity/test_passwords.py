"""Passwords: the hashes of htpasswd, the header of Basic, and that unknown names cost as much as known ones."""

from __future__ import annotations

import base64

import bcrypt
import pytest
from argon2 import PasswordHasher

from aggregator.identity.caller import Reason, Refused
from aggregator.identity.passwords import PasswordFileError, _decoy, is_right, read_basic, read_htpasswd


def hashed(password: bytes) -> str:
    """Return a bcrypt hash that is quick to make."""
    return bcrypt.hashpw(password, bcrypt.gensalt(4)).decode()


USERS = {
    "ada": hashed(b"secret"),
    "apache": hashed(b"secret").replace("$2b$", "$2y$"),
    "bob": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("geheim"),
}


@pytest.mark.parametrize(
    ("name", "password", "right"),
    [
        ("ada", b"secret", True),
        ("apache", b"secret", True),
        ("bob", b"geheim", True),
        ("ada", b"Secret", False),
        ("ada", b"", False),
        ("bob", b"secret", False),
        ("eve", b"secret", False),
        ("", b"", False),
        ("ada", b"secret\0x", False),
        ("ada", b"s" * 200, False),
    ],
)
def test_who_is_right(name: str, password: bytes, right: bool) -> None:
    """The very password of the very name, for bcrypt in all its spellings and for argon2."""
    assert is_right(USERS, name, password) is right


def test_a_long_password_is_not_cut() -> None:
    """Bcrypt reads 72 bytes: what is longer is refused, lest two passwords be one."""
    users = {"ada": hashed(b"s" * 72)}
    assert is_right(users, "ada", b"s" * 72)
    assert not is_right(users, "ada", b"s" * 73)


@pytest.mark.parametrize("broken", ["$2b$04$short", "$argon2id$v=19$m=8,t=1,p=1$short"])
def test_a_broken_hash_lets_nobody_in(broken: str) -> None:
    """Whatever the password is: a hash that cannot be read is no reason to admit anybody, and no fault."""
    assert is_right({"ada": broken}, "ada", b"secret") is False


def test_an_unknown_name_is_verified_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a refusal does not tell whether the name exists."""
    calls: list[bytes] = []
    monkeypatch.setattr(bcrypt, "checkpw", lambda password, _: calls.append(password) or False)
    assert not is_right({"ada": USERS["ada"]}, "nobody", b"x")
    assert calls == [b"x"]


@pytest.mark.parametrize("password", [b"x", b"x" * 100])
@pytest.mark.parametrize("name", ["ada", "bob"])
def test_an_unknown_name_costs_what_a_known_one_costs(
    monkeypatch: pytest.MonkeyPatch, name: str, password: bytes
) -> None:
    """It is verified by the algorithm and the cost of the file, with as many bytes, and is never right."""
    users, work = {name: USERS[name]}, []

    def verified(hashed: str, sent: bytes) -> bool:
        work.append((hashed, len(sent)))
        return True

    monkeypatch.setattr("aggregator.identity.passwords.verify", verified)
    is_right(users, name, password)
    assert not is_right(users, "nobody", password)
    known, unknown = work
    assert known == unknown


def test_an_unknown_name_is_verified_by_the_same_hash_each_time() -> None:
    """Among several costs it always takes the same time, as a known name does."""
    users = {str(number): f"$2b${number:02}$" for number in range(4, 20)}
    assert {_decoy(users, "nobody") for _ in range(20)} < set(users.values())
    assert len({_decoy(users, "nobody") for _ in range(20)}) == 1


@pytest.mark.long
def test_nobody_is_right_where_there_is_nobody() -> None:
    """An empty file takes as long as one with users."""
    assert not is_right({}, "ada", b"secret")


@pytest.mark.parametrize(
    ("value", "found"),
    [(b"ada:secret", ("ada", b"secret")), (b"ada:a:b", ("ada", b"a:b")), ("Jörg:x".encode(), ("Jörg", b"x")),
     ("Jörg:x".encode("latin-1"), ("Jörg", b"x")), (b":", ("", b""))],
)  # fmt: skip
def test_the_header(value: bytes, found: tuple[str, bytes]) -> None:
    """Name and password are parted by the first colon; a name is UTF-8, or Latin-1."""
    assert read_basic(base64.b64encode(value).decode()) == found


@pytest.mark.parametrize("value", ["", "!!!", "YWRh", base64.b64encode(b"a:" + b"x" * 2000).decode(), "ü"])
def test_what_is_no_header(value: str) -> None:
    """What is no base64, has no colon, or is huge is malformed."""
    with pytest.raises(Refused) as refused:
        read_basic(value)
    assert refused.value.reason is Reason.MALFORMED


def test_a_file() -> None:
    """Lines of names and hashes; comments and blank lines are skipped."""
    assert read_htpasswd(["# ops", "", f"ada:{USERS['ada']}\n", f"bob:{USERS['bob']}"]) == {
        "ada": USERS["ada"],
        "bob": USERS["bob"],
    }


@pytest.mark.parametrize(
    ("lines", "line", "said"),
    [
        (["ada"], 1, "NAME:HASH"),
        ([f"ada:{USERS['ada']}", "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="], 2, "neither bcrypt nor argon2"),
        (["bob:$apr1$abc$def"], 1, "neither bcrypt nor argon2"),
        ([f"ada:{USERS['ada']}", f"ada:{USERS['ada']}"], 2, "twice"),
    ],
)
def test_a_wrong_file(lines: list[str], line: int, said: str) -> None:
    """A weak hash, a name twice and a line that is none are told with their line."""
    with pytest.raises(PasswordFileError, match=said) as problem:
        read_htpasswd(lines)
    assert problem.value.line == line
