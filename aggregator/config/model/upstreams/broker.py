"""A message broker that background calls send to."""

from pydantic import Field

from aggregator.fields import Settings


class BrokerSettings(Settings):
    """How messages go to a broker."""

    max_length: int | None = Field(
        None,
        ge=1,
        description="Entries that each stream of a Redis keeps, about; older ones are taken away when one is added. "
        "All are kept unless it is said.",
        examples=[1_000_000],
    )
    jetstream: bool = Field(
        True,
        description="Whether a message is sent once a stream of JetStream has it; without, it goes to whoever listens "
        "to the NATS at that moment.",
    )
    exchange: str = Field(
        "",
        max_length=255,
        description="Exchange of a RabbitMQ that gets the messages, each with its routing key; the default one, whose "
        "routing keys are the names of queues, unless it is said.",
        examples=["events"],
    )
