"""What the commands say before they ask a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

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

    assert done.exit_code == 1
    assert done.stderr.startswith("Error: not a job's document: ")
    broken = CliRunner().invoke(main, ["import", "-"], input=json.dumps({"AppSpecification": "\x1b[31m"}))
    assert (broken.exit_code, "\x1b" in broken.stderr) == (1, False)


def test_a_bundle_that_lists_other_inputs_than_its_request_has_is_refused(tmp_path: Path) -> None:
    members = {
        "job.json": a_document(),
        "request.json": a_request(inputs=[an_input("in")]),
        "inputs.json": [{"what": "input other", "objects": []}],
        "outputs.json": [],
    }

    done = CliRunner().invoke(main, ["replay", str(zipped(tmp_path / "b.zip", members))])

    assert (done.exit_code, done.stderr) == (
        1,
        "Error: the bundle lists other inputs or outputs than its request has\n",
    )


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
