"""What the commands say before they ask a server."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from processing_emulator.cli.bundles.commands import printable_faults
from processing_emulator.cli.client_commands import readiness_line
from processing_emulator.cli.main import main
from processing_emulator.cli.readiness import readiness_lines
from tests.builders import a_request, an_input
from tests.unit.cli.bundles.test_archive import zipped
from tests.unit.cli.bundles.test_comparison import a_document
from tests.unit.cli.bundles.test_importing import DOCUMENTS

FINDINGS = [
    {"verdict": verdict, "rule": "r", "member": "m", "sentence": f"Sentence {number}."}
    for number, verdict in enumerate(["refused", "needed", "needed"])
]


def test_an_import_without_a_run_prints_the_request_and_what_it_changes() -> None:
    given = json.dumps(DOCUMENTS["P-D05"])

    done = CliRunner().invoke(main, ["import", "-", "--dry-run", "--account", "210987654321"], input=given)

    assert done.exit_code == 0
    assert json.loads(done.stdout)["ProcessingJobName"] == "spark-als-2020-11-30-22-20-35-496"
    role = "arn:aws:iam::210987654321:role/service-role/AmazonSageMaker-ExecutionRole-20191006T135881"
    assert done.stderr == f"RoleArn is mapped to {role}: no role is assumed here\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--bucket", "one"], "'one' is not FROM=TO"),
        (["--data", "/nowhere"], "there is no folder /nowhere"),
    ],
)
def test_options_of_an_import_that_mean_nothing_are_refused(options: list[str], sentence: str) -> None:
    done = CliRunner().invoke(main, ["import", "-", *options], input=json.dumps(DOCUMENTS["P-D05"]))

    assert (done.exit_code, sentence in done.stderr) == (2, True)


def test_a_file_of_somebody_else_cannot_write_to_the_terminal(tmp_path: Path) -> None:
    path = zipped(tmp_path / "b.zip", {"request.json": {"ProcessingInputs": "\x1b[31m"}, "job.json": {}})

    done = CliRunner().invoke(main, ["replay", str(path)])

    assert done.exit_code == 2
    assert done.stderr.startswith("Error: not a job's document: ")
    broken = CliRunner().invoke(main, ["import", "-"], input=json.dumps({"AppSpecification": "\x1b[31m"}))
    assert (broken.exit_code, "\x1b" in broken.stderr) == (1, False)


def test_an_interrupted_replay_does_not_end_as_if_something_differed() -> None:
    with pytest.raises(SystemExit) as end, printable_faults():
        raise KeyboardInterrupt
    assert end.value.code == 130


def test_a_bundle_that_lists_other_inputs_than_its_request_has_is_refused(tmp_path: Path) -> None:
    members = {
        "job.json": a_document(),
        "request.json": a_request(inputs=[an_input("in")]),
        "inputs.json": [{"what": "input other", "objects": []}],
        "outputs.json": [],
    }

    done = CliRunner().invoke(main, ["replay", str(zipped(tmp_path / "b.zip", members))])

    assert (done.exit_code, done.stderr) == (
        2,
        "Error: the bundle lists other inputs or outputs than its request has\n",
    )


def _listed(key: str, size: int = 1, bucket: str = "bkt") -> dict[str, Any]:
    return {"bucket": bucket, "key": key, "size": size}


LIST = b'[{"prefix": "s3://other/in/"}, "a"]'
MANIFEST_INPUT = an_input("in", "s3://bkt/list")
MANIFEST_INPUT["S3Input"]["S3DataType"] = "ManifestFile"
QUERY_INPUT = {"InputName": "in", "DatasetDefinition": {"LocalPath": "/opt/ml/processing/input"}}


@pytest.mark.parametrize(
    ("item", "objects", "refused"),
    [
        (an_input("in"), [_listed("in/a"), _listed("in/b", bucket="other")], "s3://other/in/b"),
        (an_input("in"), [_listed("in/a"), _listed("other")], "s3://bkt/other"),
        (QUERY_INPUT, [_listed("in/a")], "s3://bkt/in/a"),
        (MANIFEST_INPUT, [_listed("list", len(LIST)), _listed("in/a", 1, "other"), _listed("in/a")], "s3://bkt/in/a"),
        (MANIFEST_INPUT, [_listed("in/a", 1, "other")], "s3://other/in/a"),
    ],
)
def test_an_object_that_no_input_of_the_request_names_is_refused_before_the_server_is_asked(
    tmp_path: Path, item: dict[str, Any], objects: list[dict[str, Any]], refused: str
) -> None:
    members = {
        "job.json": a_document(),
        "request.json": a_request(inputs=[item]),
        "inputs.json": [{"what": "input in", "objects": objects}],
        "outputs.json": [],
        "data/0": LIST,
    }

    done = CliRunner().invoke(
        main, ["replay", str(zipped(tmp_path / "b.zip", members)), "--url", "http://nobody.invalid"]
    )

    sentence = f"Error: the bundle lists {refused}, which the input in of its request does not name\n"
    assert (done.exit_code, done.stderr) == (2, sentence)


def test_a_file_that_is_there_is_refused_before_the_server_is_asked(tmp_path: Path) -> None:
    (tmp_path / "b.zip").touch()

    done = CliRunner().invoke(main, ["bundle", "job", "-o", str(tmp_path / "b.zip"), "--url", "http://nobody.invalid"])

    assert (done.exit_code, done.stderr) == (1, f"Error: {tmp_path}/b.zip is there already; --overwrite replaces it\n")


def test_findings_are_counted_and_listed() -> None:
    document = {"name": "job", "cloudReadiness": {"findings": FINDINGS}}

    assert readiness_line(document) == "in the cloud: 1 refused, 2 needed (processing-emulator readiness job)"
    assert readiness_lines(document["cloudReadiness"]).splitlines() == [  # type: ignore[arg-type]
        "VERDICT  IN THE CLOUD",
        "refused  Sentence 0.",
        "needed   Sentence 1.",
        "needed   Sentence 2.",
    ]
    assert readiness_line({"name": "job", "cloudReadiness": {"findings": []}}).startswith(
        "in the cloud: nothing to say"
    )
