"""The user's table of prices replaces the package's."""

from pathlib import Path

import pytest

from processing_emulator.config import Settings
from processing_emulator.domain.instance_prices import packaged_prices
from processing_emulator.errors import StartFailure
from processing_emulator.server.price_table import price_table_of


def test_without_the_setting_it_is_the_package_s() -> None:
    assert price_table_of(Settings()) is packaged_prices()


@pytest.mark.parametrize("mark", ["", "\ufeff"])  # spreadsheets put a byte order mark first
def test_table_of_the_user_replaces_it(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(f"{mark}type,usd_per_hour,region,as_of,source\nml.c5.xlarge,0.5,eu-west-1,2026-01-02,contract\n")

    table = price_table_of(Settings(instance_prices=path))

    assert {key: price.usd_per_hour for key, price in table.prices.items()} == {("ml.c5.xlarge", "eu-west-1"): 0.5}


@pytest.mark.parametrize(("body", "sentence"), [(b"type\n", "line 1: the columns"), (b"\xff\xfe", "utf-8")])
def test_a_wrong_table_stops_the_start_with_its_path(tmp_path: Path, body: bytes, sentence: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(body)

    with pytest.raises(StartFailure, match=f"the price table {path} cannot be read: .*{sentence}"):
        price_table_of(Settings(instance_prices=path))
