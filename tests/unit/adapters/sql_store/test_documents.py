"""JSON columns: fast where that changes nothing, Python's own way elsewhere."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from processing_emulator.adapters.sql_store.json_columns import from_json, to_json

TEXTS = st.text(st.characters(), max_size=5)
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@given(DOCUMENTS)
def test_what_was_stored_is_read_back(document: object) -> None:
    text = to_json(document)
    text.encode()  # no database takes half of a surrogate pair
    assert from_json(text) == document


@given(DOCUMENTS)
def test_what_an_older_emulator_stored_is_read_as_it_read_it(document: object) -> None:
    assert from_json(json.dumps(document)) == document


@pytest.mark.parametrize("document", ["\ud800", {"\udfff": ["x"]}])
def test_what_only_python_can_write_is_kept(document: object) -> None:
    assert from_json(to_json(document)) == document
