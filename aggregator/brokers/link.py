"""What the door to a broker asks of the client of a broker."""

from __future__ import annotations

from typing import Final, Protocol

from aggregator.brokers.message import Message
from aggregator.errors import CallError, Cause

SILENCE: Final = 10.0
"""Seconds after which a broker that says nothing is taken for gone."""

NOT_ADMITTED = (Cause.CREDENTIALS, "The broker does not take our credentials.")


def nobody() -> CallError:
    """Return the failure of a message that reached its broker, and nothing there that keeps it."""
    return CallError(Cause.UNREACHABLE, "The broker has nothing that takes messages of this name.")


def refused(word: str) -> CallError:
    """Return the failure of a message that its broker refuses for good; *word* is what the broker calls that."""
    return CallError(Cause.UNSUCCESSFUL, f"The broker refused the message ({word}).")


def not_now(word: str) -> CallError:
    """Return the failure of a good message for which its broker is not ready; *word* is what the broker calls that."""
    return CallError(Cause.UNREACHABLE, f"The broker takes no messages now ({word}).")


class Link(Protocol):
    """One connection to a broker, by its client; opened and closed any number of times, by one at a time."""

    @property
    def is_open(self) -> bool:
        """Whether messages are taken."""

    async def open(self) -> None:
        """Connect, and say who is there; raises what the client raises, and leaves nothing open then."""

    async def send(self, message: Message) -> None:
        """Send *message* and return when the broker has it; raises what the client raises."""

    def failure(self, error: Exception) -> CallError:
        """Return what an *error* of `open` or `send` means."""

    async def aclose(self) -> None:
        """Close what is open; what is under way fails."""
