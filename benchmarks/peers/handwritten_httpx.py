"""The article's FastAPI + httpx code: one shared client, ``asyncio.gather``, its error handling.

Serves with httpx, or with httpx2 when ``CLIENT=httpx2``; limits come from the environment.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request

httpx = importlib.import_module(os.environ.get("CLIENT", "httpx"))
USERS, ORDERS, NOTIFICATIONS = UPSTREAMS = os.environ["UPSTREAMS"].split(",")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    ca = os.environ.get("UPSTREAM_CA")
    app.state.http_client = httpx.AsyncClient(
        timeout=httpx.Timeout(10.0, connect=5.0),
        limits=httpx.Limits(
            max_connections=int(os.environ["MAX_CONNECTIONS"]),
            max_keepalive_connections=int(os.environ["MAX_KEEPALIVE"]),
        ),
        verify=ssl.create_default_context(cafile=ca) if ca else True,
    )
    yield
    await app.state.http_client.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/user/{user_id}")
async def get_user(user_id: int, request: Request) -> Any:
    client = request.app.state.http_client
    try:
        response = await client.get(f"{USERS}/users/{user_id}")
        response.raise_for_status()
        return response.json()
    except httpx.TimeoutException:
        raise HTTPException(504, detail="The upstream service took too long to respond") from None
    except httpx.HTTPStatusError as error:
        if error.response.status_code == 404:
            raise HTTPException(404, detail="User not found") from None
        raise HTTPException(502, detail=f"Upstream returned {error.response.status_code}") from None
    except httpx.RequestError as error:
        raise HTTPException(502, detail=f"Could not reach upstream service: {error}") from None


async def gather(request: Request, **urls: str) -> dict[str, Any]:
    client = request.app.state.http_client
    try:
        responses = await asyncio.gather(*(client.get(url) for url in urls.values()))
    except httpx.RequestError as error:
        raise HTTPException(502, detail=f"Upstream service error: {error}") from None
    return {name: response.json() for name, response in zip(urls, responses, strict=True)}


@app.get("/dashboard/{user_id}")
async def get_dashboard(user_id: int, request: Request) -> Any:
    return await gather(
        request,
        profile=f"{USERS}/users/{user_id}",
        orders=f"{ORDERS}/users/{user_id}/orders?limit=5",
        notification_count=f"{NOTIFICATIONS}/users/{user_id}/notifications/count",
    )


@app.get("/wide/{user_id}")
async def get_wide(user_id: int, request: Request) -> Any:
    items = {f"item_{n}": f"{UPSTREAMS[n % 3]}/users/{user_id}/items/{n}" for n in range(1, 21)}
    return await gather(request, **items)


@app.get("/large/{user_id}")
async def get_large(user_id: int, request: Request) -> Any:
    return await gather(
        request,
        first=f"{USERS}/large/first.json",
        second=f"{ORDERS}/large/second.json",
        third=f"{NOTIFICATIONS}/large/third.json",
    )
