"""Limits of the phases of a call: the nearest of upstream, defaults and client that says one."""

from __future__ import annotations

from pathlib import Path

from aggregator.config.loading import load_config
from aggregator.plan.compiler import compile_plan
from aggregator.transport import Timeouts


def test_the_nearest_limit_of_a_phase_counts(tmp_path: Path) -> None:
    """An upstream's own limit, then that of ``defaults``, then that of ``client``; each phase by itself."""
    file = tmp_path / "routes.yaml"
    file.write_text(
        "version: 1\n"
        "client: {timeout: {total: 10s, connect: 5s, write: 3s}}\n"
        "defaults: {timeout: {connect: 2s, read: 4s}}\n"
        "upstreams: {a: {url: http://a.test, timeout: {connect: 1s}}, b: {url: http://b.test}}\n"
        "endpoints: {GET /a: {call: a:/}, GET /b: {call: b:/}}\n"
    )
    a, b = (upstream.pool.timeouts for upstream in compile_plan(load_config(file, {})).upstreams)
    assert a == Timeouts(connect=1.0, read=4.0, write=3.0)
    assert b == Timeouts(connect=2.0, read=4.0, write=3.0)
