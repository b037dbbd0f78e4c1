"""Temporary credentials: made, read again, and not to be forged."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_emulator.aws.signatures.session_tokens import BadToken, RoleSession, SessionTokenIssuer
from processing_emulator.domain.container_contract import TemporaryKeys

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
ISSUER = SessionTokenIssuer(b"one secret")


def issued(issuer: SessionTokenIssuer = ISSUER, account: str = "111122223333") -> TemporaryKeys:
    return issuer.issue(account=account, role="Role", session="me@work", now=NOW, lifetime_seconds=900)


def test_what_was_made_is_read_again() -> None:
    keys = issued()

    session, secret = ISSUER.open(keys.access_key, keys.session_token)

    expires_at = datetime(2026, 1, 2, 3, 19, 5, tzinfo=UTC)
    assert session == RoleSession(account="111122223333", role="Role", session="me@work", expires_at=expires_at)
    assert session.arn == "arn:aws:sts::111122223333:assumed-role/Role/me@work"
    assert (secret, keys.expires_at) == (keys.secret_key, expires_at)


def test_another_life_of_the_emulator_reads_it_too() -> None:
    keys = issued()

    assert SessionTokenIssuer(b"one secret").open(keys.access_key, keys.session_token)[1] == keys.secret_key


@given(number=st.integers(0, 10**12 - 1))
def test_an_access_key_tells_its_account_and_looks_like_the_cloud_s(number: int) -> None:
    account = f"{number:012d}"

    access_key = issued(account=account).access_key

    assert (len(access_key), access_key[:4], access_key.isalnum()) == (20, "ASIA", True)
    assert ISSUER.account_of(access_key) == account


@pytest.mark.parametrize(
    "access_key",
    [
        "",
        "test",
        "111122223333",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "ASIA" + "1" * 16,
        "ASIA" + "\xe9" * 16,
    ],
)
def test_keys_from_elsewhere_tell_no_account(access_key: str) -> None:
    assert ISSUER.account_of(access_key) is None


@given(
    st.text(max_size=30)
    | st.text(min_size=16, max_size=16).map("ASIA".__add__)
    | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16).map("ASIA".__add__)
)
def test_any_text_is_no_key_of_ours(text: str) -> None:
    assert ISSUER.account_of(text) is None


def test_keys_of_another_emulator_tell_no_account_and_open_nothing() -> None:
    keys = issued(SessionTokenIssuer(b"another secret"))

    assert ISSUER.account_of(keys.access_key) is None
    with pytest.raises(BadToken):
        ISSUER.open(keys.access_key, keys.session_token)


def test_a_token_goes_with_its_own_access_key_only() -> None:
    one, other = issued(), issued(account="999988887777")

    with pytest.raises(BadToken, match="another access key"):
        ISSUER.open(other.access_key, one.session_token)


@pytest.mark.parametrize(
    "token", ["", "x", "AAAA", "\u20ac", "=" * 8, base64.b64encode(b"x" * 90).decode(), "A" * 5000]
)
def test_a_token_that_was_not_made_here_is_refused(token: str) -> None:
    with pytest.raises(BadToken):
        ISSUER.open(issued().access_key, token)


@given(st.data())
def test_no_bit_of_a_token_may_change(data: st.DataObject) -> None:
    keys = issued()
    sealed = bytearray(base64.b64decode(keys.session_token))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(BadToken):
        ISSUER.open(keys.access_key, base64.b64encode(sealed).decode())


def test_two_sessions_have_nothing_in_common() -> None:
    one = issued()
    later = ISSUER.issue(
        account="111122223333", role="Role", session="me@work", now=NOW + timedelta(seconds=1), lifetime_seconds=900
    )

    assert one.secret_key != later.secret_key
    assert one.session_token != later.session_token


def test_secrets_are_not_printed() -> None:
    keys = issued()

    assert keys.secret_key not in repr(keys)
    assert keys.session_token not in repr(keys)
