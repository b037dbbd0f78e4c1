"""`/_emulator/events`: pages, and a stream of server-sent events that is resumed and ends with the server."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message

from processing_emulator.admin.event_routes import KEEP_ALIVE_SECONDS, event_routes
from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.open_streams import OpenStreams
from tests.contract.ports.stores import add_job
from tests.fakes.job_store import MemoryJobStore
from tests.unit.aws.asgi import call, http_scope

HEAD = ("host", "127.0.0.1:9320")


class World:
    """Jobs in memory and the route over them."""

    def __init__(self, *, keep_alive_seconds: float = KEEP_ALIVE_SECONDS) -> None:
        self.store = MemoryJobStore()
        self.streams = OpenStreams()
        self.app = FastAPI()
        changes = StateChanges(self.store, description_of)
        self.app.include_router(event_routes(changes, self.store, self.streams, keep_alive_seconds=keep_alive_seconds))

    def follow(self, react: Callable[[str], None], *headers: tuple[str, str], query: str = "") -> str:
        """What a client gets that stays until the end; `react` is called with all that it has got by then."""
        got: list[bytes] = []
        scope = http_scope("GET", f"/events{query}", (HEAD, ("accept", "text/event-stream"), *headers))
        scope["asgi"]["spec_version"] = "2.4"

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                assert (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
                return
            got.append(message.get("body", b""))
            if message.get("more_body"):
                react(b"".join(got).decode())

        asyncio.run(asyncio.wait_for(self.app(scope, receive, send), 30))
        return b"".join(got).decode()


@pytest.fixture
def world() -> World:
    return World()


def frames(text: str) -> list[tuple[int, dict[str, Any]]]:
    """The ids and documents of a stream."""
    found = []
    for frame in text.split("\n\n"):
        if not frame.startswith(":") and frame:
            name, data = frame.split("\n")
            found.append((int(name.removeprefix("id: ")), json.loads(data.removeprefix("data: "))))
    return found


def names(text: str) -> list[str]:
    return [event["detail"]["ProcessingJobName"] for _, event in frames(text)]


def test_pages_follow_one_another(world: World) -> None:
    for name in ("a", "b", "c"):
        add_job(world.store, name)

    first = call(world.app, method="GET", path="/events?limit=2").document
    rest = call(world.app, method="GET", path=f"/events?after={first['next']}").document
    end = call(world.app, method="GET", path=f"/events?after={rest['next']}").document

    listed = [each["event"]["detail"] for each in first["events"] + rest["events"]]
    assert [detail["ProcessingJobName"] for detail in listed] == ["a", "b", "c"]
    assert first["events"][1]["id"] == first["next"]
    assert end == {"events": [], "next": rest["next"]}


def test_a_stream_has_what_was_stored_and_what_comes_and_ends_with_the_server(world: World) -> None:
    add_job(world.store, "before")

    def react(text: str) -> None:
        if names(text) == ["before"]:
            add_job(world.store, "later")
        elif names(text) == ["before", "later"]:
            world.streams.end()

    text = world.follow(react)

    assert names(text) == ["before", "later"]
    assert text.endswith("\n\n")
    add_job(world.store, "after")  # tells nobody any more


def test_a_client_that_comes_back_gets_what_it_has_not_seen(world: World) -> None:
    for name in ("a", "b", "c"):
        add_job(world.store, name)
    first = call(world.app, method="GET", path="/events").document["events"][0]["id"]

    resumed = world.follow(lambda text: world.streams.end() if frames(text) else None, ("last-event-id", str(first)))

    assert names(resumed) == ["b", "c"]


def test_a_quiet_stream_has_comments() -> None:
    world = World(keep_alive_seconds=0.01)

    text = world.follow(lambda text: world.streams.end() if text.count(": still here\n\n") == 2 else None)

    assert text.count(": still here\n\n") == 2


@pytest.mark.parametrize("place", ["x", "-1", "1" * 30, "\u0663"])
def test_a_place_that_is_none_is_refused(world: World, place: str) -> None:
    headers = (HEAD, ("accept", "text/event-stream"), ("last-event-id", place.encode().decode("latin-1")))

    assert call(world.app, method="GET", path="/events", headers=headers).status == 400


def test_a_store_that_fails_ends_the_stream_with_a_sentence(world: World) -> None:
    world.store.go_down()

    assert ": The store is down.\n\n" in world.follow(lambda _text: None)
