"""What all tables share: the metadata they belong to, the version of the schema, and types that differ by database."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table

SCHEMA_VERSION = 1
"""Stays 1 until the first release; migrations begin there."""

metadata = MetaData()

# SQLite generates ids only in a column of type INTEGER. Names sort by code point in every database.
Id = BigInteger().with_variant(Integer, "sqlite")
Name = String().with_variant(String(collation="C"), "postgresql")

emulator_schema = Table("emulator_schema", metadata, Column("version", Integer, nullable=False))
"""One row. Databases from before the count of versions began again have a table `schema_version` instead."""
