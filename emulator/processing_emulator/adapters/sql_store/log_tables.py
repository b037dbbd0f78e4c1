"""The tables of CloudWatch Logs: groups, their streams, and the events of a stream in packed chunks."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from processing_emulator.adapters.sql_store.metadata import Id, Name, metadata

log_groups = Table(
    "log_groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("name", Name, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("log_class", String, nullable=False),
    Column("retention_days", Integer),
    Column("tags", JSON, nullable=False),
    UniqueConstraint("account", "region", "name"),
)

log_streams = Table(
    "log_streams",
    metadata,
    Column("id", Id, primary_key=True),
    Column("group_id", Id, ForeignKey("log_groups.id"), nullable=False),
    Column("name", Name, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("first_event_at_ms", BigInteger, nullable=False),
    Column("last_event_at_ms", BigInteger, nullable=False),
    Column("last_ingested_at_ms", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("next_seq", BigInteger, nullable=False),
    # The instance whose output this is; streams that clients create have none.
    Column("job_id", Id),
    Column("instance_index", Integer),
    UniqueConstraint("group_id", "name"),
    UniqueConstraint("job_id", "instance_index"),
    ForeignKeyConstraint(["job_id", "instance_index"], ["instances.job_id", "instances.instance_index"]),
    sqlite_autoincrement=True,  # page tokens name the id, so it is never given to another stream
)
Index("log_streams_by_time", log_streams.c.group_id, log_streams.c.last_event_at_ms, log_streams.c.name)

log_chunks = Table(
    "log_chunks",
    metadata,
    Column("stream_id", Id, ForeignKey("log_streams.id"), primary_key=True, autoincrement=False),
    Column("first_seq", BigInteger, primary_key=True),
    Column("event_count", Integer, nullable=False),
    Column("first_at_ms", BigInteger, nullable=False),
    Column("last_at_ms", BigInteger, nullable=False),
    Column("raw_bytes", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)
# Times never go back within a stream, so this finds the chunk of a moment.
Index("log_chunks_by_time", log_chunks.c.stream_id, log_chunks.c.last_at_ms, log_chunks.c.first_seq)
