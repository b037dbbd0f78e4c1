"""Accounts and regions: which one a request speaks for."""

import re

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"

_ACCOUNT = re.compile(r"[0-9]{12}")


def account_of(access_key: str) -> str:
    """A 12-digit access key is the account; any other speaks for the default one."""
    return access_key if _ACCOUNT.fullmatch(access_key) else DEFAULT_ACCOUNT
