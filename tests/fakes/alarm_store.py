"""An AlarmStore in memory, forgotten together with the jobs of a MemoryJobStore."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from processing_emulator.ports import Alarm, AlarmKey
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.stored import stored_json, stored_moment


class MemoryAlarmStore:
    """Implements `ports.AlarmStore`."""

    def __init__(self, jobs: MemoryJobStore) -> None:
        self._jobs = jobs
        self._alarms: dict[AlarmKey, Alarm] = {}
        jobs.own(self._alarms)

    def put_alarm(self, alarm: Alarm) -> None:
        """See the port."""
        with self._jobs.transaction():
            before = self._alarms.get(alarm.key)
            tags = alarm.tags if before is None else before.tags
            stored = replace(alarm, request=stored_json(alarm.request), updated_at=stored_moment(alarm.updated_at))
            self._alarms[alarm.key] = replace(stored, tags=tags)

    def list_alarms(self, account: str, region: str) -> Sequence[Alarm]:
        """See the port."""
        with self._jobs.transaction():
            return [alarm for key, alarm in sorted(self._alarms.items()) if key[:2] == (account, region)]

    def find_alarm(self, key: AlarmKey) -> Alarm | None:
        """See the port."""
        with self._jobs.transaction():
            return self._alarms.get(key)

    def edit_alarm_tags(self, key: AlarmKey, edit: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """See the port."""
        with self._jobs.transaction():
            if key in self._alarms:
                self._alarms[key] = replace(self._alarms[key], tags=dict(edit(self._alarms[key].tags)))

    def delete_alarms(self, account: str, region: str, names: Sequence[str]) -> None:
        """See the port."""
        with self._jobs.transaction():
            for name in names:
                self._alarms.pop(AlarmKey(account, region, name), None)
