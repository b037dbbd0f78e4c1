"""DatasetDefinition inputs: a query over the catalogue, and what each host finds of its result (spec 3.5, P-D08)."""

import gzip
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from processing_emulator.adapters.duckdb_queries.engine import DuckDbQueries
from processing_emulator.domain.datasets import Catalogue, CatalogueTable, TableFormat, dataset_query
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.errors import Cancelled
from processing_emulator.ports import ContainerSpec
from tests.fakes.container_script import FakeRun, mounted
from tests.unit.engine.engine_rig import Rig

FOLDER = "/opt/ml/processing/data"
RATINGS = b"id,stars\n1,5\n2,3\n3,4\n4,1\n"
JOIN = "SELECT p.name, r.stars FROM products p JOIN ratings r USING (id) WHERE r.stars > 2 ORDER BY r.stars"
JOINED = [("pen", 3), ("ink", 4), ("cup", 5)]


def athena(query: str, *, database: str = "Shop", file_format: str = "PARQUET", **more: str) -> dict[str, Any]:
    return {
        "AthenaDatasetDefinition": {
            "Catalog": "AwsDataCatalog",
            "Database": database,
            "QueryString": query,
            "OutputS3Uri": "s3://bkt/athena/",
            "OutputFormat": file_format,
            **more,
        },
        "LocalPath": FOLDER,
    }


def redshift(query: str, **more: str) -> dict[str, Any]:
    definition = athena(query)["AthenaDatasetDefinition"] | {"Database": "shop", "OutputFormat": "CSV"} | more
    del definition["Catalog"]
    role = "arn:aws:iam::111122223333:role/r"
    cluster = {"ClusterId": "c", "DbUser": "u", "ClusterRoleArn": role}
    return {"RedshiftDatasetDefinition": definition | cluster, "LocalPath": FOLDER}


@pytest.fixture
def shop(rig: Rig, tmp_path: Path) -> Rig:
    """Two tables: CSV in two objects, one of them in a folder, and Parquet."""
    head, rows = RATINGS.split(b"\n", 1)
    rig.objects.put("bkt", "ratings/a.csv", head + b"\n" + rows[:8])
    rig.objects.put("bkt", "ratings/more/b.csv", head + b"\n" + rows[8:])
    file = tmp_path / "products.parquet"
    products = "SELECT * FROM (VALUES (1, 'cup'), (2, 'pen'), (3, 'ink'), (4, 'pin')) AS p(id, name)"
    duckdb.execute(f"COPY ({products}) TO '{file}'")
    rig.objects.put("bkt", "products/0.parquet", file.read_bytes())
    rig.catalogue = Catalogue(
        (
            CatalogueTable(database="shop", name="ratings", uri=S3Uri("bkt", "ratings/"), format=TableFormat.CSV),
            CatalogueTable(database="shop", name="products", uri=S3Uri("bkt", "products"), format=TableFormat.PARQUET),
        )
    )
    return rig


class Seen:
    """Runs a job with one dataset, and collects the files that each host finds."""

    def __init__(self, rig: Rig, definition: dict[str, Any], hosts: int = 1) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        lock = threading.Lock()

        def work(spec: ContainerSpec) -> None:
            root = mounted(spec, FOLDER)
            with lock:
                self.files[spec.hostname] = {path.name: path.read_bytes() for path in root.iterdir()}

        rig.script = lambda spec: FakeRun(work=work)
        rig.host = type(rig.host)(vcpus=8.0)
        rig.start_emulator()
        cluster = {"InstanceCount": hosts, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 1}
        source = {"InputName": "data", "DatasetDefinition": definition}
        job = rig.add("job", ProcessingResources={"ClusterConfig": cluster}, inputs=[source])
        self.reason = rig.wait_for_end(job).failure_reason
        assert rig.leftovers() == []


def rows_of(tmp_path: Path, parquet: bytes) -> list[tuple[Any, ...]]:
    (tmp_path / "seen.parquet").write_bytes(parquet)
    return duckdb.read_parquet(str(tmp_path / "seen.parquet")).fetchall()


def test_the_result_of_a_join_is_stored_below_the_job_s_name_and_staged(shop: Rig, tmp_path: Path) -> None:
    seen = Seen(shop, athena(JOIN))
    assert seen.reason is None
    assert list(seen.files["algo-1"]) == ["000000_0.parquet"]
    assert rows_of(tmp_path, seen.files["algo-1"]["000000_0.parquet"]) == JOINED
    stored = shop.objects.get("bkt", "athena/job/data/000000_0.parquet")
    assert stored == seen.files["algo-1"]["000000_0.parquet"]


@pytest.mark.parametrize("distribution", [None, "ShardedByS3Key", "FullyReplicated"])
def test_hosts_share_a_result_that_is_computed_once(shop: Rig, tmp_path: Path, distribution: str | None) -> None:
    more = {"DataDistributionType": distribution} if distribution else {}
    seen = Seen(shop, athena("SELECT * FROM ratings, range(100)") | more, hosts=2)
    assert seen.reason is None
    rows = [sum(len(rows_of(tmp_path, content)) for content in seen.files[h].values()) for h in ("algo-1", "algo-2")]
    assert rows == ([400, 400] if distribution == "FullyReplicated" else [200, 200])


@pytest.mark.parametrize(
    ("definition", "name", "content"),
    [
        (redshift(JOIN), "000000_0.csv", b"pen,3\nink,4\ncup,5\n"),
        (redshift("select count(*) from dev.public.ratings", Database="dev"), None, b"not in the catalogue"),
        (redshift("select count(*) n from shop.public.ratings;"), "000000_0.csv", b"4\n"),
        (athena(JOIN, file_format="TEXTFILE"), "000000_0.gz", b"pen\x013\nink\x014\ncup\x015\n"),
        (athena("select 1 a", file_format="JSON"), "000000_0.json.gz", b'{"a":1}\n'),
        (athena('select count(*) from "AwsDataCatalog"."shop"."ratings" -- all', file_format="TEXTFILE"), None, b"4\n"),
        (athena("with r as (select * from ratings) select max(id) from r", file_format="TEXTFILE"), None, b"4\n"),
    ],
)
def test_the_result_has_the_format_that_was_asked_for(
    shop: Rig, definition: dict[str, Any], name: str | None, content: bytes
) -> None:
    seen = Seen(shop, definition)
    if content == b"not in the catalogue":
        assert content.decode() in (seen.reason or "")
        return
    assert seen.reason is None
    ((found, data),) = seen.files["algo-1"].items()
    assert name in (None, found)
    assert (gzip.decompress(data) if found.endswith(".gz") else data) == content


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (
            "select * from nowhere",
            "the table nowhere is not in the catalogue of the seed file, which has: shop.r",
        ),
        ("select * from other.ratings", "the table other.ratings is not in the catalogue"),
        ("select nothing from ratings", 'the query failed: Binder Error: Referenced column "nothing" not found'),
        ("selec 1", "the query failed: Parser Error: syntax error"),
        ("select 1; select 2", "the query failed: QueryString must be exactly one query (SELECT)"),
        ("drop table ratings", "the query failed: QueryString must be exactly one query (SELECT)"),
        ("copy (select 1) to '/tmp/x'", "the query failed: QueryString must be exactly one query (SELECT)"),
        ("attach '/tmp/x.db'", "the query failed: QueryString must be exactly one query (SELECT)"),
        ("select * from '/etc/passwd'", "the table /etc/passwd is not in the catalogue"),
        ("select * from read_text('/etc/passwd')", "file system operations are disabled by configuration"),
        ("select * from glob('/etc/*')", "file system operations are disabled by configuration"),
        ("select * from read_csv('http://127.0.0.1:1/x')", "the query failed: "),
        ("set enable_external_access = true", "the query failed: QueryString must be exactly one query (SELECT)"),
    ],
)
def test_a_query_that_cannot_run_or_would_leave_its_tables_fails_the_job(shop: Rig, query: str, reason: str) -> None:
    seen = Seen(shop, athena(query))
    assert (seen.reason or "").startswith("ClientError: Failed to download data. ")
    assert reason in (seen.reason or "")
    assert seen.files == {}


def test_a_table_without_objects_is_named(shop: Rig) -> None:
    shop.catalogue = Catalogue(
        (CatalogueTable(database="shop", name="t", uri=S3Uri("bkt", "none/"), format=TableFormat.CSV),)
    )
    reason = Seen(shop, athena("select * from t")).reason
    assert reason == "ClientError: Failed to download data. the table shop.t has no objects under s3://bkt/none/"


def test_a_query_ends_when_it_is_cancelled(tmp_path: Path) -> None:
    cancel = threading.Event()
    timer = threading.Timer(0.5, cancel.set)
    timer.start()
    query = dataset_query("in", athena("select count(*) from range(10000000000) a, range(1000000) b"), "job")
    with pytest.raises(Cancelled):
        DuckDbQueries().run(query, {}, [tmp_path / "result"], tmp_path, cancel)
    timer.join()
