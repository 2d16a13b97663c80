"""How far each subscriber of a webhook has come, in the catalogue."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from hub.log import Log, publications

metadata = sa.MetaData()
subscribers = sa.Table(
    "webhooks",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("cursor", sa.Integer, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("delivered", sa.String),
    sa.Column("failing_since", sa.String),
    sa.Column("next_try", sa.String),
    sa.Column("error", sa.Text),
    sa.Column("stopped", sa.String),
)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """How far a subscriber has come.

    Attributes:
        name: its name in the settings.
        cursor: number of the last change that it has taken, or did not ask for.
        tries: how often in a row it has not taken one.
        delivered: ISO 8601 time at which it last took one, or None.
        failing_since: ISO 8601 time since which it takes none, or None.
        next_try: ISO 8601 time before which it is not tried again, or None.
        error: why it did not take the last one, or None.
        stopped: ISO 8601 time since which it is not tried any more, or None.
    """

    name: str
    cursor: int
    tries: int = 0
    delivered: str | None = None
    failing_since: str | None = None
    next_try: str | None = None
    error: str | None = None
    stopped: str | None = None


class Subscribers:
    """The subscribers that a catalogue knows.

    Raises:
        StoreError: the catalogue cannot hold them.
    """

    def __init__(self, log: Log) -> None:
        log.add_tables(metadata, "webhooks")
        self._engine = log.engine

    def get(self, name: str, served: int) -> Subscriber:
        """Return how far a subscriber has come; a new one begins with what was published last.

        Args:
            name: of the subscriber.
            served: the last sequence number that readers can see.
        """
        own = sa.select(subscribers).where(subscribers.c.name == name)
        before = sa.select(sa.func.max(publications.c.sequence)).where(publications.c.sequence < served)
        with self._engine.connect() as db:
            row = db.execute(own).one_or_none()
            return Subscriber(*row) if row else Subscriber(name, int(db.scalar(before) or 0))

    def put(self, subscriber: Subscriber) -> None:
        """Remember how far a subscriber has come."""
        with self._engine.begin() as db:
            db.execute(sa.delete(subscribers).where(subscribers.c.name == subscriber.name))
            db.execute(sa.insert(subscribers).values(asdict(subscriber)))
