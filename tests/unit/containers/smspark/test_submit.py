"""The command line of smspark-submit, and how a failure is told (clients.md 4.1)."""

from pathlib import Path

import pytest

from smspark.failure import SparkJobFailed, write_message
from smspark.file_lists import expand
from smspark.job import submit
from smspark.submit import outcome


def message_of(*arguments: str) -> str:
    failure = outcome(list(arguments))
    assert failure is not None
    assert failure.exit_code == 1
    return failure.message


def test_unknown_option_is_refused_in_the_words_of_the_image() -> None:
    assert message_of("--conf", "spark.ui.enabled=false", "app.py").startswith(
        "Algorithm Error: (caused by NoSuchOption): Couldn't parse input.: No such option"
    )


def test_missing_app_is_refused() -> None:
    assert message_of().startswith("Algorithm Error: (caused by MissingParameter): Couldn't parse input.:")


def test_help_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(["--help"]) is None
    assert "--local-spark-event-logs-dir" in capsys.readouterr().out


def test_wrong_list_ends_the_job_before_anything_starts() -> None:
    assert message_of("--jars", "relative.jar", "app.py") == (
        "Algorithm Error: (caused by ValueError): error preparing for spark submit: "
        "file path relative.jar must be an absolute path to a file or directory"
    )


def test_failing_program_gives_its_exit_code_and_the_command() -> None:
    with pytest.raises(SparkJobFailed) as failed:
        submit(["sh", "-c", "exit 3"])
    assert failed.value.exit_code == 3
    assert failed.value.message == (
        "Algorithm Error: (caused by CalledProcessError): spark failed with a non-zero exit code: "
        "Command 'sh -c 'exit 3'' returned non-zero exit status 3."
    )


def test_program_ended_by_a_signal_has_the_exit_code_of_a_shell() -> None:
    with pytest.raises(SparkJobFailed) as failed:
        submit(["sh", "-c", "kill -9 $$"])
    assert failed.value.exit_code == 137


def test_succeeding_program_raises_nothing() -> None:
    submit(["true"])


def test_message_is_cut_and_written_with_its_folders(tmp_path: Path) -> None:
    failure = SparkJobFailed("spark failed", ValueError("x" * 2000))
    assert len(failure.message) == 1024
    write_message(failure.message, tmp_path / "output" / "message")
    assert (tmp_path / "output" / "message").read_text() == failure.message


def test_folder_becomes_its_direct_files(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.py").touch()
    (tmp_path / "b.py").touch()
    (tmp_path / "a.py").touch()
    assert expand(str(tmp_path)) == f"{tmp_path}/a.py,{tmp_path}/b.py"


def test_files_of_several_places_are_joined(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.jar").touch()
    (tmp_path / "b.jar").touch()
    assert expand(f"{tmp_path}/folder,{tmp_path}/b.jar") == f"{tmp_path}/folder/a.jar,{tmp_path}/b.jar"


@pytest.mark.parametrize("value", ["s3://bucket/a.jar,s3://bucket/b.jar", "s3a://bucket/a.jar,/opt/ml/processing/jars"])
def test_list_that_begins_on_s3_stays_as_it_is(value: str) -> None:
    assert expand(value) == value


def test_empty_folder_missing_file_and_other_scheme_are_refused(tmp_path: Path) -> None:
    for value, text in {
        str(tmp_path): f"Found zero files in {tmp_path}",
        f"{tmp_path}/no.jar": f"file path {tmp_path}/no.jar does not exist",
        "hdfs:///a.jar": "the scheme hdfs is not supported",
    }.items():
        with pytest.raises(SparkJobFailed, match=text):
            expand(value)
