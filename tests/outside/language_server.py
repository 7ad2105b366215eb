"""A client of yaml-language-server: what an editor shows for a file, asked over the Language Server Protocol."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

Message = dict[str, Any]


class LanguageServer:
    """One ``yaml-language-server --stdio`` with the schema of this project for every file that it is shown.

    Lines and columns count from 0, as the protocol has them.
    """

    def __init__(self, command: list[str], schema: Path) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._settings = {
            "yaml": {
                "schemas": {schema.as_uri(): "*.yaml"},
                "validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False},
            },
            "[yaml]": {}, "editor": {}, "files": {}, "http": {},
        }  # fmt: skip
        self._number = 0
        self._diagnostics: dict[str, list[Message]] = {}
        documents = {"completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}}}
        workspace = {"configuration": True, "didChangeConfiguration": {"dynamicRegistration": True}}
        self._ask("initialize", {
            "processId": None, "rootUri": None, "capabilities": {"textDocument": documents, "workspace": workspace},
        })  # fmt: skip
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": self._settings})

    def __enter__(self) -> LanguageServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def open(self, name: str, text: str) -> list[Message]:
        """Return the diagnostics of a file at *name* that says *text*."""
        uri = f"file://{name}"
        self._tell("textDocument/didOpen", {
            "textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text},
        })  # fmt: skip
        while uri not in self._diagnostics:
            self._take(self._read())
        return self._diagnostics.pop(uri)

    def complete(self, name: str, line: int, column: int) -> list[Message]:
        """Return what is offered at a position of the open file *name*."""
        found = self._ask("textDocument/completion", _position(name, line, column))
        return found["items"] if isinstance(found, dict) else found or []

    def hover(self, name: str, line: int, column: int) -> str:
        """Return the text that is shown above a position of the open file *name*; empty for none."""
        found = self._ask("textDocument/hover", _position(name, line, column))
        return found["contents"]["value"] if found else ""

    def _ask(self, method: str, params: Message) -> Any:
        self._number += 1
        number = self._number
        self._write({"id": number, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == number and "method" not in message:
                return message.get("result")
            self._take(message)

    def _tell(self, method: str, params: Message) -> None:
        self._write({"method": method, "params": params})

    def _take(self, message: Message) -> None:
        method = message.get("method")
        if method == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and method is not None:
            asked = message.get("params", {}).get("items", [])
            result = [self._settings.get(item.get("section")) for item in asked] if asked else None
            self._write({"id": message["id"], "result": result})

    def _write(self, message: Message) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> Message:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) or not length:
            assert line or self._process.poll() is None, "the language server has ended"
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(self._process.stdout.read(length))


def _position(name: str, line: int, column: int) -> Message:
    uri = f"file://{name}"
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
