"""The table of CloudWatch's alarms."""

from sqlalchemy import JSON, BigInteger, Column, String, Table

from processing_emulator.adapters.sql_store.metadata import Name, metadata

metric_alarms = Table(
    "metric_alarms",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("request", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("updated_at_ms", BigInteger, nullable=False),
)
