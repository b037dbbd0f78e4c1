"""Events to a queue of SQS and to an event bus, as boto3 sends them to another emulator."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from processing_emulator.adapters.event_targets.aws_services import AwsAccess, EventBus, SqsQueue
from processing_emulator.errors import DeliveryFailed
from processing_emulator.ports import EventMessage
from tests.unit.events.http_receiver import HttpReceiver, http_receiver

ACCESS = AwsAccess(access_key="key", secret_key="secret", region="eu-west-1")
EVENT: dict[str, Any] = {
    "id": "4711",
    "time": "2026-01-02T03:04:08Z",
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Processing Job State Change",
    "resources": ["arn"],
    "detail": {"ProcessingJobName": "z\u00fc"},
}


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


def a_message(**target: Any) -> EventMessage:
    return EventMessage(event=EVENT, text=json.dumps(EVENT), target=target)


def sqs_reply(body: bytes) -> bytes:
    text = json.loads(body)["MessageBody"]
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return json.dumps({"MessageId": "1", "MD5OfMessageBody": digest}).encode()


def test_a_queue_gets_the_text(receiver: HttpReceiver) -> None:
    receiver.reply = sqs_reply
    queue = f"{receiver.url}/000000000000/failures"

    SqsQueue(queue, ACCESS).send(a_message())

    [(headers, body)] = receiver.taken
    assert headers["x-amz-target"] == "AmazonSQS.SendMessage"
    assert "Credential=key/" in headers["authorization"]
    assert "/eu-west-1/sqs/" in headers["authorization"]
    assert body == {"QueueUrl": queue, "MessageBody": json.dumps(EVENT)}


def test_a_queue_whose_order_counts_gets_the_target_s_group(receiver: HttpReceiver) -> None:
    receiver.reply = sqs_reply
    queue = SqsQueue(f"{receiver.url}/000000000000/failures.fifo", ACCESS)

    queue.send(a_message(SqsParameters={"MessageGroupId": "jobs"}))

    assert receiver.bodies[0]["MessageGroupId"] == "jobs"
    assert receiver.bodies[0]["MessageDeduplicationId"] == "4711"


def test_an_event_bus_gets_the_event(receiver: HttpReceiver) -> None:
    receiver.reply = lambda _body: b'{"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}'

    EventBus(receiver.url, ACCESS).send(a_message())

    [(headers, body)] = receiver.taken
    assert headers["x-amz-target"] == "AWSEvents.PutEvents"
    [entry] = body["Entries"]
    assert json.loads(entry["Detail"]) == EVENT["detail"]
    assert (entry["Source"], entry["DetailType"], entry["Resources"]) == (
        "aws.sagemaker",
        "SageMaker Processing Job State Change",
        ["arn"],
    )
    assert entry["Time"] == 1767323048


def test_what_was_not_taken_is_told(receiver: HttpReceiver) -> None:
    receiver.reply = lambda _body: b'{"FailedEntryCount": 1, "Entries": [{"ErrorCode": "E", "ErrorMessage": "no"}]}'
    with pytest.raises(DeliveryFailed, match="events: E: no"):
        EventBus(receiver.url, ACCESS).send(a_message())

    receiver.status = 503
    with pytest.raises(DeliveryFailed, match=r"sqs: .*503"):
        SqsQueue(f"{receiver.url}/1/q", ACCESS).send(a_message())
    with pytest.raises(DeliveryFailed, match="sqs: "):
        SqsQueue("http://127.0.0.1:9/1/q", ACCESS).send(a_message())
