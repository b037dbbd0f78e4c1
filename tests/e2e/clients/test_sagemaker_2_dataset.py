"""A DatasetDefinition by the SageMaker Python SDK v2, unmodified: two tables of the seed's catalogue, joined."""

from pathlib import Path

import duckdb
import pytest

from tests.e2e.clients.conftest import PROGRAMS, IsolatedClients, lines_of, python_of
from tests.fixtures_docker import TEST_IMAGE

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

QUERY = "SELECT name, stars FROM products JOIN shop.ratings USING (id) WHERE stars > 1 ORDER BY name"


def test_a_query_over_two_tables_is_an_input(clients: IsolatedClients, tmp_path: Path) -> None:
    command = [python_of("sagemaker-2"), str(PROGRAMS / "sagemaker_2_dataset.py"), TEST_IMAGE, "v2-dataset", QUERY]
    lines_of(clients.run(tmp_path, *command))
    s3 = clients.server.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="warehouse", Prefix="athena/")["Contents"]]
    assert keys == ["athena/v2-dataset/data/000000_0.parquet"]
    stored = s3.get_object(Bucket="warehouse", Key=keys[0])["Body"].read()
    assert s3.get_object(Bucket="warehouse", Key="result/000000_0.parquet")["Body"].read() == stored

    for key in ("ratings/2024/a.csv", "ratings/2025/b.csv", "products/all.tsv"):
        s3.download_file("warehouse", key, str(tmp_path / key.rpartition("/")[2]))
    (tmp_path / "stored.parquet").write_bytes(stored)
    with duckdb.connect() as same:
        same.execute("CREATE SCHEMA shop")
        same.execute(f"CREATE VIEW products AS FROM '{tmp_path}/all.tsv'")
        same.execute(f"CREATE VIEW shop.ratings AS FROM '{tmp_path}/?.csv'")
        expected = same.execute(QUERY).fetchall()
        found = same.execute(f"FROM '{tmp_path}/stored.parquet'").fetchall()
    assert found == expected == [("cup", 5), ("ink", 4), ("pen", 3)]
    definition = clients.server.describe("v2-dataset")["ProcessingInputs"][0]["DatasetDefinition"]
    assert definition["AthenaDatasetDefinition"]["QueryString"] == QUERY
