"""What a bundle says of inputs that are not as the job saw them."""

from datetime import UTC, datetime, timedelta

from processing_emulator.cli.bundles.bundling import changed_since
from processing_emulator.cli.bundles.listings import Listing
from processing_emulator.domain.staging import StoredObject

BEGAN = datetime(2026, 1, 31, 12, 0, 0, 300_000, tzinfo=UTC)


def listing(*seconds: float | None) -> list[Listing]:
    objects = [
        StoredObject(
            bucket="bkt",
            key=str(number),
            size_bytes=0,
            modified_at=None if after is None else BEGAN + timedelta(seconds=after),
        )
        for number, after in enumerate(seconds)
    ]
    return [Listing(what="input in", objects=objects)]


def test_inputs_that_were_written_after_the_start_are_named() -> None:
    assert changed_since(BEGAN, listing(-5, 0.7, None, 2)) == ["changed since the job began: s3://bkt/3"]
    assert changed_since(BEGAN, listing(*[60] * 5)) == [
        "changed since the job began: s3://bkt/0, s3://bkt/1, s3://bkt/2 and 2 more"
    ]


def test_nothing_is_said_of_inputs_that_were_there_and_of_a_job_that_never_began() -> None:
    assert changed_since(BEGAN, listing(-5, None)) == []
    assert changed_since(None, listing(60)) == []
