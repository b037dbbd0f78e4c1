"""The SageMaker SDK's configuration, as a file."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from processing_emulator.cli.main import main
from processing_emulator.cli.sdk_config import sdk_config, write_sdk_config
from processing_emulator.config import Settings
from processing_emulator.errors import EmulatorError


def test_it_silences_telemetry_and_names_bucket_and_role_of_the_account_and_region(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, s3_access_key="111122223333", s3_region="eu-west-1")
    lines = write_sdk_config(settings).read_text().splitlines()
    assert [line.strip() for line in lines[1:]] == [
        'SchemaVersion: "1.0"',
        "SageMaker:",
        "PythonSDK:",
        "Modules:",
        "TelemetryOptOut: true",
        "Session:",
        'DefaultS3Bucket: "sagemaker-eu-west-1-111122223333"',
        "ProcessingJob:",
        'RoleArn: "arn:aws:iam::111122223333:role/processing-emulator"',
    ]


def test_any_other_key_is_the_default_account() -> None:
    assert "sagemaker-us-east-1-000000000000" in sdk_config(Settings(s3_access_key="emulator"))


def test_a_file_that_is_right_is_left_alone_and_another_is_replaced(tmp_path: Path) -> None:
    path = write_sdk_config(Settings(data_dir=tmp_path))
    before = path.stat()
    assert write_sdk_config(Settings(data_dir=tmp_path)) == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    path.write_bytes(b"\xff half")
    write_sdk_config(Settings(data_dir=tmp_path))
    assert path.read_text() == sdk_config(Settings())
    assert list(tmp_path.iterdir()) == [path]


def test_the_path_can_be_chosen_and_is_printed_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["env", "--sdk-config", "sub/sdk.yaml", "--format", "docker"])
    assert f"SAGEMAKER_ADMIN_CONFIG_OVERRIDE={tmp_path}/sub/sdk.yaml" in done.stdout.splitlines()
    assert (tmp_path / "sub" / "sdk.yaml").read_text() == sdk_config(Settings())


@pytest.mark.parametrize(
    "arguments", [["--format", "docker"], ["--format", "gitlab"], ["--no-sdk-config"], ["--unset"]]
)
def test_none_is_written_where_its_reader_would_not_find_it_or_nobody_asked(
    tmp_path: Path, arguments: list[str]
) -> None:
    done = CliRunner().invoke(main, ["env", "--data-dir", str(tmp_path / "data"), *arguments])
    assert done.exit_code == 0
    assert "SAGEMAKER_ADMIN_CONFIG_OVERRIDE=" not in done.stdout
    assert not (tmp_path / "data").exists()


def test_a_place_that_cannot_be_written_is_a_sentence_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmulatorError, match=r"cannot be written to .*; choose another path with --sdk-config"):
        write_sdk_config(Settings(data_dir=tmp_path / "file" / "below"))
    done = CliRunner().invoke(main, ["env", "--data-dir", str(tmp_path / "file" / "below")])
    assert (done.exit_code, done.stdout) == (2, "")
    assert "--no-sdk-config" in done.stderr
