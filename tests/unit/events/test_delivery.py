"""Deliveries of events: nothing lost, in order, with retries, across restarts, and dead letters at the end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from processing_emulator.adapters.dead_letter_file import DeadLetterFile
from processing_emulator.adapters.event_targets.webhook import Webhook
from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of
from processing_emulator.domain.phase import JobPhase
from processing_emulator.events.delivery import DeliveryTools, EventDelivery
from processing_emulator.events.destination import AllEvents, Selection, TargetOfRules
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.ports import EventRule, RuleKey
from tests.builders import a_key, a_request
from tests.contract.ports.stores import NOW, add_job, later, move_to
from tests.fakes.clock import StoppedClock
from tests.fakes.event_rule_store import MemoryEventRuleStore
from tests.fakes.job_store import MemoryJobStore
from tests.unit.events.http_receiver import HttpReceiver, http_receiver
from tests.waiting import wait_for

QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"


class World:
    """Jobs, a receiver, and deliveries to it that can be stopped and started again."""

    def __init__(self, receiver: HttpReceiver, folder: Path) -> None:
        self.receiver = receiver
        self.store = MemoryJobStore()
        self.rules = MemoryEventRuleStore(self.store)
        self.clock = StoppedClock(NOW)
        self.letters = folder / "dead-letters.jsonl"

    @contextmanager
    def delivering(self, selection: Selection | None = None) -> Iterator[None]:
        tools = DeliveryTools(
            changes=StateChanges(self.store, description_of),
            feed=self.store,
            places=self.rules,
            dead_letters=DeadLetterFile(self.letters),
            clock=self.clock,
            patience_seconds=60,
            first_pause_seconds=0.01,
        )
        delivery = EventDelivery("receiver", selection or AllEvents(), Webhook(self.receiver.url), tools)
        delivery.start()
        try:
            yield
        finally:
            delivery.stop()

    def statuses(self) -> list[tuple[str, str]]:
        """Names and statuses, as the receiver has got them."""
        details = [body["detail"] for body in self.receiver.bodies]
        return [(detail["ProcessingJobName"], detail["ProcessingJobStatus"]) for detail in details]

    def dead(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.letters.read_text().splitlines()] if self.letters.exists() else []


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with http_receiver() as receiver:
        yield World(receiver, tmp_path)


def test_nothing_is_lost_and_the_order_is_kept_while_the_receiver_fails(world: World) -> None:
    with world.delivering():
        add_job(world.store, "before")
        wait_for("deliveries", lambda: world.statuses() == [("before", "InProgress")])
        world.receiver.status = 503
        for number in range(5):
            move_to(world.store, add_job(world.store, f"job-{number}"), JobPhase.COMPLETED)
        wait_for("deliveries", lambda: world.receiver.refused > 5)
        world.receiver.status = 200
        wait_for("deliveries", lambda: len(world.receiver.taken) == 16)

    expected = [
        (f"job-{number}", status) for number in range(5) for status in ("InProgress", "InProgress", "Completed")
    ]
    assert world.statuses() == [("before", "InProgress"), *expected]
    assert world.dead() == []


def test_a_delivery_goes_on_where_it_was_when_the_server_stopped(world: World) -> None:
    with world.delivering():
        add_job(world.store, "a")
        wait_for("deliveries", lambda: len(world.receiver.taken) == 1)
        world.receiver.status = 500
        add_job(world.store, "b")
        wait_for("deliveries", lambda: world.receiver.refused > 0)
    add_job(world.store, "c")
    world.receiver.status = 200

    with world.delivering():
        wait_for("deliveries", lambda: len(world.receiver.taken) == 3)

    assert [name for name, _ in world.statuses()] == ["a", "b", "c"]


def test_a_new_destination_gets_what_comes_from_then_on(world: World) -> None:
    add_job(world.store, "before")
    with world.delivering():
        add_job(world.store, "after")
        wait_for("deliveries", lambda: len(world.receiver.taken) == 1)
    assert world.statuses() == [("after", "InProgress")]


def test_an_event_that_is_too_old_becomes_a_dead_letter_and_the_next_goes_on(world: World) -> None:
    with world.delivering():
        world.receiver.status = 503
        add_job(world.store, "old")
        wait_for("deliveries", lambda: world.receiver.refused > 1)
        world.clock.at = later(61)
        wait_for("deliveries", lambda: len(world.dead()) == 1)
        world.receiver.status = 200
        add_job(world.store, "next", at=later(61))
        wait_for("deliveries", lambda: len(world.receiver.taken) == 1)

    [letter] = world.dead()
    assert letter["event"]["detail"]["ProcessingJobName"] == "old"
    assert json.loads(letter["message"]) == letter["event"]
    assert (letter["destination"], letter["error"]) == ("receiver", "The receiver answered 503.")
    assert world.letters.stat().st_mode & 0o777 == 0o600
    assert world.statuses() == [("next", "InProgress")]


def test_what_no_repetition_changes_is_not_repeated(world: World) -> None:
    with world.delivering():
        world.receiver.status = 403
        add_job(world.store, "a")
        wait_for("deliveries", lambda: len(world.dead()) == 1)
    assert world.receiver.refused == 1


def test_a_receiver_cannot_send_the_events_elsewhere(world: World) -> None:
    with world.delivering():
        world.receiver.status, world.receiver.headers = 302, {"location": world.receiver.url + "/elsewhere"}
        add_job(world.store, "a")
        wait_for("deliveries", lambda: len(world.dead()) == 1)
    assert world.receiver.refused == 1


def test_what_was_taken_is_not_repeated_when_that_cannot_be_stored_at_once(world: World) -> None:
    with world.delivering():
        world.receiver.status = 503
        add_job(world.store, "a")
        wait_for("deliveries", lambda: world.receiver.refused > 0)
        world.store.go_down()
        world.receiver.status = 200
        wait_for("deliveries", lambda: len(world.receiver.taken) == 1)
        world.store.come_back()
        add_job(world.store, "b")
        wait_for("deliveries", lambda: len(world.receiver.taken) == 2)
    assert [name for name, _ in world.statuses()] == ["a", "b"]


def test_rules_choose_what_their_targets_get(world: World) -> None:
    pattern = json.dumps({"detail": {"ProcessingJobStatus": ["Completed"]}})
    targets = ({"Id": "1", "Arn": QUEUE, "InputPath": "$.detail.ProcessingJobName"}, {"Id": "2", "Arn": "arn:other"})
    rule = EventRule(
        key=RuleKey(a_key().account, a_key().region, "a"), request={"EventPattern": pattern}, targets=targets
    )
    off = replace(rule, key=rule.key._replace(name="off"), request={**rule.request, "State": "DISABLED"})
    for each in (rule, off):
        world.rules.change_rule(each.key, lambda _before, each=each: each)  # type: ignore[misc]

    with world.delivering(TargetOfRules(QUEUE, world.rules)):
        world.store.add(a_key("other", account="999999999999"), a_request("other"), {}, NOW)
        for name in ("a", "b"):
            move_to(world.store, add_job(world.store, name), JobPhase.COMPLETED)
        wait_for("deliveries", lambda: len(world.receiver.taken) == 2)
        world.rules.change_rule(rule.key, lambda _rule: replace(rule, request={"EventPattern": '{"source":["x"]}'}))
        move_to(world.store, add_job(world.store, "c"), JobPhase.COMPLETED)

    assert world.receiver.bodies == ["a", "b"]
