"""Prints the table of prices of processing jobs, `domain/instance_prices.csv`, from an offer file of AWS's price list.

Usage: python scripts/instance_prices.py FILE...       (each the `index.json` of a region of the offer AmazonSageMaker)

docs/right-sizing.md says where the files are. Types that processing jobs cannot ask for are left out.
"""

import csv
import io
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from processing_emulator.domain.instance_prices import COLUMNS, price_table
from processing_emulator.domain.instance_types import catalogue

COMPONENT = "Processing"


def rows(offer: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """The rows of one offer file: what is paid for an hour of an instance, without reservations or plans."""
    as_of, source = offer["publicationDate"][:10], f"AWS Price List, AmazonSageMaker {offer['version']}, Processing"
    for sku, product in offer["products"].items():
        attributes = product["attributes"]
        name = attributes.get("instanceName", "")
        if attributes.get("component") != COMPONENT or name not in catalogue():
            continue
        for usd in sorted(set(_hourly_usd(offer["terms"]["OnDemand"].get(sku, {})))):
            yield name, usd, attributes["regionCode"], as_of, source


def _hourly_usd(terms: dict[str, Any]) -> Iterator[str]:
    for term in terms.values():
        for dimension in term["priceDimensions"].values():
            if dimension["unit"] in ("Hrs", "Hours"):
                yield f"{Decimal(dimension['pricePerUnit']['USD']).normalize():f}"


def main() -> None:
    """Print the table, sorted; a type with two prices in a region is a mistake."""
    found = {row for name in sys.argv[1:] for row in rows(json.loads(Path(name).read_text(encoding="utf-8")))}
    order = list(catalogue())
    table = sorted(found, key=lambda row: (row[2], order.index(row[0])))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(table)
    try:
        price_table(text.getvalue())
    except ValueError as error:
        sys.exit(f"These files do not make a table: {error}")
    sys.stdout.write(text.getvalue())


if __name__ == "__main__":
    main()
