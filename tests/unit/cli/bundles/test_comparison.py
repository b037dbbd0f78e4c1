"""What counts as a difference between two runs."""

from typing import Any

import click
import pytest

from processing_emulator.cli.bundles.commands import printable
from processing_emulator.cli.bundles.comparison import (
    Difference,
    has_same_content,
    input_differences,
    measures,
    output_differences,
    run_differences,
)
from processing_emulator.cli.bundles.listings import Listing, Place
from processing_emulator.cli.bundles.runs import run_of
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.staging import StoredObject

A, B = "a" * 32, "b" * 32


def an_object(key: str, size: int = 1, etag: str = A) -> StoredObject:
    return StoredObject(bucket="bkt", key=key, size_bytes=size, etag=etag)


def a_document(**changes: Any) -> dict[str, Any]:
    peaks = {"samples": 1, "cpuPercent": 50, "memoryBytes": 1024, "diskBytes": None}
    host = {"host": "algo-1", "exitCode": 0, "limits": {"vcpus": 2, "memoryBytes": 4096}, "peaks": peaks}
    image = {"action": "image_ready", "detail": {"id": "sha256:1", "digests": ["a@sha256:1", "b@sha256:2"]}}
    return {
        "status": "Completed",
        "failureReason": None,
        "exitMessage": None,
        "startedAt": "2026-01-31T12:00:00.000Z",
        "endedAt": "2026-01-31T12:00:02.500Z",
        "instances": [host],
        "events": [{"action": "created", "detail": {}}, image],
        **changes,
    }


def of_image(**detail: Any) -> dict[str, Any]:
    return a_document(events=[{"action": "image_ready", "detail": detail}])


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[Difference]:
    return run_differences(run_of(one), run_of(other))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((1, A), (1, A), True),
        ((1, A), (1, B), False),
        ((1, A), (2, A), False),
        ((9, f"{A}-2"), (9, f"{B}-2"), None),
        ((9, f"{A}-2"), (9, B), None),
        ((9, f"{A}-2"), (9, f"{B}-3"), None),
        ((9, "opaque"), (9, A), None),
        ((9, ""), (9, A), None),
    ],
)
def test_etags_count_where_they_were_made_the_same_way(
    one: tuple[int, str], other: tuple[int, str], same: bool | None
) -> None:
    assert has_same_content(an_object("k", *one), an_object("k", *other)) is same


def test_inputs_that_were_added_removed_and_changed_are_named() -> None:
    before = [Listing(what="input in", objects=[an_object("gone"), an_object("kept"), an_object("other", etag=A)])]
    now = [Listing(what="input in", objects=[an_object("kept"), an_object("other", etag=B), an_object("new", 2)])]

    assert input_differences(before, before) == []
    assert input_differences(before, now) == [
        Difference("input in: s3://bkt/gone", f"1 bytes, ETag {A}", "missing"),
        Difference("input in: s3://bkt/new", "missing", f"2 bytes, ETag {A}"),
        Difference("input in: s3://bkt/other", f"1 bytes, ETag {A}", f"1 bytes, ETag {B}"),
    ]


def test_outputs_are_compared_by_their_paths_below_the_prefix() -> None:
    old, new = Place("output out", S3Uri("bkt", "out")), Place("output out", S3Uri("bkt", "replays/x/out/"))
    before = [(old, Listing(what="output out", objects=[an_object("out/a"), an_object("out/d/b")]))]
    now = [an_object("replays/x/out/a"), an_object("replays/x/out/d/b", 7)]

    found = output_differences(before, [(new, Listing(what="output out", objects=now))])

    assert [each.what for each in found] == ["output out: d/b"]


def test_an_image_is_the_same_by_a_common_digest_or_by_its_id() -> None:
    assert differences(a_document(), of_image(id="sha256:9", digests=["b@sha256:2"])) == []
    assert differences(a_document(), of_image(id="sha256:1")) == []
    (found,) = differences(a_document(), of_image(id="sha256:9", digests=["c@sha256:3"]))
    assert found == Difference("image", "sha256:1 a@sha256:1 b@sha256:2", "sha256:9 c@sha256:3")


def test_the_end_is_compared_and_time_and_peaks_are_only_shown() -> None:
    failed = a_document(status="Failed", failureReason="AlgorithmError: , exit code: 1", endedAt=None, exitMessage="m")
    failed["instances"] = [{**failed["instances"][0], "exitCode": 1}]

    assert [each.what for each in differences(a_document(), failed)] == [
        *("status", "FailureReason", "ExitMessage", "exit codes"),
    ]
    assert measures(run_of(a_document()), run_of(failed))[:3] == [
        Difference("run time", "2.5 s", "-"),
        Difference("algo-1: limits", "2 vCPUs, 4.0 KiB", "2 vCPUs, 4.0 KiB"),
        Difference("algo-1: peak CPU", "50 %", "50 %"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"instances": [{}]},
        {"instances": 1},
        {"events": [[]]},
        {"startedAt": "soon"},
        {"startedAt": "2026-01-31T12:00:00"},
        {"status": 1},
    ],
)
def test_what_is_no_jobs_document_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(click.ClickException, match="not a job's document: "):
        run_of(a_document(**change))


def test_text_of_others_cannot_control_the_terminal() -> None:
    assert printable("é\x1b[31mred\n") == "é\\x1b[31mred\\x0a"
