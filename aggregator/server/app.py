"""Where servers find the factory that are told of no package: ``aggregator.server.app:create_app``."""

from __future__ import annotations

from aggregator.server.application.app import create_app

__all__ = ["create_app"]
