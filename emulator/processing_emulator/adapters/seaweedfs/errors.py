"""What can go wrong with the embedded store's process."""

from processing_emulator.errors import EmulatorError


class EmbeddedStoreFailed(EmulatorError):
    """The embedded store did not start; the text says why, with the last lines of its log."""
