"""scripts/instance_prices.py: offer files of AWS's price list become the table."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parent.parent.parent.parent / "scripts" / "instance_prices.py"


def an_offer(*products: tuple[str, str, str, str]) -> dict[str, Any]:
    """SKU, type, component and USD of each product, in the form of an offer file."""
    return {
        "offerCode": "AmazonSageMaker",
        "version": "20261101000000",
        "publicationDate": "2026-11-01T00:00:00Z",
        "products": {
            sku: {
                "sku": sku,
                "productFamily": "ML Instance",
                "attributes": {"instanceName": name, "component": component, "regionCode": "us-east-1"},
            }
            for sku, name, component, _ in products
        },
        "terms": {
            "OnDemand": {
                sku: {f"{sku}.T": {"priceDimensions": {"D": {"unit": "Hrs", "pricePerUnit": {"USD": usd}}}}}
                for sku, _, _, usd in products
            }
        },
    }


def run(folder: Path, offer: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (folder / "index.json").write_text(json.dumps(offer))
    command = [sys.executable, str(SCRIPT), str(folder / "index.json")]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_hours_of_processing_jobs_are_taken_and_nothing_else(tmp_path: Path) -> None:
    done = run(
        tmp_path,
        an_offer(
            ("A", "ml.m5.xlarge", "Processing", "113.0678000000"),
            ("B", "ml.m5.large", "Processing", "0.1000000000"),
            ("C", "ml.m5.large", "Notebook", "0.5000000000"),
            ("D", "ml.trn1.2xlarge", "Processing", "9.0000000000"),
        ),
    )

    assert done.stdout.splitlines() == [
        "type,usd_per_hour,region,as_of,source",
        'ml.m5.large,0.1,us-east-1,2026-11-01,"AWS Price List, AmazonSageMaker 20261101000000, Processing"',
        'ml.m5.xlarge,113.0678,us-east-1,2026-11-01,"AWS Price List, AmazonSageMaker 20261101000000, Processing"',
    ]


def test_two_prices_of_one_type_are_refused(tmp_path: Path) -> None:
    done = run(tmp_path, an_offer(("A", "ml.m5.large", "Processing", "0.1"), ("B", "ml.m5.large", "Processing", "0.2")))

    assert (done.returncode, done.stdout) == (1, "")
    assert "a second price of ml.m5.large in us-east-1" in done.stderr
