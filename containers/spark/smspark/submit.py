"""The program smspark-submit: the command line of the AWS image."""

import logging
import signal
import sys
from types import FrameType
from typing import NoReturn

import click

from smspark.failure import SparkJobFailed, write_message
from smspark.file_lists import expand
from smspark.job import Submission, run

logger = logging.getLogger(__name__)


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--class", "class_", help="Main class of the application.")
@click.option("--jars", help="A folder, or a comma list of jars for the class path of driver and executors.")
@click.option("--py-files", help="A folder, or a comma list of .zip, .egg or .py files for the PYTHONPATH.")
@click.option("--files", help="A folder, or a comma list of files for the working directory of each executor.")
@click.option("--spark-event-logs-s3-uri", help="Where Spark writes its event logs on S3.")
@click.option("--local-spark-event-logs-dir", help="A folder to which Spark's event logs are copied.")
@click.option("-v", "--verbose", is_flag=True, help="Let spark-submit print its settings.")
@click.argument("app")
@click.argument("app_arguments", nargs=-1, type=click.UNPROCESSED)
def command(
    class_: str | None,
    jars: str | None,
    py_files: str | None,
    files: str | None,
    spark_event_logs_s3_uri: str | None,
    local_spark_event_logs_dir: str | None,
    verbose: bool,
    app: str,
    app_arguments: tuple[str, ...],
) -> None:
    """Run a Spark application, a Python file or a jar, on all hosts of the job.

    Settings of Spark and Hadoop come from configuration.json, not from options such as --conf.
    """
    lists = {"--jars": jars, "--py-files": py_files, "--files": files}
    options = ["--class", class_] if class_ else []
    options += [word for name, value in lists.items() if value for word in (name, expand(value))]
    options += ["--verbose"] if verbose else []
    run(
        Submission(
            options=options,
            app=(app, *app_arguments),
            event_logs_s3_uri=spark_event_logs_s3_uri,
            local_event_logs=local_spark_event_logs_dir,
        )
    )


def outcome(arguments: list[str]) -> SparkJobFailed | None:
    """Run the program; returns how it failed, whatever went wrong, in the words of the AWS image."""
    try:
        command.main(arguments, prog_name="smspark-submit", standalone_mode=False)
    except SparkJobFailed as failure:
        return failure
    except (click.MissingParameter, click.NoSuchOption) as error:
        return SparkJobFailed("Couldn't parse input.", error)
    except Exception as error:  # the message file tells the user about every failure
        logger.exception("the job failed")
        return SparkJobFailed("error running Spark job", error)
    return None


def _stopped(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def main() -> NoReturn:
    """Exit with 0, or with a failure's code after writing its message for the job's ExitMessage."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s smspark: %(message)s")
    signal.signal(signal.SIGTERM, _stopped)  # as process 1 it would otherwise be ignored
    failure = outcome(sys.argv[1:])
    if failure is None:
        sys.exit(0)
    write_message(failure.message)
    logger.error("exiting with code %d: %s", failure.exit_code, failure.message)
    sys.exit(failure.exit_code)
