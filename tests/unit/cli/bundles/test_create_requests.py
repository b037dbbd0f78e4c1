"""Requests from files: checked by the model, and led to other places."""

from typing import Any

import click
import pytest

from processing_emulator.cli.bundles.create_requests import checked_request, with_outputs_below
from tests.builders import a_request, an_output


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
