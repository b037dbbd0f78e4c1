"""Runs jobs with generated keys and output trees: `make fuzz-staging`.

The engine, the workspace, the cache and the S3 client are the real ones; containers are simulated, and the store serves
any key. After each job everything outside of its folders must be as it was, nothing from there may have been uploaded,
and nothing of the job may be left. A failure is reported with the seed and the number of its case.
"""

import argparse
import json
import logging
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from random import SystemRandom
from typing import Any

from processing_emulator.adapters.s3_store.retry import RetryPolicy
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.domain.job import ProcessingJob
from processing_emulator.ports import ContainerSpec
from tests.builders import an_input, an_output
from tests.fakes.container_script import FakeRun, mounted
from tests.integration.staging_fuzz.store import AnyKeyStore
from tests.integration.staging_fuzz.trees import PREFIXES, OutputTree, expected_files, keys_of, snapshot
from tests.unit.engine.engine_rig import Rig

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
SECRET = b"the secret of the outside"
CASES_PER_RIG = 100


class Unsafe(AssertionError):
    """A case did what it must not."""


class StagingFuzz:
    """Cases of one seed, in a folder of their own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._store = AnyKeyStore()
        self._objects = S3ObjectStore(
            endpoint_url=self._store.stub.endpoint,
            access_key="key",
            secret_key="secret",
            retry=RetryPolicy(patience_seconds=0.0),
        )
        self._rig: Rig | None = None
        self.outside = folder / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_bytes(SECRET)
        (folder / "level").mkdir()
        self.counts: Counter[str] = Counter()

    def close(self) -> None:
        if self._rig is not None:
            self._rig.close()
        self._objects.close()
        self._store.close()

    def play(self, number: int) -> None:
        """Run one case. Raises Unsafe."""
        if self._rig is None or number % CASES_PER_RIG == 0:
            self._renew_rig(number)
        assert self._rig is not None
        chance = random.Random(f"{self._seed}/{number}")
        case = Case(chance, self._rig, self._store, self.outside)
        before = self._surroundings()
        job = case.run()
        if self._surroundings() != before:
            raise Unsafe("something outside of the job's folders has changed")
        case.check(job)
        self.counts[str(job.status)] += 1
        self.counts.update(case.counts)

    def _renew_rig(self, number: int) -> None:
        if self._rig is not None:
            self._rig.close()
        home = self._folder / "level" / f"rig-{number}"
        home.mkdir()
        rig = Rig(home)
        rig.objects = self._objects  # type: ignore[assignment]
        rig.machine.has_overlays = number // CASES_PER_RIG % 2 == 0
        rig.host = type(rig.host)(vcpus=64.0)
        rig.start_emulator()
        self._rig = rig

    def _surroundings(self) -> dict[str, object]:
        """Everything but the folders of jobs and of the cache."""
        found: dict[str, object] = dict(snapshot(self.outside))
        found["folder"] = sorted(path.name for path in self._folder.iterdir())
        found["level"] = sorted(path.name for path in (self._folder / "level").iterdir())
        for home in (self._folder / "level").iterdir():
            found[home.name] = sorted(path.name for path in home.iterdir() if path.name not in ("jobs", "cache"))
        return found


class Case:
    """One job with generated objects and outputs."""

    def __init__(self, chance: random.Random, rig: Rig, store: AnyKeyStore, outside: Path) -> None:
        self._chance = chance
        self._rig = rig
        self._store = store
        self._outside = outside
        self._keys = keys_of(chance, outside)
        self._prefix = chance.choice(PREFIXES)
        self._is_raced = chance.random() < 0.3
        self._seen: dict[str, bytes] | None = None
        self._tree: OutputTree | None = None
        self._over = threading.Event()
        self._swapper: threading.Thread | None = None
        self.counts: Counter[str] = Counter()

    def run(self) -> ProcessingJob:
        """Run the job to its end."""
        self._store.forget()
        self._store.objects.update(self._keys)
        self._rig.script = lambda _spec: FakeRun(work=self._work)
        try:
            job = self._rig.add(f"case-{self._chance.randrange(10**9)}", **self._request())
            return self._rig.wait_for_end(job)
        finally:
            self._over.set()
            if self._swapper is not None:
                self._swapper.join()

    def _request(self) -> dict[str, Any]:
        source = an_input(uri=f"s3://bkt/{self._prefix}", path=INPUT)
        if self._chance.random() < 0.2:
            source["S3Input"]["S3DataType"] = "ManifestFile"
            source["S3Input"]["S3Uri"] = "s3://bkt/the.manifest"
            names = [key.removeprefix("in/") for key in self._keys]
            document = [{"prefix": "s3://bkt/in/"}, *self._chance.sample(names, len(names) // 2 + 1 if names else 0)]
            self._store.objects["the.manifest"] = json.dumps(document).encode()
            self._prefix = "manifest"
        if self._chance.random() < 0.2:
            source["S3Input"]["S3DataDistributionType"] = "ShardedByS3Key"
        path = self._chance.choice((OUTPUT, OUTPUT, f"{INPUT}/inner"))
        return {"inputs": [source], "outputs": [an_output(path=path)]}

    def _work(self, spec: ContainerSpec) -> None:
        """What the container does: look at its input, ruin it, and leave outputs."""
        folder = mounted(spec, INPUT)
        self._seen = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for path in list(folder.rglob("*")):
            if path.is_file():
                path.write_bytes(b"ruined")
        output = next(m for m in (OUTPUT, f"{INPUT}/inner") if self._has_mount(spec, m))
        self._tree = OutputTree(self._chance, mounted(spec, output), self._outside)
        self._tree.grow()
        if self._is_raced:
            self._swapper = threading.Thread(target=self._swap, args=(self._tree,))
            self._swapper.start()

    def _has_mount(self, spec: ContainerSpec, path: str) -> bool:
        try:
            return mounted(spec, path).is_dir()
        except KeyError:
            return False

    def _swap(self, tree: OutputTree) -> None:
        for _ in tree.iter_swaps():
            if self._over.wait(0.0005):
                return

    def check(self, job: ProcessingJob) -> None:
        """What the job has seen, uploaded and left. Raises Unsafe."""
        self._check_input(job)
        self._check_uploads(job)
        if left := self._rig.leftovers():
            raise Unsafe(f"left behind: {left[:5]}")
        reason = job.failure_reason or ""
        if "InternalServerError" in reason or "InternalError" in reason:
            raise Unsafe(f"the emulator failed: {reason}")

    def _check_input(self, job: ProcessingJob) -> None:
        if self._prefix != "in/":
            return
        expected = expected_files(self._keys)
        self.counts["inputs refused" if expected is None else "inputs staged"] += 1
        if self._seen is not None:
            inner = {path: body for path, body in self._seen.items() if not path.startswith("inner/")}
            expected = None if expected is None else {p: b for p, b in expected.items() if not p.startswith("inner/")}
            if inner != expected:
                raise Unsafe(f"the container saw {inner}, not {expected}")
        elif expected is not None:
            raise Unsafe(f"the job should have seen {expected}, but: {job.failure_reason}")

    def _check_uploads(self, job: ProcessingJob) -> None:
        uploads = self._store.uploads
        self.counts["files uploaded"] += len(uploads)
        for key, body in uploads.items():
            if SECRET in body or b"root:" in body or not key.startswith("bkt/out/"):
                raise Unsafe(f"uploaded {key}: {body[:200]!r}")
        if self._tree is None or self._is_raced:
            self.counts["outputs swapped"] += self._tree is not None
            return
        expected = self._tree.expected_uploads()
        if expected is None:
            if job.status != "Failed":
                raise Unsafe("an output that is no key should have failed the job")
        elif {key.removeprefix("bkt/"): body for key, body in uploads.items()} != expected:
            raise Unsafe(f"uploaded {sorted(uploads)}, not {sorted(expected)}: {job.failure_reason}")


def fuzz(folder: Path, seed: int, *, seconds: float, first: int = 0, most: int | None = None) -> Counter[str]:
    """Run cases for so long; what has happened. Raises Unsafe with the seed and the number of the case."""
    generator = StagingFuzz(folder, seed)
    until = time.monotonic() + seconds
    number = first
    try:
        while time.monotonic() < until and (most is None or number < first + most):
            try:
                generator.play(number)
            except Exception as error:
                raise Unsafe(f"seed {seed}, case {number}: {error}") from error
            number += 1
    finally:
        generator.close()
    return generator.counts + Counter(cases=number - first)


def main() -> int:
    """The command; 1 when something failed."""
    parser = argparse.ArgumentParser(prog="make fuzz-staging", description="Stage generated keys and trees.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    parser.add_argument("--replay", type=int, metavar="NUMBER", help="run this case alone")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # outputs that are changed during the clean-up are left to the reaper
    most = None if options.replay is None else 1
    with tempfile.TemporaryDirectory(prefix="processing-emulator-fuzz-") as folder:
        try:
            counts = fuzz(Path(folder), options.seed, seconds=options.seconds, first=options.replay or 0, most=most)
        except Unsafe as error:
            print(f"FAILED {error}\none again: make fuzz-staging ARGS='--seed {options.seed} --replay NUMBER'")
            return 1
    print(f"seed {options.seed}: " + "  ".join(f"{name}: {count}" for name, count in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
