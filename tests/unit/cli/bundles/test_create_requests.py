"""Requests from files: checked by the model, and led to other places."""

from typing import Any

import click
import pytest

from processing_emulator.cli.bundles.create_requests import checked_request, with_outputs_below
from tests.builders import a_request, an_input, an_output
from tests.unit.cli.bundles.test_listings import QUERIES


def test_members_that_the_model_does_not_know_are_left_out() -> None:
    assert checked_request({**a_request(), "Unknown": 1, "Environment": None}) == a_request()


@pytest.mark.parametrize("document", [[], None, 1, {}, {"ProcessingInputs": 1}, a_request("bad name")])
def test_other_documents_are_refused(document: Any) -> None:
    with pytest.raises(click.ClickException, match="the request is not "):
        checked_request(document)


def test_outputs_move_below_the_replay_and_keep_their_keys() -> None:
    features = {"OutputName": "f", "AppManaged": True, "FeatureStoreOutput": {"FeatureGroupName": "g"}}
    request = a_request(outputs=[an_output(uri="s3://bkt/a/out/"), an_output(uri="s3://bkt"), features])

    outputs = with_outputs_below(request, "new")["ProcessingOutputConfig"]["Outputs"]

    assert [each["S3Output"]["S3Uri"] for each in outputs[:2]] == [
        "s3://bkt/replays/new/a/out/",
        "s3://bkt/replays/new/",
    ]
    assert outputs[2] == features
    assert with_outputs_below(a_request(), "new") == a_request()


def test_results_of_queries_move_below_the_replay_too() -> None:
    inputs = [an_input(), *({"InputName": "query", "DatasetDefinition": each} for each in QUERIES)]

    one, athena, redshift = with_outputs_below(a_request(inputs=inputs), "new")["ProcessingInputs"]

    assert one == an_input()
    assert athena["DatasetDefinition"] == {
        "LocalPath": "/opt/ml/processing/a",
        "AthenaDatasetDefinition": {"OutputS3Uri": "s3://athena/replays/new/results/"},
    }
    assert redshift["DatasetDefinition"]["RedshiftDatasetDefinition"] == {"OutputS3Uri": "s3://redshift/replays/new/"}
