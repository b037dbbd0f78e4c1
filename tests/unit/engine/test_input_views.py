"""Which inputs a container sees through an overlay, which it gets as copies, and that nothing is left of either."""

from typing import Any

import pytest

from processing_emulator.domain.job import ProcessingJob
from processing_emulator.errors import RuntimeUnavailable
from processing_emulator.ports import BindMount, ContainerSpec, OverlayMount
from tests.builders import an_input, an_output
from tests.fakes.container_script import FakeRun, mounted
from tests.unit.engine.engine_rig import EmulatorRun, Rig
from tests.waiting import wait_for

INPUT = "/opt/ml/processing/input"
HOLD = {"FAKE_HOLD": "1"}


@pytest.fixture
def filled(rig: Rig) -> Rig:
    """With two objects below `in/`."""
    rig.objects.put("bkt", "in/a", b"alpha")
    rig.objects.put("bkt", "in/deep/b", b"beta")
    return rig


def run(rig: Rig, name: str, **request: Any) -> ProcessingJob:
    job = rig.add(name, **{"inputs": [an_input(path=INPUT)], **request})
    ended = rig.wait_for_end(job)
    assert ended.status == "Completed", ended.failure_reason
    assert rig.leftovers() == []
    return ended


def mounts(emulator: EmulatorRun) -> dict[str, type]:
    """The kind of each mount of a LocalPath in the newest container."""
    return {m.target: type(m) for m in emulator.runtime.specs[-1].mounts if m.target.startswith("/opt/ml/processing")}


def cached(rig: Rig, job: ProcessingJob) -> int:
    (detail,) = [event.detail for event in rig.jobs.list_events(job.id) if event.action == "staged_in"]
    count: int = detail["cached_objects"]
    return count


def test_second_job_is_fed_from_the_cache_whatever_the_first_has_changed(filled: Rig) -> None:
    seen = []

    def work(spec: ContainerSpec) -> None:
        folder = mounted(spec, INPUT)
        seen.append({str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
        (folder / "a").write_bytes(b"changed")
        (folder / "deep" / "b").unlink()

    filled.script = lambda spec: FakeRun(work=work)
    emulator = filled.start_emulator()

    first, second = run(filled, "first"), run(filled, "second")

    assert mounts(emulator) == {INPUT: OverlayMount}
    assert seen == [{"a": b"alpha", "deep/b": b"beta"}] * 2
    assert (cached(filled, first), cached(filled, second)) == (0, 2)


def test_folder_with_an_output_is_no_view(filled: Rig) -> None:
    emulator = filled.start_emulator()
    inputs = [an_input(path=INPUT), an_input("other", path="/opt/ml/processing/other")]
    outputs = [an_output(path=f"{INPUT}/results")]

    run(filled, "first", inputs=inputs, outputs=outputs)
    second = run(filled, "second", inputs=inputs, outputs=outputs)

    assert mounts(emulator) == {INPUT: BindMount, "/opt/ml/processing/other": OverlayMount}
    assert cached(filled, second) == 4


def test_input_inside_another_is_in_the_same_view(filled: Rig) -> None:
    emulator = filled.start_emulator()
    seen = []
    filled.script = lambda spec: FakeRun(work=lambda spec: seen.append(sorted(_names(spec))))
    inputs = [an_input(path=INPUT), an_input("inner", path=f"{INPUT}/deep")]

    run(filled, "first", inputs=inputs)
    run(filled, "second", inputs=inputs)

    assert mounts(emulator) == {INPUT: OverlayMount}
    assert seen == [["a", "deep/a", "deep/b", "deep/deep/b"]] * 2


def _names(spec: ContainerSpec) -> list[str]:
    folder = mounted(spec, INPUT)
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_machine_without_overlays_gets_copies_and_is_asked_once(filled: Rig) -> None:
    filled.machine.has_overlays = False
    emulator = filled.start_emulator()
    run(filled, "first")
    filled.machine.has_overlays = True

    second = run(filled, "second")

    assert mounts(emulator) == {INPUT: BindMount}
    assert cached(filled, second) == 2


def test_engine_that_cannot_say_is_asked_again(filled: Rig) -> None:
    emulator = filled.start_emulator()
    emulator.runtime.fail("can_mount", RuntimeUnavailable("away"))

    run(filled, "first")
    assert mounts(emulator) == {INPUT: BindMount}
    second = run(filled, "second")

    assert mounts(emulator) == {INPUT: OverlayMount}
    assert cached(filled, second) == 2


def test_tag_turns_the_cache_off_for_a_job(filled: Rig) -> None:
    emulator = filled.start_emulator()
    run(filled, "first")

    second = run(filled, "second", tags={"processing-emulator:cache": "off"})

    assert mounts(emulator) == {INPUT: BindMount}
    assert cached(filled, second) == 0
    assert cached(filled, run(filled, "third", tags={"processing-emulator:cache": "on"})) == 2


def test_setting_turns_the_cache_off_for_all(filled: Rig) -> None:
    filled.cache_bytes = 0
    emulator = filled.start_emulator()
    run(filled, "first")

    assert cached(filled, run(filled, "second")) == 0
    assert mounts(emulator) == {INPUT: BindMount}


def test_view_of_a_running_job_outlives_the_emulator_and_the_reaper(filled: Rig) -> None:
    first = filled.start_emulator()
    job = filled.add(Environment=HOLD, inputs=[an_input(path=INPUT)])
    filled.wait_for_phase(job, "Running")
    first.end()
    view = filled.views_folder / str(job.id)

    second = filled.start_emulator()
    filled.wait_for_phase(job, "Running")
    second.reaper.sweep()
    second.tools.cache.clear()

    assert (view / "algo-1" / "processing" / "input" / "a").read_bytes() == b"alpha"
    filled.machine.release(filled.container(job))
    assert filled.wait_for_end(job).status == "Completed"
    assert filled.leftovers() == []


def test_reaper_removes_views_without_a_job(filled: Rig) -> None:
    left = filled.views_folder / "77" / "algo-1" / "processing"
    left.mkdir(parents=True)
    (filled.views_folder / "strange").mkdir()

    filled.start_emulator().reaper.sweep()

    assert filled.leftovers() == []


def test_cache_keeps_to_its_limit_while_the_engine_is_away(filled: Rig) -> None:
    filled.start_emulator()
    run(filled, "first")
    filled.close()
    filled.runs.clear()
    filled.cache_bytes = 1
    emulator = filled.start_emulator()
    emulator.runtime.lose_engine()

    with pytest.raises(RuntimeUnavailable):
        emulator.reaper.sweep()

    assert emulator.tools.cache.state().size_bytes == 0


def test_files_of_a_view_count_towards_the_volume(filled: Rig) -> None:
    filled.objects.put("bkt", "in/big", b"x" * 700_000)
    filled.cache_bytes = 10 * 1024**2
    filled.start_emulator()
    job = filled.add(Environment=HOLD, inputs=[an_input(path=INPUT)])
    filled.wait_for_phase(job, "Running")

    wait_for("the count", lambda: filled.peaks(job).disk_bytes >= 700_000 or None, 10)

    filled.machine.release(filled.container(job))
    filled.wait_for_end(job)
