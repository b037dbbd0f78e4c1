"""The table of resource samples."""

from sqlalchemy import BigInteger, Column, Double, ForeignKeyConstraint, SmallInteger, Table

from processing_emulator.adapters.sql_store.metadata import Id, metadata

usage_samples = Table(
    "usage_samples",
    metadata,
    Column("job_id", Id, primary_key=True),
    Column("instance_index", SmallInteger, primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("cpu_percent", Double, nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("gpu_percent", Double),
    Column("gpu_memory_percent", Double),
    ForeignKeyConstraint(["job_id", "instance_index"], ["instances.job_id", "instances.instance_index"]),
    sqlite_with_rowid=False,
)
