"""A local emulator of Amazon SageMaker Processing."""

__version__ = "0.1.0"
