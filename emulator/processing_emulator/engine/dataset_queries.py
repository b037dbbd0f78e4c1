"""Runs the queries of DatasetDefinition inputs: tables from S3, results to S3, staged from there like other inputs."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from processing_emulator.domain.datasets import Catalogue, CatalogueTable, DatasetQuery
from processing_emulator.domain.staging import FileVersion, plan_download
from processing_emulator.engine.workspace import Workspace
from processing_emulator.errors import StagingFailure
from processing_emulator.ports import CancelToken, LocalFile, ObjectStore, QueryEngine, TableName, Volumes

logger = logging.getLogger(__name__)


class OncePerJob:
    """Work that the first host of a job does and the others wait for. Shared by the hosts on this machine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done: set[str] = set()

    def run(self, name: str, work: Callable[[], None]) -> None:
        """Do it unless it is done. Work that failed is tried by the next host."""
        with self._lock:
            if name not in self._done:
                work()
                self._done.add(name)


class DatasetQueries:
    """`catalogue` is asked for each query, because a reset may have read another seed."""

    def __init__(
        self, objects: ObjectStore, engine: QueryEngine, volumes: Volumes, catalogue: Callable[[], Catalogue]
    ) -> None:
        self._objects = objects
        self._engine = engine
        self._volumes = volumes
        self._catalogue = catalogue

    def store_result(self, query: DatasetQuery, hosts: int, folder: Path, cancel: CancelToken) -> None:
        """Run a query and put its result into S3; `folder` is made for its files and removed.

        A run that was interrupted is repeated, and replaces what it has left. Raises StagingFailure, Cancelled.
        """
        self._volumes.remove(folder)
        try:
            Workspace(folder).make_folders(["tables", "result"])
            tables = self._download(query, folder, cancel)
            keys = query.keys(hosts)
            names = [key.rpartition("/")[2] for key in keys]
            self._engine.run(query, tables, [folder / "result" / name for name in names], folder, cancel)
            self._upload(query, keys, folder / "result", cancel)
        finally:
            self._volumes.remove(folder)
        logger.info("dataset query done", extra={"uri": str(query.uri), "tables": len(tables)})

    def _download(
        self, query: DatasetQuery, folder: Path, cancel: CancelToken
    ) -> Mapping[CatalogueTable, Sequence[Path]]:
        named = self._engine.tables_of(query, folder, cancel)
        tables = dict.fromkeys(_find(name, query, self._catalogue()) for name in named)
        return {
            table: self._download_table(table, folder, f"tables/{number}", cancel)
            for number, table in enumerate(tables)
        }

    def _download_table(self, table: CatalogueTable, folder: Path, place: str, cancel: CancelToken) -> Sequence[Path]:
        plan = plan_download(self._objects.iter_objects(table.uri.bucket, table.uri.key, cancel), table.uri.key)
        if not plan.files:
            raise StagingFailure(f"the table {table.database}.{table.name} has no objects under {table.uri}")
        Workspace(folder).make_folders([place, *(f"{place}/{sub}" for sub in plan.folders)])
        self._objects.download(plan.files, folder / place, cancel)
        return [folder / place / file.path for file in plan.files]

    def _upload(self, query: DatasetQuery, keys: Sequence[str], folder: Path, cancel: CancelToken) -> None:
        files = [
            LocalFile(
                root=folder,
                path=key.rpartition("/")[2],
                bucket=query.uri.bucket,
                key=key,
                version=FileVersion.of((folder / key.rpartition("/")[2]).stat()),
            )
            for key in keys
        ]
        self._objects.upload(files, cancel)


def _find(name: TableName, query: DatasetQuery, catalogue: Catalogue) -> CatalogueTable:
    """The table that a query means. Raises StagingFailure."""
    catalog, schema = name.catalog, name.schema
    database = query.database if query.schema is not None or not schema else schema
    is_ours = catalog.lower() in ("", query.catalog.lower()) and (
        query.schema is None or schema.lower() in ("", query.schema)
    )
    table = catalogue.find(database, name.table) if is_ours else None
    if table is None:
        shown = ".".join(filter(None, (catalog, schema, name.table)))
        raise StagingFailure(
            f"the table {shown} is not in the catalogue of the seed file, which has: {catalogue.names}"
        )
    return table
