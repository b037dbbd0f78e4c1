"""Whatever jobs do in whatever order, the cache keeps to its limit, to its order, and to what jobs use."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.unit.engine.cache_rig import KIB, CacheRig

LIMIT = 24 * KIB
KEYS = [f"k{number}" for number in range(8)]


class CacheMachine(RuleBasedStateMachine):
    """Jobs begin and end, objects change, the emulator is restarted; a model says what must be there."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.rig = CacheRig(Path(self._folder.name), limit_bytes=LIMIT)
        self.jobs: dict[str, dict[str, bytes]] = {}
        self.made = 0
        self.bodies: dict[str, bytes] = {}
        for key in KEYS:
            self.change(key, 4)

    @rule(key=st.sampled_from(KEYS), kib=st.integers(0, 12))
    def change(self, key: str, kib: int) -> None:
        self.made += 1
        self.bodies[key] = self.made.to_bytes(4, "big") * (kib * KIB // 4)
        self.rig.put({key: self.bodies[key]})

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True), linked=st.booleans())
    def begin(self, keys: list[str], linked: bool) -> None:
        self.made += 1
        name = f"job-{self.made}"
        self.rig.job(name, keys, linked=linked)
        self.jobs[name] = {key: self.bodies[key] for key in keys}

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        if self.jobs:
            name = data.draw(st.sampled_from(sorted(self.jobs)))
            del self.jobs[name]
            self.rig.end(name)

    @rule(limit=st.sampled_from([LIMIT, LIMIT, LIMIT // 2]))
    def restart(self, limit: int) -> None:
        self.rig.restart(limit_bytes=limit)

    @rule()
    def maintain(self) -> None:
        self.rig.cache.maintain()

    @rule()
    def clear(self) -> None:
        self.rig.cache.clear()

    @invariant()
    def jobs_have_what_was_there_when_they_began(self) -> None:
        for name, contents in self.jobs.items():
            assert self.rig.contents(name) == contents

    @invariant()
    def the_limit_holds_but_for_what_jobs_use(self) -> None:
        unused = [path.stat().st_size for path in self.rig.files() if path.stat().st_nlink == 1]
        assert sum(unused) <= LIMIT

    @invariant()
    def the_files_are_the_entries(self) -> None:
        state = self.rig.cache.state()
        assert len(self.rig.files()) == state.entries
        assert sum(path.stat().st_size for path in self.rig.files()) == state.size_bytes

    def teardown(self) -> None:
        self._folder.cleanup()


TestCache = CacheMachine.TestCase
TestCache.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
