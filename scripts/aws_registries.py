"""Prints the table of AWS's own registries, `domain/aws_registries.csv`, from data files of the SageMaker Python SDK.

Usage: python scripts/aws_registries.py FOLDER...       (each a folder `image_uri_config` of an installed SDK)
"""

import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FRAMEWORKS = ("sklearn", "spark", "xgboost", "pytorch", "tensorflow", "huggingface")

HEAD = """\
# The accounts of AWS whose private registries hold the framework images, by repository and region.
# Source: the files image_uri_config/*.json of the SageMaker Python SDK 2 and 3, by scripts/aws_registries.py.
"""


def rows(document: Any) -> Iterator[tuple[str, str, str]]:
    """Repository, region and account of every version in one file, wherever it is in the document."""
    if not isinstance(document, dict):
        return
    if "registries" in document and "repository" in document:
        for region, account in document["registries"].items():
            yield document["repository"], region, account
    for value in document.values():
        yield from rows(value)


def main() -> None:
    """Print the table, sorted."""
    found: set[tuple[str, str, str]] = set()
    for folder in sys.argv[1:]:
        for framework in FRAMEWORKS:
            found.update(rows(json.loads((Path(folder) / f"{framework}.json").read_text())))
    sys.stdout.write(HEAD)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("repository", "region", "account"))
    writer.writerows(sorted(found))


if __name__ == "__main__":
    main()
