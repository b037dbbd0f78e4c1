"""Runs the scripts of each stage one after the other, and knows how far each stage has come."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from processing_emulator.adapters.hooks.process import Ended, run_process
from processing_emulator.adapters.hooks.scripts import Script, Stage, check_init_dir, find_scripts
from processing_emulator.errors import Cancelled, HookFailed
from processing_emulator.ports import CancelToken

logger = logging.getLogger(__name__)

_LAST_LINE_CHARACTERS = 300
_LEADS_ELSEWHERE = frozenset({"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"})


class Progress(StrEnum):
    """The progress of a stage or of a script."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(slots=True, kw_only=True)
class _Run:
    """One run of a script."""

    name: str
    progress: Progress = Progress.RUNNING
    exit_code: int | None = None
    seconds: float | None = None


class HookRunner:
    """The scripts of one server. Without an `init_dir` there are none, and every stage completes at once."""

    def __init__(self, init_dir: Path | None, limit_seconds: float, on_output: Callable[[str, str], None]) -> None:
        """`on_output` gets a script's name and a line of its output. Raises StartFailure when there is no folder."""
        if init_dir is not None:
            check_init_dir(init_dir)
        self._init_dir = init_dir
        self._limit_seconds = limit_seconds
        self._on_output = on_output
        self._stages = dict.fromkeys(Stage, Progress.PENDING)
        self._runs: dict[Stage, list[_Run]] = {stage: [] for stage in Stage}

    def run(self, stage: Stage, variables: Mapping[str, str], cancel: CancelToken) -> None:
        """Run all scripts of a stage; `variables` come on top of the server's environment.

        `cancel` set, the script that runs is ended with everything it has started. Raises HookFailed naming the
        script, and runs none after it; Cancelled, StartFailure.
        """
        self._stages[stage] = Progress.RUNNING
        try:
            if self._init_dir is not None:
                self._run_scripts(self._init_dir, stage, _environment(variables), cancel)
        except BaseException:
            self._stages[stage] = Progress.FAILED
            raise
        self._stages[stage] = Progress.COMPLETED

    def state(self) -> dict[str, object]:
        """Each stage and its scripts, as JSON values."""
        return {
            stage.value: {
                "status": self._stages[stage].value,
                "scripts": [
                    {
                        "name": run.name,
                        "status": run.progress.value,
                        "exitCode": run.exit_code,
                        "seconds": None if run.seconds is None else round(run.seconds, 3),
                    }
                    for run in list(self._runs[stage])
                ],
            }
            for stage in Stage
        }

    def progress(self) -> dict[str, str]:
        """The progress of each stage."""
        return {stage.value: progress.value for stage, progress in self._stages.items()}

    def _run_scripts(self, init_dir: Path, stage: Stage, environment: Mapping[str, str], cancel: CancelToken) -> None:
        found = find_scripts(init_dir, stage)
        for name in found.ignored:
            logger.warning("init file ignored", extra={"file": name, "reason": "scripts end with .sh or .py"})
        for script in found.scripts:
            if cancel.is_set():
                raise Cancelled(f"{stage} was cancelled")
            run = _Run(name=script.name)
            self._runs[stage].append(run)
            self._run_script(init_dir / stage, script, environment, cancel, run)

    def _run_script(
        self, folder: Path, script: Script, environment: Mapping[str, str], cancel: CancelToken, run: _Run
    ) -> None:
        began = time.monotonic()
        try:
            ended = run_process(
                script.command,
                folder=folder,
                environment=environment,
                limit_seconds=self._limit_seconds,
                cancel=cancel,
                on_line=lambda line: self._on_output(script.name, line),
            )
        except BaseException as error:
            run.progress = Progress.FAILED
            if isinstance(error, OSError):
                raise HookFailed(f"script {script.name} cannot be started: {error.strerror}") from error
            raise
        run.exit_code, run.seconds = ended.exit_code, time.monotonic() - began
        run.progress = Progress.COMPLETED if ended.went_well else Progress.FAILED
        self._judge(script, ended)

    def _judge(self, script: Script, ended: Ended) -> None:
        if ended.went_well:
            return
        if ended.was_cancelled:
            raise Cancelled(f"script {script.name} was ended")
        if ended.timed_out:
            how = f"did not end within {self._limit_seconds:g} s"
        else:
            how = f"ended with exit code {ended.exit_code}"
        last = ended.last_line[:_LAST_LINE_CHARACTERS]
        raise HookFailed(
            f"script {script.name} {how}; its last line: {last}" if last else f"script {script.name} {how}"
        )


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The server's environment with the variables for AWS clients, without those that override them."""
    own = {name: value for name, value in os.environ.items() if not variables or name not in _LEADS_ELSEWHERE}
    return {**own, **variables}
