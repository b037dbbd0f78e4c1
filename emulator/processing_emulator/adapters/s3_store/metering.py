"""The meter of a transfer whose progress is not reported."""


class Unmetered:
    """Implements `ports.TransferMeter` and counts nothing."""

    def add(self, *, objects: int = 0, size_bytes: int = 0) -> None:
        """See the port."""
