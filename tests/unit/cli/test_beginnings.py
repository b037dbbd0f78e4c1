"""What answers begin with is made once, and anew with the next date."""

from processing_emulator.server.beginnings import Beginnings


def test_beginning_has_all_that_is_the_same_for_such_answers() -> None:
    beginning = Beginnings().of(404, "text/x", [(b"date", b"now"), (b"x-more", b"1")])
    assert beginning == b"HTTP/1.1 404 Not Found\r\ndate: now\r\nx-more: 1\r\ncontent-type: text/x\r\n"


def test_beginning_of_another_status_or_media_type_is_another() -> None:
    beginnings = Beginnings()
    headers = [(b"date", b"now")]
    told = {beginnings.of(status, media_type, headers) for status in (200, 400) for media_type in ("a/b", "c/d")}
    assert len(told) == 4


def test_beginning_is_made_once_for_a_date() -> None:
    beginnings = Beginnings()
    earlier, later = [(b"date", b"1")], [(b"date", b"2")]
    first = beginnings.of(200, "a/b", earlier)
    assert beginnings.of(200, "a/b", earlier) is first
    assert b"date: 2\r\n" in beginnings.of(200, "a/b", later)
    assert beginnings.of(200, "a/b", earlier) == first
