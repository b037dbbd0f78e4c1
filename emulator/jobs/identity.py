"""The account and region that a request without credentials speaks for."""

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
