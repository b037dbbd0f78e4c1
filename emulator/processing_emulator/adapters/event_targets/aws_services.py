"""Receivers that speak AWS's APIs: a queue of SQS, and an event bus of EventBridge, as other emulators have them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from processing_emulator.errors import DeliveryFailed
from processing_emulator.ports import EventMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsAccess:
    """How requests are signed."""

    access_key: str
    secret_key: str
    region: str


class _Client:
    """A boto3 client, made on first use: boto3 takes long to import. It does not try again by itself."""

    def __init__(self, service: str, endpoint: str, access: AwsAccess) -> None:
        self._service = service
        self._endpoint = endpoint
        self._access = access

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.session.Session().client(
            self._service,
            endpoint_url=self._endpoint,
            aws_access_key_id=self._access.access_key,
            aws_secret_access_key=self._access.secret_key,
            region_name=self._access.region,
            config=Config(
                connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1}, proxies={}, user_agent_extra=""
            ),
        )

    def call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Raises DeliveryFailed."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Mapping[str, Any] = getattr(self._client, operation)(**parameters)
        except (BotoCoreError, ClientError) as error:
            raise DeliveryFailed(f"{self._service}: {error}") from error
        return answer


class SqsQueue:
    """Implements `ports.EventSender`: the text is the message's body."""

    def __init__(self, queue_url: str, access: AwsAccess) -> None:
        parts = urlsplit(queue_url)
        self._queue_url = queue_url
        self._client = _Client("sqs", urlunsplit((parts.scheme, parts.netloc, "", "", "")), access)

    def send(self, message: EventMessage) -> None:
        """SendMessage. A queue whose order counts gets the group of the target, and the event's id as the message's."""
        parameters = {"QueueUrl": self._queue_url, "MessageBody": message.text}
        if self._queue_url.endswith(".fifo"):
            group = message.target.get("SqsParameters", {}).get("MessageGroupId", "processing-jobs")
            parameters |= {"MessageGroupId": group, "MessageDeduplicationId": message.event["id"]}
        self._client.call("send_message", **parameters)


class EventBus:
    """Implements `ports.EventSender`: the event goes on as it is, to the default event bus."""

    def __init__(self, endpoint: str, access: AwsAccess) -> None:
        self._client = _Client("events", endpoint, access)

    def send(self, message: EventMessage) -> None:
        """PutEvents."""
        event = message.event
        answer = self._client.call(
            "put_events",
            Entries=[
                {
                    "Time": datetime.fromisoformat(event["time"]),
                    "Source": event["source"],
                    "DetailType": event["detail-type"],
                    "Resources": event["resources"],
                    "Detail": json.dumps(event["detail"]),
                }
            ],
        )
        if answer.get("FailedEntryCount"):
            entry = answer["Entries"][0]
            raise DeliveryFailed(f"events: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
