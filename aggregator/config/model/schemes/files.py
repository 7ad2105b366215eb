"""Files that schemes read."""

from pydantic import Field

from aggregator.fields import Settings


class FileSettings(Settings):
    """A file that is read when the configuration is, and watched with it."""

    file: str = Field(description="Path, from the folder of this file.", examples=["secrets/partners.yaml"])
