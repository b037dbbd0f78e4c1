"""Two GPU jobs, sampled through the bindings of NVIDIA on the stub driver; one GPU vanishes meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.adapters.nvml.stub import compiled

PROGRAM = """
import os, sys
from pathlib import Path
from processing_emulator.adapters.nvml.probe import NvmlProbe
from tests.fakes.container_script import FakeRun
from tests.fakes.probes import FakeHostProbe
from tests.unit.engine.engine_rig import Rig
from tests.waiting import wait_for

rig = Rig(Path(sys.argv[1]))
rig.gpus = NvmlProbe()
rig.host = FakeHostProbe(vcpus=16.0, memory_bytes=64 * 1024**3, gpu_ids=rig.gpus.gpu_ids())
rig.script = lambda spec: FakeRun(holds=True)
rig.start_emulator()
jobs = [rig.add(name, instance_type="ml.g5.xlarge") for name in ("first", "second")]

def peaks(job):
    return rig.peaks(job) if rig.jobs.list_instances(job.id) else None

for job in jobs:
    wait_for("a sample", lambda: (found := peaks(job)) and found.gpu_percent)
os.environ["STUB_LOST"] = "0"
wait_for("the loss", lambda: "gpu_lost" in rig.actions(jobs[0]))
for job in jobs:
    rig.machine.release(rig.container(job))
for job in jobs:
    assert rig.wait_for_end(job).status == "Completed"
assert "gpu_lost" not in rig.actions(jobs[1])
print([(peaks(job).gpu_percent, peaks(job).gpu_memory_percent) for job in jobs])
rig.close()
"""


def test_each_job_has_the_figures_of_its_own_gpu_and_one_may_vanish(tmp_path: Path) -> None:
    library = compiled(tmp_path)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path / "jobs")],
        env={**os.environ, "LD_LIBRARY_PATH": str(library), "PYTHONPATH": os.getcwd()},  # noqa: PTH109
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "[(37.0, 12.5), (100.0, 50.0)]"
