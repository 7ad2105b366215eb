"""Another host that is served, with endpoints of its own."""

from pydantic import Field

from aggregator.config.model.endpoint import EndpointSettings
from aggregator.fields import Settings


class VirtualHostSettings(Settings):
    """A host by its name; a request for it never comes to the endpoints of another."""

    endpoints: dict[str, EndpointSettings] = Field(
        description="Endpoints of this host by method and path, as in `endpoints` at the top level.",
        examples=[{"GET /stats": {"call": "users:/stats"}}],
    )
