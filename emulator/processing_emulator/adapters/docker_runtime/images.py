"""Finds images on the engine, and pulls each missing one once, however many callers ask for it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import docker.errors

from processing_emulator.adapters.docker_runtime.clients import Call, Engine
from processing_emulator.adapters.docker_runtime.errors import explanation, manifest_unknown, pull_failure
from processing_emulator.adapters.docker_runtime.platforms import is_for, platform_of
from processing_emulator.adapters.docker_runtime.progress import PullProgress
from processing_emulator.adapters.docker_runtime.references import HUB, ImageReference, parse_reference
from processing_emulator.domain.stand_ins import LIST_COMMAND, MAP_VARIABLE, stand_in_tagged
from processing_emulator.errors import Cancelled, EmulatorError, ImageNotFound, InternalBug
from processing_emulator.ports import CancelToken, ImageInfo, PullPolicy

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
"""How often a caller that waits for a pull checks its cancel token."""


class Images:
    """The images of one engine. `platform`: that of all but ours; None for what the engine chooses."""

    def __init__(self, engine: Engine, platform: str | None = None) -> None:
        self._engine = engine
        self._platform = platform
        self._lock = threading.Lock()
        self._pulls: dict[ImageReference, _Pull] = {}

    def ensure(
        self, reference: str, policy: PullPolicy, on_progress: Callable[[str], None], cancel: CancelToken
    ) -> ImageInfo:
        """See `ContainerRuntime.ensure_image`."""
        parsed = parse_reference(reference)  # an image's id passes too; nothing unchecked gets into a URL
        if parsed.is_ours:  # it runs on the platform that it was built for
            return self._find(reference) or _not_built(parsed)
        found = self._find(reference) if policy is not PullPolicy.ALWAYS else None
        if found is not None and is_for(found.platform, self._platform):
            return found
        here = "it is not on this machine" if found is None else self._other_platform(found)
        if policy is PullPolicy.NEVER:
            raise ImageNotFound(f'{manifest_unknown(str(parsed))} ({here}, and the pull policy is "never")')
        try:
            self._pull(parsed, on_progress, cancel)
        except ImageNotFound as error:
            if found is None:
                raise
            raise ImageNotFound(f"{error} ({here})") from error
        return self._pulled(parsed)

    def _pulled(self, reference: ImageReference) -> ImageInfo:
        found = self._find(str(reference)) or _vanished(reference)
        if not is_for(found.platform, self._platform):  # a registry may have one platform only, and give that
            raise ImageNotFound(f"{manifest_unknown(str(reference))} ({self._other_platform(found)})")
        return found

    def _other_platform(self, found: ImageInfo) -> str:
        return f"the image on this machine is for {found.platform}, and IMAGE_PLATFORM is {self._platform}"

    def _find(self, reference: str) -> ImageInfo | None:
        """An image on the engine, found by reference or by id."""
        with self._engine.call(Call.INSPECT) as api:
            try:
                document = api.inspect_image(reference)  # type: ignore[no-untyped-call]
            except docker.errors.NotFound:
                return None
        digests = tuple(sorted(map(str, document.get("RepoDigests") or ())))
        return ImageInfo(id=str(document["Id"]), platform=platform_of(document), digests=digests)

    def _pull(self, reference: ImageReference, on_progress: Callable[[str], None], cancel: CancelToken) -> None:
        """Wait for the pull of this reference. The first caller starts it; when the last one cancels, it ends."""
        pull = self._join(reference)
        shown = ""
        try:
            while not pull.done.wait(LOOK_SECONDS):
                if cancel.is_set():
                    raise Cancelled(f"the pull of {reference} was cancelled")
                if pull.progress != shown:
                    shown = pull.progress
                    on_progress(shown)
        finally:
            self._leave(pull)
        if pull.failure is not None:
            raise type(pull.failure)(*pull.failure.args) from pull.failure

    def _join(self, reference: ImageReference) -> "_Pull":
        with self._lock:
            pull = self._pulls.get(reference)
            if pull is None:
                pull = self._pulls[reference] = _Pull(self._engine, reference, self._platform)
                pull.start()
            pull.waiting += 1
            return pull

    def _leave(self, pull: "_Pull") -> None:
        """Drop a pull that has ended or has no callers left; the latter then ends by itself."""
        with self._lock:
            pull.waiting -= 1
            unwanted = pull.waiting == 0
            if unwanted:
                pull.unwanted.set()
            if (unwanted or pull.done.is_set()) and self._pulls.get(pull.reference) is pull:
                del self._pulls[pull.reference]


def not_built(reference: ImageReference) -> str:
    """What to do about an image of ours that is not on this machine."""
    image = stand_in_tagged(str(reference).removeprefix(f"{HUB}/"))
    advice = f"see which there are: {LIST_COMMAND}"
    if image is not None:
        advice = f"build it: {image.build_command} (or name another in {MAP_VARIABLE})"
    return f"{reference} is built by this project, is not on this machine and is never pulled from a registry; {advice}"


def _not_built(reference: ImageReference) -> NoReturn:
    raise ImageNotFound(f"{manifest_unknown(str(reference))} ({not_built(reference)})")


def _vanished(reference: ImageReference) -> NoReturn:
    raise ImageNotFound(f"{manifest_unknown(str(reference))} (it was pulled, and then removed by another client)")


class _Pull:
    """One pull in progress; `failure` is set before `done`."""

    def __init__(self, engine: Engine, reference: ImageReference, platform: str | None) -> None:
        self.reference = reference
        self.waiting = 0
        self.progress = f"pulling {reference} from {reference.registry}"
        self.failure: EmulatorError | None = None
        self.done = threading.Event()
        self.unwanted = threading.Event()
        self._engine = engine
        self._platform = platform
        self._thread = threading.Thread(target=self._run, name=f"pull {reference}", daemon=True)

    def start(self) -> None:
        """Start pulling; returns at once."""
        self._thread.start()

    def _run(self) -> None:
        try:
            self._pull()
        except EmulatorError as error:
            self.failure = error
        except BaseException as error:
            self.failure = InternalBug(f"the pull of {self.reference} broke: {error!r}")
            raise
        finally:
            self.done.set()

    def _pull(self) -> None:
        progress = PullProgress(self.progress, time.monotonic)
        for event in self._events():
            if self.unwanted.is_set():
                logger.info("image pull cancelled", extra={"image": self.reference})
                return
            if "error" in event:
                raise self._failure(str(event["error"]))
            self.progress = progress.after(event)

    def _events(self) -> Iterator[Mapping[str, Any]]:
        with self._engine.call(Call.PULL) as api:
            api.reload_config()  # picks up a "docker login" without a restart
            try:
                name, version = self.reference.name, self.reference.version
                yield from api.pull(name, version, stream=True, decode=True, platform=self._platform)
            except docker.errors.APIError as error:
                raise self._failure(explanation(error)) from error

    def _failure(self, text: str) -> ImageNotFound:
        return pull_failure(str(self.reference), self.reference.registry, text)
