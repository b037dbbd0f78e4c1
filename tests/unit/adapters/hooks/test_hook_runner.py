"""Running init scripts: order, environment, output, failures, timeouts and cleanup."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from processing_emulator.adapters.hooks.runner import HookRunner
from processing_emulator.adapters.hooks.scripts import Stage
from processing_emulator.errors import Cancelled, HookFailed, StartFailure
from tests.waiting import wait_for


class Hooks:
    """An init directory, and the output of its scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "init"
        self.folder.mkdir()
        self.output: list[str] = []

    def add(self, name: str, content: str, *, stage: Stage = Stage.READY, mode: int = 0o644) -> Path:
        path = self.folder / stage / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        return path

    def runner(self, limit_seconds: float = 20.0) -> HookRunner:
        return HookRunner(self.folder, limit_seconds, self.record)

    def record(self, script: str, line: str) -> None:
        self.output.append(f"[{script}] {line}")

    def run(self, variables: Mapping[str, str] | None = None, limit_seconds: float = 20.0) -> HookRunner:
        runner = self.runner(limit_seconds)
        runner.run(Stage.READY, variables or {}, threading.Event())
        return runner


@pytest.fixture
def hooks(tmp_path: Path) -> Hooks:
    return Hooks(tmp_path)


def test_scripts_run_in_order_and_prefix_their_lines(hooks: Hooks) -> None:
    hooks.add("20-b.py", "print('two')")
    hooks.add("10-a.sh", "echo one; echo err >&2")
    hooks.run()
    assert hooks.output == ["[ready.d/10-a.sh] one", "[ready.d/10-a.sh] err", "[ready.d/20-b.py] two"]


def test_executable_script_runs_with_its_shebang(hooks: Hooks) -> None:
    hooks.add("a.sh", "#!/usr/bin/env python3\nprint('python')\n", mode=0o755)
    hooks.add("b.sh", "#!/no/such/shell\necho sh\n")
    hooks.run()
    assert hooks.output == ["[ready.d/a.sh] python", "[ready.d/b.sh] sh"]


def test_other_files_are_ignored_with_a_warning(hooks: Hooks, caplog: pytest.LogCaptureFixture) -> None:
    hooks.add("notes.txt", "hello")
    (hooks.folder / "ready.d" / "folder.sh").mkdir()
    hooks.run()
    assert hooks.output == []
    assert [vars(record)["file"] for record in caplog.records] == ["ready.d/folder.sh", "ready.d/notes.txt"]


def test_only_the_scripts_of_the_stage_run(hooks: Hooks) -> None:
    hooks.add("a.sh", "echo boot", stage=Stage.BOOT)
    runner = hooks.run()
    assert hooks.output == []
    assert runner.progress() == {"boot.d": "pending", "ready.d": "completed", "shutdown.d": "pending"}


def test_scripts_get_the_variables_without_the_caller_s_aws_settings(hooks: Hooks) -> None:
    hooks.add("a.sh", 'echo "$AWS_ENDPOINT_URL ${AWS_PROFILE-none} $PWD ${PATH:+path}"')
    os.environ["AWS_PROFILE"] = "production"
    try:
        hooks.run({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})
    finally:
        del os.environ["AWS_PROFILE"]
    assert hooks.output == [f"[ready.d/a.sh] http://127.0.0.1:1 none {hooks.folder}/ready.d path"]


def test_failed_script_ends_the_stage_with_code_and_last_line(hooks: Hooks) -> None:
    hooks.add("a.sh", "echo before; echo no bucket >&2; exit 3")
    hooks.add("b.sh", "echo never")
    runner = hooks.runner()
    with pytest.raises(HookFailed, match=r"^script ready.d/a.sh ended with exit code 3; its last line: no bucket$"):
        runner.run(Stage.READY, {}, threading.Event())
    assert "[ready.d/b.sh] never" not in hooks.output
    stage = runner.state()["ready.d"]
    assert isinstance(stage, dict)
    assert stage["status"] == "failed"
    assert [(run["name"], run["status"], run["exitCode"]) for run in stage["scripts"]] == [
        ("ready.d/a.sh", "failed", 3)
    ]


def test_script_killed_by_a_signal_has_a_shell_s_exit_code(hooks: Hooks) -> None:
    hooks.add("a.sh", "kill -9 $$")
    with pytest.raises(HookFailed, match=r"ended with exit code 137$"):
        hooks.run()


def test_script_that_cannot_start_is_named(hooks: Hooks) -> None:
    hooks.add("a.sh", "#!/no/such/shell\n", mode=0o755)
    with pytest.raises(HookFailed, match=r"script ready.d/a.sh cannot be started: No such file or directory"):
        hooks.run()


def test_timeout_kills_the_script_and_its_children(hooks: Hooks) -> None:
    hooks.add("a.sh", "trap '' TERM; sleep 300 & echo $!; wait; sleep 300")
    with pytest.raises(HookFailed, match=r"script ready.d/a.sh did not end within 0.5 s"):
        hooks.run(limit_seconds=0.5)
    _is_gone(hooks)


def test_background_processes_end_with_the_script(hooks: Hooks) -> None:
    hooks.add("a.sh", "sleep 300 & echo $!")
    hooks.run()
    _is_gone(hooks)


def test_cancelled_script_ends_with_its_process_group(hooks: Hooks) -> None:
    hooks.add("a.sh", "sleep 300 & echo $!; wait")
    runner, cancel, raised = hooks.runner(), threading.Event(), []

    def run() -> None:
        try:
            runner.run(Stage.READY, {}, cancel)
        except Cancelled as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    wait_for("the script to run", lambda: bool(hooks.output) or None)
    cancel.set()
    thread.join(10)
    assert raised == ["script ready.d/a.sh was ended"]
    _is_gone(hooks)


def test_cancelled_stage_runs_nothing(hooks: Hooks) -> None:
    hooks.add("a.sh", "echo ran")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        hooks.runner().run(Stage.READY, {}, cancel)
    assert hooks.output == []


def test_without_a_folder_every_stage_completes(hooks: Hooks) -> None:
    runner = HookRunner(None, 1.0, hooks.record)
    for stage in Stage:
        runner.run(stage, {}, threading.Event())
    assert set(runner.progress().values()) == {"completed"}


def test_missing_init_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartFailure, match="is no folder; make it, or leave --init-dir out"):
        HookRunner(tmp_path / "none", 1.0, lambda _script, _line: None)


def _is_gone(hooks: Hooks) -> None:
    pid = int(hooks.output[0].rpartition(" ")[2])
    wait_for(f"process {pid} to be gone", lambda: not psutil.pid_exists(pid) or _is_zombie(pid) or None)


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
