"""Which inputs and outputs a request has, and which objects a job may have written."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from processing_emulator.cli.bundles.listings import (
    Place,
    input_places,
    output_places,
    written_buckets,
    written_since,
)
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.domain.staging import StoredObject
from tests.builders import a_request, an_input, an_output

BEGAN = datetime(2026, 1, 31, 12, 0, 0, 700_000, tzinfo=UTC)

QUERIES = [
    {"LocalPath": "/opt/ml/processing/a", "AthenaDatasetDefinition": {"OutputS3Uri": "s3://athena/results/"}},
    {"LocalPath": "/opt/ml/processing/b", "RedshiftDatasetDefinition": {"OutputS3Uri": "s3://redshift"}},
]


def test_places_are_all_inputs_and_outputs() -> None:
    manifest = an_input("list", "s3://bkt/m")
    manifest["S3Input"]["S3DataType"] = "ManifestFile"
    query = {"InputName": "query", "DatasetDefinition": {}}
    features = {"OutputName": "features", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "g"}}
    request = a_request(
        inputs=[an_input("in", "https://s3.amazonaws.com/bkt/a"), manifest, query],
        outputs=[an_output("out", "s3://bkt/out/"), features, an_output("root", "s3://bkt")],
    )

    assert input_places(request) == [
        Place("input in", S3Uri("bkt", "a")),
        Place("input list", S3Uri("bkt", "m"), is_manifest=True),
        Place("input query", None),
    ]
    assert [(each.what, each.prefix) for each in output_places(request)] == [
        ("output out", "out/"),
        ("output features", ""),
        ("output root", ""),
    ]
    assert input_places(a_request()) == output_places(a_request()) == []


def test_a_uri_that_no_store_has_is_refused_with_its_text() -> None:
    with pytest.raises(click.ClickException, match=r"https://example\.test/x: only s3:// URIs"):
        input_places(a_request(inputs=[an_input(uri="https://example.test/x")]))


def test_buckets_of_outputs_and_of_results_of_queries_are_written_to() -> None:
    inputs = [an_input(), *({"InputName": "query", "DatasetDefinition": each} for each in QUERIES)]
    assert written_buckets(a_request(inputs=inputs, outputs=[an_output()])) == {"bkt", "athena", "redshift"}


def test_objects_may_be_a_jobs_own_though_the_clock_of_the_store_is_a_minute_behind() -> None:
    times = [BEGAN - timedelta(seconds=61), BEGAN - timedelta(seconds=59), BEGAN + timedelta(hours=1), None]
    objects = [
        StoredObject(bucket="bkt", key=str(number), size_bytes=0, modified_at=at) for number, at in enumerate(times)
    ]

    assert [each.key for each in written_since(objects, BEGAN)] == ["1", "2", "3"]
    assert written_since(objects, None) == objects
