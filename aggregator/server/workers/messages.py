"""The messages between supervisor, fork server and workers."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from aggregator.errors import place_of, shortage_behind
from aggregator.policies.switches.table import Change, Target

TO_COUNT = 5.0
"""Seconds that a worker has to tell all its metrics, and that it tries to."""


class Spawn(Struct, frozen=True, tag=True):
    """To the fork server: make a worker of the number *seat*, whose first generation is *generation*.

    Two descriptors come with it: the channel of the worker, and the pipe that its stack is written to.
    """

    seat: int
    generation: int


class Spawned(Struct, frozen=True, tag=True):
    """From the fork server: the worker of *seat* is the process *pid*."""

    seat: int
    pid: int


class Unspawned(Struct, frozen=True, tag=True):
    """From the fork server: there is no worker of *seat*, since the system refused it with the number *error*."""

    seat: int
    error: int


class Ended(Struct, frozen=True, tag=True):
    """From the fork server: the process *pid* has ended with *status*, as ``waitpid`` has it."""

    pid: int
    status: int


class Prepare(Struct, frozen=True, tag=True):
    """Make a generation of the files, which have this *digest*."""

    digest: str


class Made(Struct, frozen=True, tag=True):
    """The answer to ``Prepare``: the *digest* that was found, or the *problem*."""

    digest: str = ""
    problem: str = ""


class Look(Struct, frozen=True, tag=True):
    """To a worker: tell what you have ``Imported``."""


class Imported(Struct, frozen=True, tag=True):
    """From a worker, before ``Ready`` and ``Made``: the *files* of its plug-ins.

    *stale* are the modules among them whose code it has, though their files hold another one now.
    """

    files: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


class Commit(Struct, frozen=True, tag=True):
    """Serve what was prepared, as the configuration of the number *generation* since the start of all."""

    generation: int


class Drop(Struct, frozen=True, tag=True):
    """Give up what was prepared."""


class Stop(Struct, frozen=True, tag=True):
    """To a worker: take no more connections and finish open requests; the second time, end at once."""


class Reopen(Struct, frozen=True, tag=True):
    """Open the file of the log again."""


class Opened(Struct, frozen=True, tag=True):
    """From a worker: it obeys orders, and serves after ``Go``."""


class Go(Struct, frozen=True, tag=True):
    """To a worker: what operators have done before was sent."""


class Ready(Struct, frozen=True, tag=True):
    """From a worker: it serves; its *actions* have a name and a summary each."""

    actions: tuple[tuple[str, str], ...] = ()


class Failed(Struct, frozen=True, tag=True):
    """From a worker: it cannot serve, for this *reason*."""

    reason: str

    @classmethod
    def by(cls, error: Exception) -> Failed:
        """Return what *error* means, which nobody has expected: a want of open files, or a fault of the program."""
        return cls(shortage_behind(error) or f"It failed by a fault of the program: {place_of(error)}")


class Beat(Struct, frozen=True, tag=True):
    """From a worker, once a second: its loop turns, and serves the configuration of the number *generation*.

    *config* is its digest, *memory* in bytes.
    """

    generation: int = 0
    config: str = ""
    in_flight: int = 0
    connections: int = 0
    memory: int = 0


class Ask(Struct, frozen=True, tag=True):
    """To a worker: what does it answer to a request for *path* at the address of administration?

    With *is_action* it is the action of this name that is run with *given*.
    """

    number: int
    path: str
    query: str = ""
    given: bytes = b""
    is_action: bool = False


class Told(Struct, frozen=True, tag=True):
    """From a worker: the answer to the ``Ask`` of this *number*, JSON in *body*; that of metrics is ``Counted``."""

    number: int
    status: int
    body: bytes
    summary: str = ""


class TakeOver(Struct, frozen=True, tag=True):
    """To a worker: another one has ended; what it had under way of what all share is yours."""


class Listen(Struct, frozen=True, tag=True):
    """To a worker: send the events that *query* asks for under this *number*."""

    number: int
    query: str


class Quit(Struct, frozen=True, tag=True):
    """To a worker: send nothing more under this *number*."""

    number: int


class Heard(Struct, frozen=True, tag=True):
    """From a worker: events, as an event stream has them, for who listens under this *number*."""

    number: int
    text: bytes


class Counted(Struct, frozen=True, tag=True):
    """From a worker: a *piece* of the text of its metrics, which ends with a line. All pieces come one after another.

    They answer the ``Ask`` of this *number*, before ``Told``; those of the number 0 come unasked, when it ends.
    """

    number: int
    piece: bytes
    is_last: bool = False


class Switched(Struct, frozen=True, tag=True):
    """Changes of switches: from a worker that received them from other machines, or to a worker."""

    changes: tuple[tuple[Target, Change], ...]


Message = (
    Spawn
    | Spawned
    | Unspawned
    | Ended
    | Prepare
    | Made
    | Look
    | Imported
    | Commit
    | Drop
    | Stop
    | Reopen
    | Opened
    | Go
    | Ready
    | Failed
    | Beat
    | Ask
    | Told
    | TakeOver
    | Listen
    | Quit
    | Heard
    | Counted
    | Switched
)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Message)


def encoded(message: Message) -> bytes:
    """Return *message* as bytes."""
    return _encoder.encode(message)


def decoded(data: bytes) -> Message:
    """Return the message that *data* is."""
    found: Message = _decoder.decode(data)
    return found
