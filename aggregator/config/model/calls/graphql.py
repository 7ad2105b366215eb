"""Operations of GraphQL."""

from typing import Annotated, Any

from pydantic import Field

from aggregator.fields import Settings, TextKind


class GraphqlSettings(Settings):
    """A GraphQL operation; `errors` in the answer are a failure of the call."""

    query: str = Field(description="The operation; it is sent as it stands, values go into `variables`.")
    variables: Annotated[dict[str, Any], TextKind.TEMPLATE] = Field(
        default_factory=dict, description="Variables; may hold expressions."
    )
    operation: str | None = Field(None, description="operationName, if the text holds several.")
    partial: bool = Field(False, description="Take `data` although `errors` came with it.")
