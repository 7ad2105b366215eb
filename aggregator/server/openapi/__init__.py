"""What the declared endpoints are, as an OpenAPI 3.1.0 document, worked out from the plan alone.

``build_openapi(plan)`` gives the document; ``server.docs`` serves it. Every status that an endpoint can answer with
is in it, computed from its calls and their status maps. Addresses, headers and secrets of upstreams are not.
"""

from __future__ import annotations

from aggregator.server.openapi.document import build_openapi

__all__ = ["build_openapi"]
