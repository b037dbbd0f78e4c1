"""The report; what it looks at for real is tried end to end."""

import json

from processing_emulator.cli.doctor import Check, report
from processing_emulator.config import Settings, effective_settings

CHECKS = [
    Check(name="docker", state="missing", found="nothing answers", mend="systemctl start docker"),
    Check(name="python", state="ok", found="3.11"),
]


def test_the_report_names_what_is_missing_with_the_command_that_mends_it() -> None:
    lines = report(CHECKS, effective_settings(Settings()), as_json=False).splitlines()
    assert lines[0] == "missing  docker: nothing answers"
    assert lines[1].strip() == "mend: systemctl start docker"
    assert "         port = 9320 (default)" in lines


def test_secrets_are_not_in_the_report_in_either_form() -> None:
    settings = Settings.model_validate({"s3_secret_key": "hush", "access_keys": {"someone": "hush"}})
    assert "hush" not in report(CHECKS, effective_settings(settings), as_json=False)
    assert "hush" not in report(CHECKS, effective_settings(settings), as_json=True)
    document = json.loads(report(CHECKS, effective_settings(settings), as_json=True))
    assert document["settings"]["s3_secret_key"]["value"] == "********"
    assert document["checks"][0]["state"] == "missing"
