"""The port suite of EventRuleStore."""

from dataclasses import replace

import pytest

from processing_emulator.errors import ValidationFailed
from processing_emulator.ports import EventRule, RuleKey
from tests.contract.ports.stores import PortStores

KEY = RuleKey("000000000000", "us-east-1", "rule")
RULE = EventRule(
    key=KEY,
    request={"Name": "rule", "EventPattern": '{"source":["\u00e9"]}'},
    tags={"team": "a"},
    targets=({"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:q"},),
)


def keep(stores: PortStores, rule: EventRule) -> None:
    stores.rules.change_rule(rule.key, lambda _before: rule)


def test_a_rule_comes_back_as_it_was_changed(stores: PortStores) -> None:
    assert stores.rules.find_rule(KEY) is None
    keep(stores, RULE)
    assert stores.rules.find_rule(KEY) == RULE

    stores.rules.change_rule(KEY, lambda rule: rule and replace(rule, tags={}, targets=()))

    assert stores.rules.find_rule(KEY) == replace(RULE, tags={}, targets=())


def test_a_change_that_fails_changes_nothing(stores: PortStores) -> None:
    keep(stores, RULE)

    def refuse(_rule: EventRule | None) -> EventRule:
        raise ValidationFailed("no")

    with pytest.raises(ValidationFailed):
        stores.rules.change_rule(KEY, refuse)

    assert stores.rules.find_rule(KEY) == RULE


def test_rules_are_listed_by_owner_and_name(stores: PortStores) -> None:
    for key in (
        KEY._replace(name="b"),
        KEY._replace(name="C"),
        KEY._replace(account="1" * 12),
        KEY._replace(region="r"),
    ):
        keep(stores, replace(RULE, key=key))

    assert [rule.key.name for rule in stores.rules.list_rules("000000000000", "us-east-1")] == ["C", "b"]
    assert len(stores.rules.list_rules()) == 4


def test_a_removed_rule_is_gone(stores: PortStores) -> None:
    keep(stores, RULE)
    for _ in range(2):
        stores.rules.change_rule(KEY, lambda _rule: None)
        assert stores.rules.list_rules() == []


def test_a_reset_removes_rules_and_keeps_how_far_deliveries_are(stores: PortStores) -> None:
    keep(stores, RULE)
    assert stores.rules.delivered_to("webhook") is None
    for place in (3, 5):
        stores.rules.set_delivered_to("webhook", place)
    stores.rules.set_delivered_to("other", 1)

    stores.jobs.clear()

    assert stores.rules.list_rules() == []
    assert (stores.rules.delivered_to("webhook"), stores.rules.delivered_to("other")) == (5, 1)
