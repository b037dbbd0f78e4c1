"""The port suite of AlarmStore."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from processing_emulator.ports import Alarm, AlarmKey
from tests.contract.ports.stores import NOW, PortStores, later

OWNER = ("000000000000", "us-east-1")


def an_alarm(name: str = "high", *, account: str = OWNER[0], **changes: Any) -> Alarm:
    request = {"AlarmName": name, "Threshold": 1.5, "Dimensions": [{"Name": "Host", "Value": "a/algo-1"}]}
    made: dict[str, Any] = {"request": request, "tags": {"team": "a"}, "updated_at": NOW, **changes}
    return Alarm(key=AlarmKey(account, OWNER[1], name), **made)


def test_an_alarm_comes_back_as_it_was(stores: PortStores) -> None:
    stores.alarms.put_alarm(an_alarm())
    assert stores.alarms.find_alarm(an_alarm().key) == an_alarm()
    assert stores.alarms.find_alarm(AlarmKey(*OWNER, "other")) is None
    assert stores.alarms.find_alarm(AlarmKey(*OWNER, "\0")) is None


def test_a_new_description_replaces_the_old_and_keeps_the_tags(stores: PortStores) -> None:
    stores.alarms.put_alarm(an_alarm())
    stores.alarms.put_alarm(an_alarm(request={"Threshold": 2}, tags={"other": "b"}, updated_at=later(1)))
    found = stores.alarms.find_alarm(an_alarm().key)
    assert found is not None
    assert (found.request, found.tags) == ({"Threshold": 2}, {"team": "a"})
    assert found.updated_at == NOW + timedelta(seconds=1)


def test_alarms_are_listed_by_name_and_owner(stores: PortStores) -> None:
    for name in ("b", "a", "C"):
        stores.alarms.put_alarm(an_alarm(name))
    stores.alarms.put_alarm(an_alarm("z", account="111111111111"))
    assert [alarm.key.name for alarm in stores.alarms.list_alarms(*OWNER)] == ["C", "a", "b"]


def test_tags_are_edited(stores: PortStores) -> None:
    stores.alarms.put_alarm(an_alarm())
    stores.alarms.edit_alarm_tags(an_alarm().key, lambda _tags: {"x": "y"})
    stores.alarms.edit_alarm_tags(an_alarm().key, lambda tags: {**tags, "z": "y"})
    stores.alarms.edit_alarm_tags(AlarmKey(*OWNER, "other"), lambda _tags: {"x": "y"})
    assert [alarm.tags for alarm in stores.alarms.list_alarms(*OWNER)] == [{"x": "y", "z": "y"}]


def test_edits_of_tags_at_the_same_time_are_all_kept(stores: PortStores) -> None:
    stores.alarms.put_alarm(an_alarm())

    def add(name: str) -> None:
        stores.alarms.edit_alarm_tags(an_alarm().key, lambda tags: {**tags, name: "1"})

    names = {f"tag-{number}" for number in range(12)}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, names))
    found = stores.alarms.find_alarm(an_alarm().key)
    assert found is not None
    assert names <= set(found.tags)


def test_deletion_takes_those_that_there_are(stores: PortStores) -> None:
    for name in ("a", "b"):
        stores.alarms.put_alarm(an_alarm(name))
    stores.alarms.delete_alarms(*OWNER, ["a", "nothing", "\ud800"])
    assert [alarm.key.name for alarm in stores.alarms.list_alarms(*OWNER)] == ["b"]
    stores.jobs.clear()
    assert stores.alarms.list_alarms(*OWNER) == []
