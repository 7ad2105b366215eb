"""The article's code with aiohttp's client in place of httpx: one shared session, ``asyncio.gather``."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from fastapi import FastAPI, HTTPException, Request

USERS, ORDERS, NOTIFICATIONS = UPSTREAMS = os.environ["UPSTREAMS"].split(",")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    ca = os.environ.get("UPSTREAM_CA")
    connector = aiohttp.TCPConnector(
        limit=int(os.environ["MAX_CONNECTIONS"]),
        ssl=ssl.create_default_context(cafile=ca) if ca else True,
    )
    timeout = aiohttp.ClientTimeout(total=10.0, connect=5.0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        app.state.session = session
        yield


app = FastAPI(lifespan=lifespan)


async def read(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as response:
        response.raise_for_status()
        return await response.json()


async def gather(request: Request, **urls: str) -> dict[str, Any]:
    session = request.app.state.session
    try:
        bodies = await asyncio.gather(*(read(session, url) for url in urls.values()))
    except TimeoutError:
        raise HTTPException(504, detail="The upstream service took too long to respond") from None
    except aiohttp.ClientError as error:
        raise HTTPException(502, detail=f"Upstream service error: {error}") from None
    return dict(zip(urls, bodies, strict=True))


@app.get("/user/{user_id}")
async def get_user(user_id: int, request: Request) -> Any:
    return (await gather(request, user=f"{USERS}/users/{user_id}"))["user"]


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
