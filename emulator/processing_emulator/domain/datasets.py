"""Inputs that are the result of a query: DatasetDefinition (spec 3.5), and the tables that queries may name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from processing_emulator.domain.s3_uri import S3Uri, parse_s3_uri
from processing_emulator.errors import Unsupported

REDSHIFT_SCHEMA = "public"
"""Where Redshift looks for a table without a schema."""


class TableFormat(StrEnum):
    """The form of a table's objects."""

    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueTable:
    """One table: all objects below a prefix. `delimiter` and `header` are those of CSV."""

    database: str
    name: str
    uri: S3Uri
    format: TableFormat
    delimiter: str = ","
    header: bool = True


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All tables that queries may name; names are compared without case, as Athena and Redshift do."""

    tables: Sequence[CatalogueTable] = ()

    def has_database(self, database: str) -> bool:
        """Whether any table belongs to it."""
        return any(table.database.lower() == database.lower() for table in self.tables)

    def find(self, database: str, name: str) -> CatalogueTable | None:
        """The table of that name."""
        wanted = (database.lower(), name.lower())
        return next((table for table in self.tables if (table.database.lower(), table.name.lower()) == wanted), None)

    @property
    def names(self) -> str:
        """All tables, for a sentence."""
        return ", ".join(f"{table.database}.{table.name}" for table in self.tables) or "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetQuery:
    """A query whose result is an input. `uri`: the prefix of the result's objects, `OutputS3Uri/JOB/data` (P-D08).

    A table without a database is one of `database`. `schema` is Redshift's level between database and table.
    """

    service: str
    catalog: str
    database: str
    schema: str | None
    query: str
    uri: S3Uri
    suffix: str
    copy_options: str

    def keys(self, hosts: int) -> tuple[str, ...]:
        """One object for each host of the job, so that a sharded result is shared out."""
        return tuple(f"{self.uri.key}/{number:06d}_0{self.suffix}" for number in range(hosts))


_CSV_OF_ATHENA = r"FORMAT csv, HEADER false, DELIMITER '\1'".replace(r"\1", "\x01")
_CSV_OF_REDSHIFT = "FORMAT csv, HEADER false"

_FORMS: Mapping[tuple[str, str, str | None], tuple[str, str]] = MappingProxyType(
    {
        ("Athena", "PARQUET", None): (".parquet", "FORMAT parquet, COMPRESSION gzip"),
        ("Athena", "PARQUET", "GZIP"): (".parquet", "FORMAT parquet, COMPRESSION gzip"),
        ("Athena", "PARQUET", "SNAPPY"): (".parquet", "FORMAT parquet, COMPRESSION snappy"),
        ("Athena", "JSON", None): (".json.gz", "FORMAT json, COMPRESSION gzip"),
        ("Athena", "JSON", "GZIP"): (".json.gz", "FORMAT json, COMPRESSION gzip"),
        ("Athena", "TEXTFILE", None): (".gz", f"{_CSV_OF_ATHENA}, COMPRESSION gzip"),
        ("Athena", "TEXTFILE", "GZIP"): (".gz", f"{_CSV_OF_ATHENA}, COMPRESSION gzip"),
        ("Redshift", "PARQUET", None): (".parquet", "FORMAT parquet, COMPRESSION snappy"),
        ("Redshift", "PARQUET", "None"): (".parquet", "FORMAT parquet, COMPRESSION uncompressed"),
        ("Redshift", "PARQUET", "SNAPPY"): (".parquet", "FORMAT parquet, COMPRESSION snappy"),
        ("Redshift", "PARQUET", "GZIP"): (".parquet", "FORMAT parquet, COMPRESSION gzip"),
        ("Redshift", "PARQUET", "ZSTD"): (".parquet", "FORMAT parquet, COMPRESSION zstd"),
        ("Redshift", "CSV", None): (".csv", _CSV_OF_REDSHIFT),
        ("Redshift", "CSV", "None"): (".csv", _CSV_OF_REDSHIFT),
        ("Redshift", "CSV", "GZIP"): (".csv.gz", f"{_CSV_OF_REDSHIFT}, COMPRESSION gzip"),
        ("Redshift", "CSV", "ZSTD"): (".csv.zst", f"{_CSV_OF_REDSHIFT}, COMPRESSION zstd"),
    }
)
"""Service, OutputFormat and OutputCompression: how the objects' names end, and DuckDB's options of COPY.

Athena's UNLOAD compresses with GZIP unless told otherwise, and separates the fields of a TEXTFILE by the character 1.
"""


def dataset_query(name: str, definition: Mapping[str, Any], job_name: str) -> DatasetQuery:
    """Read the DatasetDefinition of an input. Raises Unsupported for what cannot be written, or is no S3 URI."""
    service = "Athena" if "AthenaDatasetDefinition" in definition else "Redshift"
    query = definition[f"{service}DatasetDefinition"]
    file_format, compression = query["OutputFormat"], query.get("OutputCompression")
    form = _FORMS.get((service, file_format, compression))
    if form is None:
        served = ", ".join(" ".join(filter(None, key[1:])) for key in _FORMS if key[0] == service)
        asked = " ".join(filter(None, (file_format, compression)))
        raise Unsupported(
            f"Input {name}: the {service} output format {asked} is not supported by the emulator; these are: {served}"
        )
    target = parse_s3_uri(query["OutputS3Uri"])
    prefix = "/".join(filter(None, (target.key.rstrip("/"), job_name, "data")))
    return DatasetQuery(
        service=service,
        catalog=query["Catalog"] if service == "Athena" else query["Database"],
        database=query["Database"],
        schema=REDSHIFT_SCHEMA if service == "Redshift" else None,
        query=query["QueryString"],
        uri=S3Uri(target.bucket, prefix),
        suffix=form[0],
        copy_options=form[1],
    )
