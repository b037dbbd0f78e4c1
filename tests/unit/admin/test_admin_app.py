"""The emulator's own endpoints, without a socket."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import ASGIApp

from processing_emulator.admin.app import admin_app
from processing_emulator.admin.cache_document import cache_document
from processing_emulator.admin.lazy_app import LazyApp
from processing_emulator.admin.reset import ExternalStoreKept, ResetScope
from processing_emulator.admin.server_routes import ServerControls
from processing_emulator.aws.services.sagemaker.describe_processing_job import description_of
from processing_emulator.domain.instance_prices import packaged_prices
from processing_emulator.domain.job import JobEvent, JobFacts, Limits, Transfer
from processing_emulator.domain.phase import JobPhase
from processing_emulator.domain.usage import UsageSample, UsageScale, usage_data
from processing_emulator.engine.object_cache import CacheState
from processing_emulator.errors import EmulatorError, StartFailure, StoreFailure
from processing_emulator.events.state_changes import StateChanges
from processing_emulator.jobs.request_faults import RequestFaults
from processing_emulator.open_streams import OpenStreams
from tests.builders import a_key, a_request
from tests.fakes.job_store import MemoryJobStore
from tests.fakes.log_store import MemoryLogStore
from tests.fakes.metric_store import MemoryMetricStore
from tests.fakes.object_store import MemoryObjectStore
from tests.log_batches import a_batch
from tests.unit.admin.kept_jobs import NothingKept
from tests.unit.admin.metric_sources import sources
from tests.unit.aws.asgi import Answer, call
from tests.unit.jobs.job_requests import START, Api

LIMITS = Limits(vcpus=1.5, reserved_vcpus=2.0, memory_bytes=1024, volume_bytes=2048, gpu_ids=("GPU-1",), capped=True)


def a_cache_state(**changes: Any) -> CacheState:
    zeros = {"entries": 0, "size_bytes": 0, "used_bytes": 0, "limit_bytes": 9, "hits": 0, "hit_bytes": 0}
    return CacheState(**{**zeros, "oldest_use": None, **changes})


class World:
    """The admin application over stores in memory."""

    def __init__(self, store: MemoryJobStore | None = None) -> None:
        self.store = store or MemoryJobStore()
        self.logs = MemoryLogStore(self.store)
        self.metrics = MemoryMetricStore(self.store)
        self.objects = MemoryObjectStore()
        self.api = Api(self.store)
        self.resets: list[tuple[ResetScope, bool]] = []
        self.failure: EmulatorError | None = None
        self.down = ""
        self.cache = a_cache_state(entries=2, size_bytes=7, oldest_use=0.0)
        server = ServerControls(
            health=self.health,
            config=lambda: {"settings": {"port": {"value": 1, "source": "flag"}}},
            init=lambda: {"stages": {}},
            cache=lambda: cache_document(self.cache),
            clear_cache=self.clear_cache,
            reset=self.reset,
        )
        self.app: ASGIApp = admin_app(
            store=self.store,
            logs=self.logs,
            metrics=self.metrics,
            objects=self.objects,
            waiting_reason=lambda job_id: f"reason of {job_id}",
            server=server,
            sources=sources(),
            state_changes=StateChanges(self.store, description_of),
            streams=OpenStreams(),
            faults=RequestFaults(),
            operations={"sagemaker": ("CreateProcessingJob",)},
            prices=packaged_prices(),
            kept=NothingKept(),
            engine_address="unix:///engine.sock",
            clock=self.api.clock,
        )

    def clear_cache(self) -> None:
        """What the server would do."""
        self.cache = a_cache_state(entries=0, size_bytes=0, oldest_use=None)

    def health(self) -> Mapping[str, object]:
        """What the server would say."""
        names = ("database", "docker", "s3", "gpu", "scheduler")
        services = {name: {"status": "down" if name == self.down else "ok"} for name in names}
        return {"status": "ok", "version": "1.2", "services": services}

    def reset(self, scope: ResetScope, external: bool) -> Mapping[str, object]:
        """Notes what was asked for."""
        if self.failure is not None:
            raise self.failure
        self.resets.append((scope, external))
        return {"status": "ok"}

    def post(self, path: str) -> Answer:
        """One request that changes something."""
        return call(self.app, method="POST", path=path)

    def get(self, path: str) -> Answer:
        """One request."""
        return call(self.app, method="GET", path=path)


@pytest.fixture
def world() -> World:
    """An empty world."""
    return World()


def test_health_is_what_the_server_says(world: World) -> None:
    answer = world.get("/_emulator/health")

    assert (answer.status, answer.document) == (200, world.health())


def test_a_waiting_job_shows_its_place_in_the_queue(world: World) -> None:
    for name in ("first", "second", "third"):
        world.api.service.create(a_key(name), a_request(name))
    world.api.move(world.api.service.describe(a_key("first")), JobPhase.PULLING)

    waits = [world.get(f"/_emulator/jobs/{name}").document["waiting"] for name in ("first", "second", "third")]

    assert waits == [
        None,
        {"reason": "reason of 2", "queuePosition": 1},
        {"reason": "reason of 3", "queuePosition": 2},
    ]


def listed(world: World, query: str = "") -> list[str]:
    return [job["name"] for job in world.get(f"/_emulator/jobs{query}").document["jobs"]]


def test_jobs_of_all_accounts_and_regions_are_listed_newest_first(world: World) -> None:
    world.api.service.create(a_key("a"), a_request("a"))
    world.api.service.create(a_key("b", region="eu-west-1"), a_request("b"))
    world.api.service.create(a_key("c", account="111122223333"), a_request("c"))

    answer = world.get("/_emulator/jobs")

    assert answer.status == 200
    assert [job["name"] for job in answer.document["jobs"]] == ["c", "b", "a"]
    assert answer.document["next"] is None
    assert answer.document["jobs"][0] == {
        "name": "c",
        "arn": "arn:aws:sagemaker:us-east-1:111122223333:processing-job/c",
        "account": "111122223333",
        "region": "us-east-1",
        "status": "InProgress",
        "phase": "Pending",
        "failureReason": None,
        "createdAt": "2026-01-02T03:04:07.678Z",
        "startedAt": None,
        "endedAt": None,
        "waiting": "reason of 3",
    }


def test_list_of_jobs_is_narrowed_by_filters(world: World) -> None:
    world.api.service.create(a_key("a"), a_request("a"))
    world.api.service.create(a_key("b", region="eu-west-1"), a_request("b"))
    world.api.move(world.api.service.create(a_key("c"), a_request("c")), JobPhase.FAILED)

    assert listed(world, "?region=us-east-1") == ["c", "a"]
    assert listed(world, "?account=111122223333") == []
    assert listed(world, "?status=Failed") == ["c"]
    assert listed(world, "?name_contains=b") == ["b"]


def test_list_of_jobs_continues_after_the_page_before(world: World) -> None:
    for name in "abcde":
        world.api.service.create(a_key(name), a_request(name))

    first = world.get("/_emulator/jobs?limit=2").document
    rest = world.get(f"/_emulator/jobs?limit=3&after={first['next']}").document

    assert [job["name"] for job in first["jobs"]] == ["e", "d"]
    assert [job["name"] for job in rest["jobs"]] == ["c", "b", "a"]
    assert rest["next"] is None


def test_a_new_job_shows_what_is_known_and_nothing_else(world: World) -> None:
    world.api.service.create(a_key("Job"), a_request("Job"))

    document = world.get("/_emulator/jobs/Job").document
    readiness = document.pop("cloudReadiness")
    assert (readiness["ready"], [each["rule"] for each in readiness["findings"]]) == (
        False,
        ["image-not-in-ecr", "role-is-a-placeholder"],
    )
    assert document == {
        "name": "Job",
        "arn": "arn:aws:sagemaker:us-east-1:000000000000:processing-job/job",
        "status": "InProgress",
        "phase": "Pending",
        "failureReason": None,
        "exitMessage": None,
        "keptUntil": None,
        "debug": None,
        "createdAt": "2026-01-02T03:04:05.678Z",
        "startedAt": None,
        "endedAt": None,
        "waiting": {"reason": "reason of 1", "queuePosition": 1},
        "instances": [],
        "rightSizing": None,
        "events": [{"at": "2026-01-02T03:04:05.678Z", "action": "created", "detail": {}}],
    }


def test_the_request_is_shown_as_sent_with_the_tags_of_now(world: World) -> None:
    world.api.service.create(a_key("plain"), a_request("plain"))
    sent = a_request("job", Environment={}, Tags=[{"Key": "team", "Value": "a"}])
    world.api.service.create(a_key("job"), sent)

    assert world.get("/_emulator/jobs/plain/request").document == a_request("plain")
    assert world.get("/_emulator/jobs/job/request").document == sent


def test_a_finished_job_shows_instances_peaks_and_history(world: World) -> None:
    job = world.api.service.create(a_key(), a_request())
    (record,) = world.store.ensure_instances(job.id, [LIMITS])
    world.store.save_instance(
        type(record)(
            job_id=job.id,
            index=0,
            limits=LIMITS,
            staged_in=Transfer(objects=2, size_bytes=10, seconds=0.5),
            exit_message="why",
            container_started_at=START,
            memory_high_water_bytes=99,
        )
    )
    sample = UsageSample(at=START, cpu_percent=150.0, memory_bytes=7, disk_bytes=8, gpu_percent=9.0)
    scale = UsageScale(4 * 1024**3, LIMITS.volume_bytes)
    world.metrics.put(list(usage_data(job.key, "algo-1", sample, scale)))
    world.logs.append_output(job.id, 0, a_batch("x"))
    world.store.add_event(job.id, JobEvent(at=START, action="image_pulled", detail={"image": "i"}))
    world.api.move(job, JobPhase.FAILED, JobFacts(failure_reason="AlgorithmError: , exit code: 1", exit_message="why"))

    document = world.get("/_emulator/jobs/job").document

    assert document["status"] == document["phase"] == "Failed"
    assert document["failureReason"] == "AlgorithmError: , exit code: 1"
    assert document["exitMessage"] == "why"
    assert document["endedAt"].endswith("Z")
    assert document["waiting"] is None
    assert document["instances"] == [
        {
            "host": "algo-1",
            "node": "local",
            "limits": {
                "vcpus": 1.5,
                "memoryBytes": 1024,
                "volumeBytes": 2048,
                "gpuIds": ["GPU-1"],
                "capped": True,
            },
            "stagedIn": {"objects": 2, "bytes": 10, "seconds": 0.5},
            "stagedOut": None,
            "transfer": None,
            "peaks": {
                "samples": 1,
                "cpuPercent": 150.0,
                "memoryBytes": 7,
                "memoryHighWaterBytes": 99,
                "diskBytes": 8,
                "gpuPercent": 9.0,
                "gpuMemoryPercent": None,
            },
            "logLines": 1,
            "exitCode": None,
            "failure": None,
            "stopped": None,
        }
    ]
    assert {"at": "2026-01-02T03:04:05.678Z", "action": "image_pulled", "detail": {"image": "i"}} in document["events"]


@pytest.mark.parametrize(
    "path",
    [
        "/_emulator/jobs/nope",
        "/_emulator/jobs/nope/logs",
        "/_emulator/jobs/job?region=eu-west-1",
        "/_emulator/jobs/job?account=111122223333",
        "/_emulator/nothing",
        "/_emulator/docs",
        "/_emulator/openapi.json",
        "/docs",
        "/openapi.json",
    ],
)
def test_what_does_not_exist_is_404_with_a_sentence(world: World, path: str) -> None:
    world.api.service.create(a_key(), a_request())

    answer = world.get(path)

    assert answer.status == 404
    assert set(answer.document) == {"error"}
    assert isinstance(answer.document["error"], str)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/_emulator/jobs/job/logs?from=-1", "from"),
        ("/_emulator/jobs/job/logs?from=x", "from"),
        (f"/_emulator/jobs/job/logs?from={10**30}", "from"),
        ("/_emulator/jobs/job/logs?limit=0", "limit"),
        ("/_emulator/jobs/job/logs?limit=10001", "limit"),
        ("/_emulator/jobs/job?account=x", "account"),
        ("/_emulator/jobs/job?region=a%00b", "region"),
        ("/_emulator/jobs/a\0b", "name"),
        ("/_emulator/jobs/job/logs?host=other", "host"),
        ("/_emulator/jobs/job/logs?host=algo-0", "host"),
        ("/_emulator/jobs/job/logs?tial=5", "tial is not a parameter of this request"),
        ("/_emulator/jobs/job?from=5", "from is not a parameter of this request"),
    ],
)
def test_a_wrong_query_is_400_and_names_the_parameter(world: World, path: str, named: str) -> None:
    answer = world.get(path)

    assert answer.status == 400
    assert named in answer.document["error"]


def test_other_methods_are_refused_with_those_that_work(world: World) -> None:
    answer = call(world.app, method="POST", path="/_emulator/health")

    assert answer.status == 405
    assert answer.document == {"error": "/_emulator/health takes GET, not POST."}


def test_jobs_of_other_accounts_and_regions_are_found_when_named(world: World) -> None:
    world.api.service.create(a_key(account="111122223333", region="eu-west-1"), a_request())

    answer = world.get("/_emulator/jobs/job?account=111122223333&region=eu-west-1")

    assert answer.document["arn"] == "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/job"


def test_the_lazy_application_is_built_once_and_when_needed(world: World) -> None:
    built: list[ASGIApp] = []

    def build() -> ASGIApp:
        built.append(world.app)
        return world.app

    lazy = LazyApp(build)
    assert built == []

    answers = [call(lazy, method="GET", path="/_emulator/health").status for _ in range(2)]

    assert answers == [200, 200]
    assert lazy.warm() is world.app
    assert len(built) == 1


def test_settings_and_init_stages_are_shown(world: World) -> None:
    assert world.get("/_emulator/config").document["settings"]["port"] == {"value": 1, "source": "flag"}
    assert world.get("/_emulator/init").document == {"stages": {}}


def test_cache_is_shown_and_cleared(world: World) -> None:
    shown = world.get("/_emulator/cache").document
    cleared = call(world.app, method="DELETE", path="/_emulator/cache").document

    assert (shown["entries"], shown["bytes"], shown["oldestUse"]) == (2, 7, "1970-01-01T00:00:00+00:00")
    assert (cleared["entries"], cleared["bytes"], cleared["oldestUse"]) == (0, 0, None)


def test_faults_are_added_listed_and_removed(world: World) -> None:
    query = "operation=CreateProcessingJob&code=ThrottlingException&times=2"
    added = world.post(f"/_emulator/faults?{query}")

    assert added.status == 201
    assert world.get("/_emulator/faults").document == {"faults": [added.document]}
    assert added.document == {
        "id": 1,
        "account": "000000000000",
        "service": "sagemaker",
        "operation": "CreateProcessingJob",
        "code": "ThrottlingException",
        "message": "ThrottlingException: a fault that a test asked for",
        "status": 400,
        "remaining": 2,
    }
    path = f"/_emulator/faults/{added.document['id']}"
    removals = [call(world.app, method="DELETE", path=path).document for _ in range(2)]
    assert removals == [{"removed": True}, {"removed": False}]
    world.post(f"/_emulator/faults?{query}")
    assert call(world.app, method="DELETE", path="/_emulator/faults").document == {"faults": []}
    assert world.get("/_emulator/faults").document == {"faults": []}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("operation=CreateTrainingJob&code=X", "sagemaker CreateTrainingJob is not an operation of the emulator."),
        ("operation=CreateProcessingJob&code=X&status=200", "status"),
        ("operation=CreateProcessingJob&code=X&times=0", "times"),
        ("operation=CreateProcessingJob", "code"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(world: World, query: str, named: str) -> None:
    answer = world.post(f"/_emulator/faults?{query}")
    assert answer.status == 400
    assert named in answer.document["error"]
    assert world.get("/_emulator/faults").document == {"faults": []}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/_emulator/reset", (ResetScope.ALL, False)),
        ("/_emulator/reset?scope=jobs", (ResetScope.JOBS, False)),
        ("/_emulator/reset?scope=s3&external=true", (ResetScope.S3, True)),
        ("/_localstack/state/reset", (ResetScope.ALL, False)),
        ("/moto-api/reset", (ResetScope.ALL, False)),
    ],
)
def test_a_reset_is_what_the_query_says(world: World, path: str, asked: tuple[ResetScope, bool]) -> None:
    answer = world.post(path)
    assert (answer.status, answer.document) == (200, {"status": "ok"})
    assert world.resets == [asked]


@pytest.mark.parametrize("path", ["/_emulator/reset", "/_localstack/state/reset", "/moto-api/reset"])
def test_a_reset_is_a_post_and_nothing_else(world: World, path: str) -> None:
    assert world.get(path).status == 405
    assert world.resets == []


@pytest.mark.parametrize(("query", "named"), [("scope=everything", "scope"), ("scpoe=jobs", "scpoe")])
def test_a_reset_with_a_wrong_parameter_is_refused(world: World, query: str, named: str) -> None:
    answer = world.post(f"/_emulator/reset?{query}")
    assert (answer.status, world.resets) == (400, [])
    assert named in answer.document["error"]


@pytest.mark.parametrize(
    ("failure", "status", "text"),
    [
        (ExternalStoreKept("not ours"), 409, "not ours"),
        (StartFailure("seed x is broken"), 409, "seed x is broken"),
        (StoreFailure("disk full"), 503, "The reset is not complete, ask for it again: disk full"),
    ],
)
def test_a_reset_that_fails_says_whether_to_ask_again(
    world: World, failure: EmulatorError, status: int, text: str
) -> None:
    world.failure = failure
    answer = world.post("/_emulator/reset")
    assert (answer.status, answer.document) == (status, {"error": text})


@pytest.mark.parametrize("path", ["/_emulator/health", "/_localstack/health"])
def test_health_may_be_asked_for_with_head(world: World, path: str) -> None:
    assert call(world.app, method="HEAD", path=path).status == 200


@pytest.mark.parametrize(
    ("down", "services"),
    [
        ("gpu", {"sagemaker": "running", "s3": "running"}),
        ("docker", {"sagemaker": "error", "s3": "running"}),
        ("s3", {"sagemaker": "running", "s3": "error"}),
    ],
)
def test_health_has_the_form_that_users_of_localstack_expect(world: World, down: str, services: dict[str, str]) -> None:
    world.down = down
    answer = world.get("/_localstack/health").document
    assert answer == {"services": services, "edition": "processing-emulator", "version": "1.2"}
