"""The bundled demo upstream: eight small services with believable data, in-process and offline.

``demo://shop`` in a configuration means the service ``shop``; ``SERVICES`` names them all for checks,
``demo_target`` gives the path prefix of one, and ``aggregator.demo.server.DemoServer`` answers.
"""

from __future__ import annotations

from aggregator.demo.directory import SERVICES, demo_target

__all__ = ["SERVICES", "demo_target"]
