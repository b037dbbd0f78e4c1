"""The server's log as a user reads it: the text that comes out, not the records that go in."""

import io
import json
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator

import pytest

from processing_emulator.config import LogFormat, LogLevel
from processing_emulator.log_context import add_log_fields, in_log_context, log_fields
from processing_emulator.server.log_format import set_up_logging

LOGGER = logging.getLogger("processing_emulator.jobs.service")
Open = Callable[..., io.StringIO]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Sets up logging as `serve` does, into a string; puts pytest's own handlers back at the end."""
    root, ours = logging.getLogger(), logging.getLogger("processing_emulator")
    before = (root.level, list(root.handlers), ours.level)

    def open_log(style: LogFormat = LogFormat.TEXT, level: LogLevel = LogLevel.INFO) -> io.StringIO:
        stream = io.StringIO()
        root.handlers.clear()
        set_up_logging(level, style, stream)
        return stream

    yield open_log
    logging.captureWarnings(capture=False)
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    ours.setLevel(before[2])


def _fail(text: str) -> None:
    raise ValueError(text)


def _without_time(stream: io.StringIO) -> str:
    text, count = re.subn(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", "", stream.getvalue(), flags=re.MULTILINE)
    assert count > 0
    return text


def test_a_line_is_time_level_message_and_fields(opened: Open) -> None:
    log = opened()
    LOGGER.info("job created", extra={"phase": "Pending", "request_id": "r-1", "job": "train", "count": 2})
    assert _without_time(log) == "INFO job created job=train phase=Pending count=2 request_id=r-1\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain/text:1", "plain/text:1"),
        ("two words", '"two words"'),
        ("", '""'),
        ('a "b" = c', '"a \\"b\\" = c"'),
        ("one\ntwo", '"one\\ntwo"'),
        ("\x1b[31mred\u2028", '"\\u001b[31mred\\u2028"'),
        ("zwölf", "zwölf"),
        (True, "true"),
        (1.5, "1.5"),
        (["a", "b"], '"[\\"a\\", \\"b\\"]"'),
        (OSError("disk full"), '"disk full"'),
        (TimeoutError(), "TimeoutError"),
        ("x" * 5000, "x" * 4096 + "..."),
    ],
)
def test_values_are_quoted_when_they_need_it(opened: Open, value: object, text: str) -> None:
    log = opened()
    LOGGER.info("event", extra={"value": value})
    assert _without_time(log) == f"INFO event value={text}\n"


def test_fields_without_a_value_are_left_out(opened: Open) -> None:
    log = opened()
    LOGGER.info("event", extra={"job": None, "count": 0})
    assert _without_time(log) == "INFO event count=0\n"


def test_a_message_with_line_breaks_stays_on_one_line(opened: Open) -> None:
    log = opened()
    LOGGER.info("one\n2026-01-01T00:00:00.000Z ERROR forged")
    assert len(log.getvalue().splitlines()) == 1


def test_a_traceback_follows_indented(opened: Open) -> None:
    log = opened()
    try:
        _fail("no\x1b number")
    except ValueError:
        LOGGER.exception("request failed", extra={"operation": "StopProcessingJob"})
    first, *others = _without_time(log).splitlines()
    assert first == "ERROR request failed operation=StopProcessingJob"
    assert all(line.startswith("    ") for line in others)
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-1] == "    ValueError: no\\u001b number"


def test_lines_of_a_request_carry_its_id_in_threads_with_a_copy_of_the_context(opened: Open) -> None:
    log = opened()
    with log_fields(request_id="r-1"), log_fields(job="train"):
        LOGGER.info("outer", extra={"job_id": 7})
        thread = threading.Thread(target=in_log_context(lambda: LOGGER.info("inner")))
        thread.start()
        thread.join()
    LOGGER.info("later")
    assert _without_time(log).splitlines() == [
        "INFO outer job=train job_id=7 request_id=r-1",
        "INFO inner job=train request_id=r-1",
        "INFO later",
    ]


def test_fields_added_in_a_thread_are_in_later_lines_of_its_request(opened: Open) -> None:
    log = opened()
    with log_fields(request_id="r-1"):
        thread = threading.Thread(target=in_log_context(lambda: add_log_fields(operation="Stop")))
        thread.start()
        thread.join()
        LOGGER.info("request refused")
    add_log_fields(operation="outside of any request")
    LOGGER.info("later")
    assert _without_time(log) == "INFO request refused operation=Stop request_id=r-1\nINFO later\n"


def test_a_calls_own_field_wins_over_the_context(opened: Open) -> None:
    log = opened()
    with log_fields(job="outer"):
        LOGGER.info("event", extra={"job": "inner"})
    assert _without_time(log) == "INFO event job=inner\n"


def test_json_has_one_object_per_line_with_the_same_fields(opened: Open) -> None:
    log = opened(LogFormat.JSON)
    with log_fields(request_id="r-1"):
        LOGGER.info("job created", extra={"job": "train\n", "count": 2, "level": "mine"})
    try:
        _fail("no number")
    except ValueError:
        LOGGER.exception("request failed")
    created, failed = map(json.loads, log.getvalue().splitlines())
    assert created.pop("time").endswith("Z")
    assert created == {"level": "INFO", "action": "job created", "job": "train\n", "count": 2, "request_id": "r-1"}
    assert failed["traceback"].endswith("ValueError: no number")


@pytest.mark.parametrize("name", ["uvicorn.error", "urllib3", "py.warnings"])
def test_libraries_are_heard_from_warning_on_and_named(opened: Open, name: str) -> None:
    log = opened(level=LogLevel.DEBUG)
    LOGGER.debug("ours")
    logging.getLogger(name).info("not heard")
    logging.getLogger(name).warning("odd %s", "thing", extra={"color_message": "odd"})
    assert _without_time(log) == f"DEBUG ours\nWARNING odd thing logger={name}\n"


def test_advice_to_install_a_websocket_library_is_not_logged(opened: Open) -> None:
    log = opened()
    uvicorns = logging.getLogger("uvicorn.error")
    uvicorns.warning("Unsupported upgrade request.")
    uvicorns.warning("No supported WebSocket library detected. Please use \"pip install 'uvicorn[standard]'\".")
    LOGGER.warning("ours")
    uvicorns.warning("Invalid HTTP request received.")
    assert _without_time(log) == "WARNING ours\nWARNING Invalid HTTP request received. logger=uvicorn.error\n"


def test_pythons_warnings_are_lines_too(opened: Open) -> None:
    log = opened()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old thing", UserWarning, stacklevel=1)
    assert "UserWarning: old thing" in _without_time(log)
    assert log.getvalue().rstrip().endswith("logger=py.warnings")


def test_a_level_above_warning_holds_for_libraries_as_well(opened: Open) -> None:
    log = opened(level=LogLevel.ERROR)
    LOGGER.warning("ours")
    logging.getLogger("urllib3").warning("theirs")
    assert log.getvalue() == ""
