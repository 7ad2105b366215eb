"""A headless Chromium that is driven over the DevTools protocol, through a pair of pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_PATIENCE = 60.0
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--mute-audio",
    "--ignore-certificate-errors", "--window-size=1280,1600",
)  # fmt: skip


_WITH_PIPES = """
import os, sys
read, write = os.dup2(int(sys.argv[1]), 50), os.dup2(int(sys.argv[2]), 51)
os.dup2(read, 3), os.dup2(write, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Has the browser find its pipes where it looks for them: it reads from descriptor 3, and writes to 4."""


class PageError(Exception):
    """A script of a page has thrown, or a command of the browser has failed."""


class Browser:
    """One browser with a profile in *folder*, for which every host is this machine, unless *hosts* says otherwise.

    What a page tells of itself (its requests, its console) is kept in *events*.
    """

    def __init__(self, folder: Path, hosts: str = "MAP * 127.0.0.1") -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        places = [str(to_browser), str(from_browser)]
        profile = [f"--user-data-dir={folder}", f"--host-resolver-rules={hosts}"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WITH_PIPES, *places, "chromium", *_FLAGS, "--remote-debugging-pipe", *profile],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._number = 0
        self._session: str | None = None
        self._profile: dict[str, Any] = {}
        self._buffer = b""
        self.events: list[dict[str, Any]] = []
        try:
            self._attach()
        except BaseException:
            self.close()
            raise

    def _attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank", **self._profile)["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def renew(self) -> None:
        """Show an empty page of a new profile: of those before neither settings nor cookies nor anything else is left."""
        self._session, left = None, self._profile
        self._profile = self.call("Target.createBrowserContext")
        if left:
            self.call("Target.disposeBrowserContext", **left)
        self.events.clear()
        self._attach()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(10)
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of a command of the DevTools protocol."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                break
            self.events.append(answer)
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self, patience: float = _PATIENCE) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser says nothing")
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise PageError("the browser has ended")
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message

    def open(self, url: str) -> None:
        """Go to *url*, and wait until it is loaded."""
        self.events.clear()
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise PageError(f"{url}: {failed}")
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def run(self, script: str) -> Any:
        """Return what the body of an async function comes to in the page; raises `PageError` for what it throws."""
        answer = self.call(
            "Runtime.evaluate", expression=f"(async () => {{ {script} }})()", awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise PageError(answer["exceptionDetails"]["exception"].get("description", "thrown"))
        return answer["result"].get("value")

    def requests(self, path: str) -> list[str]:
        """Return the method of each request for *path* since the page was opened, preflights among them."""
        asked = [event["params"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        urls = [(one["request"]["url"], one["request"]["method"]) for one in asked]
        return [method for url, method in urls if url.partition("?")[0].endswith(path)]

    def complaints(self) -> list[str]:
        """Return what the browser found wrong with the page: refused content, failed requests, scripts that threw."""
        said = [event["params"]["entry"] for event in self.events if event.get("method") == "Log.entryAdded"]
        thrown = [event for event in self.events if event.get("method") == "Runtime.exceptionThrown"]
        return [entry["text"] for entry in said if entry["level"] in ("error", "warning")] + [
            str(one) for one in thrown
        ]

    def picture(self, file: Path) -> None:
        """Write what the page looks like into *file*, as PNG."""
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
