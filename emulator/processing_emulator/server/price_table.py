"""The prices of instance types: the user's table, or that of the package."""

from processing_emulator.config import Settings
from processing_emulator.domain.instance_prices import PriceTable, packaged_prices, price_table
from processing_emulator.errors import StartFailure


def price_table_of(settings: Settings) -> PriceTable:
    """Read it. Raises StartFailure that names the file and the line."""
    path = settings.instance_prices
    if path is None:
        return packaged_prices()
    try:
        return price_table(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise StartFailure(f"the price table {path} cannot be read: {error}") from error
