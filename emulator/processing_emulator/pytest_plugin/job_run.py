"""Runs a processing job in a test."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from processing_emulator.aws.http.held_reply import LONGEST_SECONDS, WAIT_HEADER
from processing_emulator.cli.job_from_line import JobFromLine, JobLine
from processing_emulator.cli.job_logs import host_names, print_logs
from processing_emulator.pytest_plugin import PROPERTY
from processing_emulator.pytest_plugin.emulator import SageMakerEmulator

_MIB = 1024**2
_TAIL_LINES = 50
_ENDED = ("Completed", "Failed", "Stopped")


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedJob:
    """A job that has ended.

    `outputs`: the downloaded files by their paths in the container. `log`: the lines of all hosts. `peaks`: those of
    each host, as `/_emulator/jobs/NAME` has them. `description`: the answer of DescribeProcessingJob.
    """

    name: str
    status: str
    failure_reason: str | None
    exit_message: str | None
    outputs: Mapping[str, Path]
    log: Sequence[str]
    peaks: Mapping[str, Mapping[str, Any]]
    description: Mapping[str, Any]
    url: str


class RunProcessingJob:
    """Call it to run a job and wait for its end."""

    def __init__(self, emulator: SageMakerEmulator, item: pytest.Item, folder: Path) -> None:
        self._emulator = emulator
        self._item = item
        self._folder = folder
        self._sagemaker = emulator.client("sagemaker")
        self._sagemaker.meta.events.register(
            "before-call.sagemaker.DescribeProcessingJob",
            lambda params, **_: params["headers"].update({WAIT_HEADER: str(LONGEST_SECONDS)}),
            unique_id="processing-emulator-wait",  # the client is shared
        )

    def __call__(
        self,
        image: str,
        command: Sequence[str] = (),
        *,
        inputs: Mapping[str, str | Path] | None = None,
        outputs: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        name: str | None = None,
        instance_type: str = "ml.t3.medium",
        instance_count: int = 1,
        volume_size_in_gb: int = 1,
        max_runtime_seconds: int = 3600,
        expect: str = "Completed",
    ) -> FinishedJob:
        """Run `command` in `image`. The test fails if the job ends in another status than `expect`.

        `inputs`: by folder in the container, a local file or folder, or an `s3://` URI. `outputs`: folders of the
        container that are downloaded.
        """
        folder = self._folder / "processing-job-outputs"
        job = JobFromLine(
            self._emulator.api,
            JobLine(
                image=image,
                command=command,
                name=name,
                inputs=[f"{source}:{inside}" for inside, source in (inputs or {}).items()],
                outputs=[f"{folder / str(number)}:{inside}" for number, inside in enumerate(outputs)],
                environment=environment or {},
                instance_type=instance_type,
                instance_count=instance_count,
                volume_size_in_gb=volume_size_in_gb,
                max_runtime_seconds=max_runtime_seconds,
            ),
        )
        job.create()
        finished = self._finished(job, folder, outputs)
        self._report(finished)
        if finished.status != expect:
            reason = f": {finished.failure_reason}" if finished.failure_reason else ""
            pytest.fail(f"processing job {finished.name} is {finished.status}{reason}", pytrace=False)
        return finished

    def _finished(self, job: JobFromLine, folder: Path, outputs: Sequence[str]) -> FinishedJob:
        described = self._wait(job.name)
        api = self._emulator.api
        document, lines = api.job(job.name), list[str]()
        hosts = host_names(api, job.name, None)
        print_logs(api, job.name, hosts, lambda _host, event: lines.append(event["message"]), begin=None, tail=None)
        roots = {folder / str(number): inside for number, inside in enumerate(outputs)}
        return FinishedJob(
            name=job.name,
            status=described["ProcessingJobStatus"],
            failure_reason=described.get("FailureReason"),
            exit_message=described.get("ExitMessage"),
            outputs={_inside(path, roots): path for path in job.download()},
            log=lines,
            peaks={host["host"]: host["peaks"] for host in document["instances"]},
            description=described,
            url=self._emulator.page_of(job.name),
        )

    def _wait(self, name: str) -> dict[str, Any]:
        """Each look takes until the job's next state, but for servers that do not know the header."""
        while True:
            described: dict[str, Any] = self._sagemaker.describe_processing_job(ProcessingJobName=name)
            if described["ProcessingJobStatus"] in _ENDED:
                return described

    def _report(self, job: FinishedJob) -> None:
        """The job as a property of the test, which JUnit files show, and its log, which pytest shows if it fails."""
        peaks = list(job.peaks.values())
        began, ended = job.description.get("ProcessingStartTime"), job.description.get("ProcessingEndTime")
        seconds = round((ended - began).total_seconds(), 1) if began and ended else ""
        shown = {
            "job": job.name,
            "status": job.status,
            "seconds": seconds,
            "peak memory (MiB)": round(max((peak["memoryBytes"] or 0 for peak in peaks), default=0) / _MIB, 1),
            "peak CPU (%)": round(max((peak["cpuPercent"] or 0 for peak in peaks), default=0), 1),
            "url": job.url,
        }
        self._item.user_properties.append((PROPERTY, json.dumps(shown)))
        tail = "\n".join(job.log[-_TAIL_LINES:])
        self._item.add_report_section("call", f"processing job {job.name}", f"{job.url}\n{tail}")


def _inside(path: Path, roots: Mapping[Path, str]) -> str:
    """The path in the container of a file that was downloaded below one of the roots."""
    root = next(root for root in roots if path.is_relative_to(root))
    return f"{roots[root]}/{path.relative_to(root).as_posix()}"
