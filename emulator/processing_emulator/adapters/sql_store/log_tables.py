"""The table of log lines."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Integer, LargeBinary, Table

from processing_emulator.adapters.sql_store.metadata import Id, metadata

log_chunks = Table(
    "log_chunks",
    metadata,
    Column("job_id", Id, primary_key=True),
    Column("instance_index", Integer, primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("line_count", Integer, nullable=False),
    Column("min_at_ms", BigInteger, nullable=False),
    Column("max_at_ms", BigInteger, nullable=False),
    Column("raw_bytes", Integer, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    ForeignKeyConstraint(["job_id", "instance_index"], ["instances.job_id", "instances.instance_index"]),
)
