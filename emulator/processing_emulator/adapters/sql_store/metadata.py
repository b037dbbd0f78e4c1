"""What all tables share: the metadata they belong to, the version of the schema, and types that differ by database."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table

SCHEMA_VERSION = 4
"""Counts up with every change of this module that a database made before would notice."""

metadata = MetaData()

# SQLite counts up only in a column that is called INTEGER; names sort by code point everywhere.
Id = BigInteger().with_variant(Integer, "sqlite")
Name = String().with_variant(String(collation="C"), "postgresql")

schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))
