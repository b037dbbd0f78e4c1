"""The tables of prices: the package's own, and what is wrong with a user's."""

from datetime import date

import pytest

from processing_emulator.domain.instance_prices import Price, packaged_prices, price_table
from processing_emulator.domain.instance_types import catalogue

HEAD = "type,usd_per_hour,region,as_of,source\n"


def test_every_price_of_the_package_has_a_date_and_a_source() -> None:
    prices = packaged_prices().prices

    assert {name for name, _ in prices} <= set(catalogue())
    assert all(
        price.source and price.as_of <= date(2026, 11, 27) and price.usd_per_hour > 0 for price in prices.values()
    )
    assert prices["ml.m5.xlarge", "us-east-1"].usd_per_hour == 0.23


def test_a_region_has_its_own_prices_or_those_of_us_east_1() -> None:
    table = price_table(
        HEAD
        + "ml.m5.large,0.1,us-east-1,2026-01-02,list\nml.m5.large,0.2,eu-west-1,2026-01-02,list\n"
        + "ml.m5.xlarge,0.3,us-east-1,2026-01-02,list\n"
    )

    assert table.in_region("eu-west-1") == {
        "ml.m5.large": Price(usd_per_hour=0.2, region="eu-west-1", as_of=date(2026, 1, 2), source="list")
    }
    assert {name: price.region for name, price in table.in_region("sa-east-1").items()} == {
        "ml.m5.large": "us-east-1",
        "ml.m5.xlarge": "us-east-1",
    }


def test_a_run_is_paid_by_the_second_for_each_instance() -> None:
    price = Price(usd_per_hour=3.6, region="us-east-1", as_of=date(2026, 1, 2), source="list")

    assert price.usd(9.2, instances=2) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("type,price\n", "line 1: the columns must be type,usd_per_hour,region,as_of,source"),
        ("", "line 1: the columns must be"),
        (HEAD + "ml.m5.huge,1,us-east-1,2026-01-02,list\n", "line 2: 'ml.m5.huge' is not an instance type"),
        (HEAD + "ml.m5.large,much,us-east-1,2026-01-02,list\n", "line 2: could not convert string to float: 'much'"),
        (HEAD + "ml.m5.large,-1,us-east-1,2026-01-02,list\n", "line 2: '-1' is not a price"),
        (HEAD + "ml.m5.large,nan,us-east-1,2026-01-02,list\n", "line 2: 'nan' is not a price"),
        (HEAD + "ml.m5.large,1,us-east-1,today,list\n", "line 2: Invalid isoformat string: 'today'"),
        (HEAD + "ml.m5.large,1,us-east-1\n", "line 2: it must have 5 fields"),
        (HEAD + "ml.m5.large,1,us-east-1,2026-01-02,list,more\n", "line 2: it must have 5 fields"),
        (HEAD + 2 * "ml.m5.large,1,us-east-1,2026-01-02,list\n", "line 3: a second price of ml.m5.large in us-east-1"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="line") as caught:
        price_table(text)

    assert sentence in str(caught.value)
