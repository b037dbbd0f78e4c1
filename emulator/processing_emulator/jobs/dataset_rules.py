"""The rules of DatasetDefinition inputs that the service model does not hold (spec 1.3 and 3.5)."""

from collections.abc import Mapping, Sequence
from typing import Any

from processing_emulator.domain.datasets import Catalogue, dataset_query
from processing_emulator.errors import Unsupported, ValidationFailed

_SERVICES = ("AthenaDatasetDefinition", "RedshiftDatasetDefinition")


def check_definition(name: str, definition: Mapping[str, Any], *, is_app_managed: bool) -> None:
    """Raise ValidationFailed for what the service refuses. An AppManaged one is read by the container only."""
    if is_app_managed:
        return
    if sum(definition.get(service) is not None for service in _SERVICES) != 1:
        raise ValidationFailed(f"Input {name}: DatasetDefinition must have exactly one of {' and '.join(_SERVICES)}")
    if not definition.get("LocalPath"):
        raise ValidationFailed(
            f'Input {name} missing one or more required fields for SageMaker-managed DatasetDefinition: "LocalPath"'
        )


def check_queries(request: Mapping[str, Any], catalogue: Catalogue | None) -> None:
    """Raise Unsupported, with the line that helps, for queries that cannot run here.

    `catalogue` None: nothing that runs queries is installed.
    """
    targets: dict[str, str] = {}
    for item in _managed(request.get("ProcessingInputs") or []):
        name = item["InputName"]
        query = dataset_query(name, item["DatasetDefinition"], request["ProcessingJobName"])
        if catalogue is None:
            raise Unsupported(
                f"Input {name}: DatasetDefinition needs DuckDB, which is not installed; run: "
                "pip install 'processing-emulator[datasets]'"
            )
        if not catalogue.has_database(query.database):
            raise Unsupported(
                f"Input {name}: the database {query.database} is not in the catalogue of the seed file, which has the "
                f"tables: {catalogue.names}; add to it: catalogue: [{{database: {query.database}, table: NAME, "
                "location: s3://BUCKET/PREFIX/, format: csv}]"
            )
        if str(query.uri) in targets:
            raise Unsupported(
                f"Inputs {targets[str(query.uri)]} and {name} have the same OutputS3Uri: their results would mix"
            )
        targets[str(query.uri)] = name


def _managed(inputs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for item in inputs if item.get("DatasetDefinition") and not item.get("AppManaged")]
