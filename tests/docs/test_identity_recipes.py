"""The recipes with tokens keep their word, before an issuer and upstreams of our own."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from issuing import Issuer
from joserfc import jws
from joserfc.jwk import ECKey, KeySet
from tries import Try, ask, check, recipes_in, tries

from aggregator.server.application.app import create_app
from aggregator.server.once.checking import check_file

PAGE = Path(__file__).parents[2] / "docs/cookbook/identity.md"
PLACE = "https://id.example.com"


class World:
    """An issuer that signs tokens of callers and gives out others, and upstreams that say what they were sent."""

    def __init__(self) -> None:
        self.issuer = Issuer()
        self.key = ECKey.generate_key("P-256", {"kid": "1", "use": "sig"})
        self.tokens = {name: self.token(name) for name in ("ADA", "BOB")}

    def token(self, subject: str) -> str:
        """Return a token of *subject*."""
        claims = {"iss": PLACE, "aud": "shop", "sub": subject.lower(), "exp": time.time() + 300}
        return jws.serialize_compact({"alg": "ES256", "kid": "1"}, json.dumps(claims), self.key)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer for everybody."""
        if request.url.host != "id.example.com":
            sent = {"path": request.url.path, "authorization": request.headers.get("authorization")}
            return httpx.Response(200, json=sent)
        if request.url.path == "/token":
            return await self.issuer(request)
        if request.url.path == "/keys":
            return httpx.Response(200, json=KeySet([self.key]).as_dict(private=False))
        return httpx.Response(200, json={"issuer": PLACE, "jwks_uri": f"{PLACE}/keys"})

    def filled(self, text: str) -> str:
        """Return *text* with the tokens that it speaks of."""
        for name, token in self.tokens.items():
            text = text.replace(f"TOKEN-OF-{name}", token)
        return text

    def with_tokens(self, wanted: Try) -> Try:
        """Return *wanted* with the tokens that it speaks of."""
        headers = {name: self.filled(value) for name, value in wanted.headers.items()}
        return wanted._replace(headers=headers, fragment=json.loads(self.filled(json.dumps(wanted.fragment))))


@pytest.mark.parametrize(("title", "text"), recipes_in(PAGE), ids=lambda value: value[:40])
def test_a_recipe_with_tokens_answers_as_it_says(title: str, text: str, tmp_path: Path) -> None:
    """Each file has no problem, and every request to try gets its status and its fragment."""
    file, world = tmp_path / "routes.yaml", World()
    for name, beside in re.findall(r"^```yaml (\S+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        (tmp_path / name).write_text(beside, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    file.write_text(text, encoding="utf-8")
    assert [problem.message for problem in check_file(str(file), {}).diagnostics] == []
    wanted = list(tries(text))
    assert wanted, f"nothing to try in {title}"
    app = create_app(file, env={}, transport=httpx.MockTransport(world))
    with TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 1)) as api:
        for one in wanted:
            check(ask(api, world.with_tokens(one)), world.with_tokens(one))
