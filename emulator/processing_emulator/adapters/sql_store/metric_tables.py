"""The tables of CloudWatch's metrics: their names, what was measured by the second, and sums by the minute."""

from sqlalchemy import JSON, BigInteger, Column, Double, ForeignKey, Index, String, Table, UniqueConstraint

from processing_emulator.adapters.sql_store.metadata import Id, Name, metadata

metrics = Table(
    "metrics",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account", String, nullable=False),
    Column("region", String, nullable=False),
    Column("namespace", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("dimensions", Name, nullable=False),  # MetricKey.dimensions_text
    Column("last_minute_s", BigInteger, nullable=False),
    UniqueConstraint("account", "region", "namespace", "name", "dimensions"),
    sqlite_autoincrement=True,  # page tokens name the id
)

metric_dimensions = Table(
    # The same dimensions as rows, so that the metrics of one host are found.
    "metric_dimensions",
    metadata,
    Column("metric_id", Id, ForeignKey("metrics.id"), primary_key=True, autoincrement=False),
    Column("name", Name, primary_key=True),
    Column("value", Name, nullable=False),
    Index("metric_dimensions_by_value", "name", "value", "metric_id"),
    sqlite_with_rowid=False,
)

metric_seconds = Table(
    # One row for each datum, as it came. `value_weights` is NULL for one value, which is `total`, and where the values
    # are not known, which is where `samples` is not 1.
    "metric_seconds",
    metadata,
    Column("id", Id, primary_key=True),
    Column("metric_id", Id, ForeignKey("metrics.id"), nullable=False),
    Column("at_s", BigInteger, nullable=False),
    Column("unit", String, nullable=False),
    Column("samples", Double, nullable=False),
    Column("total", Double, nullable=False),
    Column("minimum", Double, nullable=False),
    Column("maximum", Double, nullable=False),
    Column("value_weights", JSON(none_as_null=True)),
    Index("metric_seconds_by_metric", "metric_id", "at_s"),
    Index("metric_seconds_by_age", "at_s"),
)

metric_minutes = Table(
    "metric_minutes",
    metadata,
    Column("metric_id", Id, ForeignKey("metrics.id"), primary_key=True, autoincrement=False),
    Column("at_s", BigInteger, primary_key=True),
    Column("unit", String, primary_key=True),
    Column("samples", Double, nullable=False),
    Column("total", Double, nullable=False),
    Column("minimum", Double, nullable=False),
    Column("maximum", Double, nullable=False),
    Index("metric_minutes_by_age", "at_s"),
    sqlite_with_rowid=False,
)
