"""What is known of the names of one part, and of nobody else's."""

from __future__ import annotations

from types import MappingProxyType

from aggregator.exchange import Exchange
from aggregator.parts.names import Names
from aggregator.runtime.foresight.foreseeing import own_known
from aggregator.templates import Known

ONE = Known(1, None, frozenset({"body"}))


def names() -> Names:
    """Return the names of a request."""
    return Names(Exchange("GET", "/", b"", []))


def test_where_nothing_is_known_there_is_something_to_add_to() -> None:
    """It stays with the names."""
    one = names()
    known = own_known(one)
    known["a"] = ONE
    assert one.known == {"a": ONE}
    assert own_known(one) is known


def test_what_the_request_knows_stays_apart() -> None:
    """Names begin with what is known of the request; what a part adds is not for its neighbours."""
    one = names()
    one.exchange.known = one.known = {"a": ONE}
    own_known(one)["b"] = ONE
    assert (one.known, one.exchange.known) == ({"a": ONE, "b": ONE}, {"a": ONE})


def test_what_others_only_show_is_copied() -> None:
    """A view cannot be added to."""
    one = names()
    one.known = MappingProxyType({"a": ONE})
    own_known(one)["b"] = ONE
    assert one.known == {"a": ONE, "b": ONE}


def test_what_the_names_around_know_stays_apart() -> None:
    """Those of an element see what is known of all, and add to it for themselves."""
    around = names()
    around.known = {"a": ONE}
    inner = around.child({})
    own_known(inner)["b"] = ONE
    assert (inner.known, around.known) == ({"a": ONE, "b": ONE}, {"a": ONE})
