"""What Create says of DatasetDefinition inputs (spec 1.3 and 3.5)."""

from typing import Any

import pytest

from processing_emulator.domain.datasets import Catalogue, CatalogueTable, TableFormat
from processing_emulator.domain.s3_uri import S3Uri
from processing_emulator.errors import RequestError, Unsupported, ValidationFailed
from processing_emulator.jobs.dataset_rules import check_queries
from processing_emulator.jobs.rules import check_create
from tests.builders import a_request, an_input
from tests.unit.engine.test_datasets import FOLDER, athena, redshift

CATALOGUE = Catalogue(
    (CatalogueTable(database="shop", name="ratings", uri=S3Uri("bkt", "r/"), format=TableFormat.CSV),)
)


def a_job(definition: dict[str, Any], *, app_managed: bool = False) -> dict[str, Any]:
    item: dict[str, Any] = {"InputName": "data", "DatasetDefinition": definition}
    return a_request(inputs=[item | ({"AppManaged": True} if app_managed else {})])


def refusal(request: dict[str, Any], catalogue: Catalogue | None = CATALOGUE) -> RequestError:
    def check() -> None:
        check_create(request)
        check_queries(request, catalogue)

    with pytest.raises(RequestError) as caught:
        check()
    return caught.value


def test_a_query_over_a_known_database_is_accepted() -> None:
    for definition in (athena("select 1"), redshift("select 1")):
        check_create(a_job(definition))
        check_queries(a_job(definition), CATALOGUE)


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"LocalPath": FOLDER}, "exactly one of AthenaDatasetDefinition and RedshiftDatasetDefinition"),
        (athena("q") | redshift("q"), "exactly one of AthenaDatasetDefinition and RedshiftDatasetDefinition"),
        ({k: v for k, v in athena("q").items() if k != "LocalPath"}, '"LocalPath"'),
        (athena("q") | {"LocalPath": "/tmp"}, "must begin with /opt/ml/processing/"),
    ],
)
def test_what_the_service_refuses(definition: dict[str, Any], text: str) -> None:
    error = refusal(a_job(definition))
    assert isinstance(error, ValidationFailed)
    assert text in str(error)


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        (athena("q", file_format="ORC"), "OutputFormat ORC is not supported by the emulator"),
        (athena("q", OutputCompression="ZLIB"), "OutputCompression ZLIB is not supported by the emulator"),
        (
            athena("q", file_format="JSON", OutputCompression="SNAPPY"),
            "output format JSON SNAPPY is not supported",
        ),
        (redshift("q", OutputCompression="BZIP2"), "OutputCompression BZIP2 is not supported by the emulator"),
        (athena("q") | {"InputMode": "Pipe"}, "InputMode Pipe is not supported by the emulator"),
        (athena("q", database="other"), "catalogue: [{database: other, table: NAME, location: s3://BUCKET/PREFIX/"),
    ],
)
def test_what_only_the_emulator_refuses(definition: dict[str, Any], text: str) -> None:
    error = refusal(a_job(definition))
    assert isinstance(error, Unsupported)
    assert text in str(error)


def test_without_duckdb_the_command_that_installs_it_is_named() -> None:
    assert "pip install 'processing-emulator[datasets]'" in str(refusal(a_job(athena("q")), None))


def test_an_app_managed_query_is_the_container_s_business() -> None:
    request = a_job(athena("q", file_format="ORC"), app_managed=True)
    check_create(request)
    check_queries(request, None)


def test_two_results_in_one_place_are_refused() -> None:
    request = a_job(athena("q"))
    second = request["ProcessingInputs"][0] | {"InputName": "more"}
    second["DatasetDefinition"] = athena("q") | {"LocalPath": f"{FOLDER}2"}
    request["ProcessingInputs"].append(second)
    assert "Inputs data and more have the same OutputS3Uri" in str(refusal(request))


def test_a_query_and_an_s3_input_cannot_have_the_same_folder() -> None:
    request = a_job(athena("q"))
    request["ProcessingInputs"].append(an_input(path=FOLDER))
    assert f"Inputs data and in have the same LocalPath {FOLDER}" in str(refusal(request))
