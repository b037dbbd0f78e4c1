"""The tables of EventBridge's rules, and of deliveries."""

from sqlalchemy import JSON, BigInteger, Column, String, Table

from processing_emulator.adapters.sql_store.metadata import Name, metadata

event_rules = Table(
    "event_rules",
    metadata,
    Column("account", String, primary_key=True),
    Column("region", String, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("request", JSON, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("targets", JSON, nullable=False),
)

event_deliveries = Table(
    "event_deliveries",
    metadata,
    Column("destination", String, primary_key=True),
    Column("place", BigInteger, nullable=False),
)
"""How far each destination is in the feed of events. A reset keeps it."""
