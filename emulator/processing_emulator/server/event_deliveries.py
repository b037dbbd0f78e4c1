"""Makes the deliveries of events to the receivers that the settings name."""

from collections.abc import Iterator

from processing_emulator.adapters.dead_letter_file import DeadLetterFile
from processing_emulator.adapters.event_targets.aws_services import AwsAccess, EventBus, SqsQueue
from processing_emulator.adapters.event_targets.webhook import Webhook
from processing_emulator.config import Settings
from processing_emulator.events.delivery import DeliveryTools, EventDelivery
from processing_emulator.events.destination import AllEvents, TargetOfRules
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.ports import EventSender
from processing_emulator.server.adapters import Adapters

_FALLBACK_REGION = "us-east-1"


def event_deliveries(settings: Settings, adapters: Adapters, changes: StateChanges) -> Iterator[EventDelivery]:
    """A service for each receiver. `adapters` give the stores and the clock."""
    stores = adapters.stores
    tools = DeliveryTools(
        changes=changes,
        feed=stores.jobs,
        places=stores.rules,
        dead_letters=DeadLetterFile(adapters.data.root / "dead-letters.jsonl"),
        clock=adapters.clock,
        patience_seconds=settings.event_patience_seconds,
    )
    if settings.event_webhook is not None:
        yield EventDelivery("webhook", AllEvents(), Webhook(settings.event_webhook.get_secret_value()), tools)
    for arn, url in settings.event_targets.items():
        sender = _sender(url.get_secret_value(), _access(settings, arn))
        yield EventDelivery(f"target {arn}", TargetOfRules(arn, stores.rules), sender, tools)


def _sender(url: str, access: AwsAccess) -> EventSender:
    """By the scheme, which the settings have checked."""
    kind, plus, rest = url.partition("+")
    match kind if plus else "":
        case "sqs":
            return SqsQueue(rest, access)
        case "events":
            return EventBus(rest, access)
        case _:
            return Webhook(url)


def _access(settings: Settings, arn: str) -> AwsAccess:
    region = arn.split(":")[3] if arn.count(":") >= 5 else ""
    return AwsAccess(
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value(),
        region=region or _FALLBACK_REGION,
    )
