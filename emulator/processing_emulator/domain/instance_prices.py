"""What an hour of an instance type costs for processing jobs: a dated table, the package's own or the user's."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from math import ceil, isfinite

from processing_emulator.domain.instance_types import catalogue

COLUMNS = ("type", "usd_per_hour", "region", "as_of", "source")

BASE_REGION = "us-east-1"
"""Whose prices stand in for those of a region that the table does not have."""

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """USD for an hour of one instance, in a region, on a day, and who says so."""

    usd_per_hour: float
    region: str
    as_of: date
    source: str

    def usd(self, seconds: float, instances: int) -> float:
        """For a run of several instances; a second that has begun counts whole."""
        return self.usd_per_hour * instances * ceil(seconds) / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """Prices by instance type and region."""

    prices: Mapping[tuple[str, str], Price]

    def in_region(self, region: str) -> Mapping[str, Price]:
        """By instance type: those of a region, or of us-east-1 when the table has none of it. Never mixed."""
        known = region if any(where == region for _, where in self.prices) else BASE_REGION
        return {name: price for (name, where), price in self.prices.items() if where == known}


def price_table(text: str) -> PriceTable:
    """The table of a CSV text. Raises ValueError that names the line."""
    reader = csv.DictReader(text.splitlines(), strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"line 1: the columns must be {','.join(COLUMNS)}")
    found: dict[tuple[str, str], Price] = {}
    for key, price in _rows(reader):
        if key in found:
            raise ValueError(f"line {reader.line_num}: a second price of {key[0]} in {key[1]}")
        found[key] = price
    return PriceTable(prices=found)


@cache
def packaged_prices() -> PriceTable:
    """The table of the package."""
    text = resources.files("processing_emulator.domain").joinpath("instance_prices.csv").read_text(encoding="utf-8")
    return price_table(text)


def _rows(reader: "csv.DictReader[str]") -> Iterator[tuple[tuple[str, str], Price]]:
    try:
        for row in reader:
            yield (row["type"], row["region"]), _price(row)
    except (ValueError, csv.Error) as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error


def _price(row: Mapping[str, str | None]) -> Price:
    if None in row or None in row.values():
        raise ValueError(f"it must have {len(COLUMNS)} fields")
    if row["type"] not in catalogue():
        raise ValueError(f"{row['type']!r} is not an instance type of processing jobs")
    usd_per_hour = float(row["usd_per_hour"] or "nan")
    if not isfinite(usd_per_hour) or usd_per_hour < 0:
        raise ValueError(f"{row['usd_per_hour']!r} is not a price")
    return Price(
        usd_per_hour=usd_per_hour,
        region=row["region"] or "",
        as_of=date.fromisoformat(row["as_of"] or ""),
        source=row["source"] or "",
    )
