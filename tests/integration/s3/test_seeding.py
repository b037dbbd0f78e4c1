"""A seed goes into any S3 store, leaves alone what is there, and a store can be emptied."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from processing_emulator.adapters.s3_store.retry import RetryPolicy
from processing_emulator.adapters.s3_store.store import S3ObjectStore
from processing_emulator.adapters.seaweedfs.process import SeaweedProcess
from processing_emulator.adapters.seed.apply import SeedResult, apply_seed
from processing_emulator.adapters.seed.clear import empty_store
from processing_emulator.adapters.seed.client import S3Access
from processing_emulator.adapters.seed.plan import SeedObject, SeedPlan
from processing_emulator.errors import Cancelled, ObjectStoreRefused, ObjectStoreUnreachable, StagingFailure
from tests.fixtures_s3 import ACCESS_KEY, IDENTITY, ODD_NAMES, REGION, SECRET_KEY, S3Server
from tests.waiting import wait_for

pytestmark = pytest.mark.s3

NEVER = threading.Event()


@pytest.fixture
def access(s3_server: S3Server) -> S3Access:
    return S3Access(endpoint=s3_server.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION)


@pytest.fixture
def name() -> str:
    return f"seed-{uuid.uuid4().hex[:16]}"


def _read(client: Any, bucket: str, key: str) -> bytes:
    body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return body


def test_buckets_and_objects_are_made_with_everything_that_was_said(
    access: S3Access, s3_client: Any, name: str
) -> None:
    objects = [
        SeedObject(bucket=name, key="a.csv", source=b"a,b\n", content_type="text/csv", metadata={"origin": "seed"}),
        *(SeedObject(bucket=name, key=f"odd/{odd}", source=odd.encode()) for odd in ODD_NAMES),
    ]
    applied = apply_seed(SeedPlan(buckets=(name, f"{name}-2"), objects=tuple(objects)), access, NEVER)
    assert applied == SeedResult(buckets=2, objects=len(objects), kept=0)
    answer = s3_client.get_object(Bucket=name, Key="a.csv")
    assert (answer["Body"].read(), answer["ContentType"], answer["Metadata"]) == (
        b"a,b\n",
        "text/csv",
        {"origin": "seed"},
    )
    assert {odd: _read(s3_client, name, f"odd/{odd}") for odd in ODD_NAMES} == {odd: odd.encode() for odd in ODD_NAMES}
    assert s3_client.list_objects_v2(Bucket=f"{name}-2")["KeyCount"] == 0


def test_what_is_there_is_left_alone_unless_the_seed_overwrites(access: S3Access, s3_client: Any, name: str) -> None:
    def plan(content: bytes) -> SeedPlan:
        return SeedPlan(
            buckets=(name,),
            objects=(
                SeedObject(bucket=name, key="kept", source=content),
                SeedObject(bucket=name, key="replaced", source=content, overwrite=True),
            ),
        )

    apply_seed(plan(b"first"), access, NEVER)
    s3_client.put_object(Bucket=name, Key="mine", Body=b"mine")
    assert apply_seed(plan(b"second"), access, NEVER) == SeedResult(buckets=0, objects=1, kept=1)
    assert [_read(s3_client, name, key) for key in ("kept", "replaced", "mine")] == [b"first", b"second", b"mine"]


def test_a_large_file_goes_in_parts(access: S3Access, s3_client: Any, name: str, tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 4096 * 20)
    apply_seed(SeedPlan(buckets=(name,), objects=(SeedObject(bucket=name, key="large", source=file),)), access, NEVER)
    head = s3_client.head_object(Bucket=name, Key="large")
    assert head["ContentLength"] == 20 * 1024**2
    assert "-" in head["ETag"]


def test_a_file_that_went_away_is_named(access: S3Access, name: str, tmp_path: Path) -> None:
    plan = SeedPlan(buckets=(name,), objects=(SeedObject(bucket=name, key="k", source=tmp_path / "gone"),))
    with pytest.raises(StagingFailure, match=r"/gone cannot be read: No such file or directory"):
        apply_seed(plan, access, NEVER)


@pytest.mark.parametrize("is_file", [False, True])
def test_an_object_that_the_store_refuses_is_named(
    own_seaweedfs: SeaweedProcess, name: str, tmp_path: Path, *, is_file: bool
) -> None:
    access = S3Access(endpoint=own_seaweedfs.start(), access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION)
    (tmp_path / "file").write_bytes(b"x")
    item = SeedObject(bucket=name, key="a/../b", source=tmp_path / "file" if is_file else b"x")
    place = rf"refused PutObject of s3://{name}/a/\.\./b: InvalidRequest"
    with pytest.raises(ObjectStoreRefused, match=place) as refused:
        apply_seed(SeedPlan(buckets=(name,), objects=(item,)), access, NEVER)
    assert refused.value.status == 400


def test_a_seed_is_given_up_when_nobody_waits_any_more(access: S3Access, name: str) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        apply_seed(SeedPlan(buckets=(name,), objects=(SeedObject(bucket=name, key="k", source=b""),)), access, cancel)


def test_an_empty_seed_asks_nobody() -> None:
    nowhere = S3Access(endpoint="http://127.0.0.1:1", access_key="a", secret_key="b", region=REGION)
    assert apply_seed(SeedPlan(), nowhere, NEVER) == SeedResult()


def test_wrong_keys_are_a_refusal_with_s3_s_code(minio: S3Server, name: str) -> None:
    wrong = S3Access(endpoint=minio.endpoint, access_key="nobody", secret_key="nothing!", region=REGION)
    with pytest.raises(ObjectStoreRefused, match=f"the S3 store at {minio.endpoint} refused"):
        apply_seed(SeedPlan(buckets=(name,)), wrong, NEVER)


def test_ping_tells_wrong_keys_and_a_store_that_is_away_from_one_that_answers(
    s3_server: S3Server, minio: S3Server
) -> None:
    def ping(**changes: Any) -> None:
        store = s3_server.object_store(**changes)
        try:
            store.ping()
        finally:
            store.close()

    ping()
    # It lets its own user in before it can tell who is none.
    wait_for(
        "MinIO to refuse keys of nobody",
        lambda: (
            _code_of(lambda: ping(endpoint_url=minio.endpoint, access_key="nobody")) == "InvalidAccessKeyId" or None
        ),
    )
    ping(endpoint_url=minio.endpoint)
    with pytest.raises(ObjectStoreRefused, match="SignatureDoesNotMatch"):
        ping(endpoint_url=minio.endpoint, secret_key="something else")
    with pytest.raises(ObjectStoreUnreachable):
        ping(endpoint_url="http://127.0.0.1:1")


def _code_of(ping: Callable[[], None]) -> str:
    try:
        ping()
    except ObjectStoreRefused as refused:
        return refused.code
    return ""


@pytest.fixture
def own_minio(minio: S3Server) -> S3Access:
    """Emptied by no test but the one that asks for it; buckets of others in this worker's store may go."""
    return S3Access(endpoint=minio.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION)


def test_an_external_store_is_emptied_with_versions_and_unfinished_uploads(
    own_minio: S3Access, minio: S3Server, name: str
) -> None:
    with minio.client() as client:
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        for _ in range(2):
            client.put_object(Bucket=name, Key="a/b", Body=b"x")
        client.delete_object(Bucket=name, Key="a/b")
        client.create_multipart_upload(Bucket=name, Key="unfinished")
        assert name in empty_store(own_minio)
        assert client.list_buckets()["Buckets"] == []


@pytest.fixture
def own_seaweedfs(tmp_path: Path) -> Iterator[SeaweedProcess]:
    process = SeaweedProcess(tmp_path / "data", tmp_path / "log", IDENTITY)
    yield process
    process.stop()


def test_a_wiped_embedded_store_is_empty_and_stays_where_it_was(own_seaweedfs: SeaweedProcess, tmp_path: Path) -> None:
    server = S3Server(endpoint=own_seaweedfs.start())
    with server.client() as client:
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="k", Body=b"x")
    own_seaweedfs.wipe()
    assert own_seaweedfs.bucket_names() == []
    with server.client() as client:
        client.create_bucket(Bucket="bucket")
        assert client.list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "log"]


def test_what_a_killed_wipe_moved_away_goes_at_the_next_start(own_seaweedfs: SeaweedProcess, tmp_path: Path) -> None:
    (tmp_path / "data.gone" / "volumes").mkdir(parents=True)
    store = S3ObjectStore(
        endpoint_url=own_seaweedfs.start(),
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        retry=RetryPolicy(patience_seconds=0.0),
    )
    store.ping()
    store.close()
    assert not (tmp_path / "data.gone").exists()
