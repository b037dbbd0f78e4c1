"""What runs the SQL of DatasetDefinition inputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from processing_emulator.domain.datasets import CatalogueTable, DatasetQuery
from processing_emulator.ports.timing import CancelToken


@dataclass(frozen=True, slots=True, kw_only=True)
class TableName:
    """A table as a query names it; parts that it leaves out are empty."""

    catalog: str
    schema: str
    table: str


class QueryEngine(Protocol):
    """Runs one query over files. Every call raises StagingFailure with the engine's sentence, and Cancelled."""

    def is_installed(self) -> bool:
        """Whether queries can run at all; it is an optional part."""
        ...

    def tables_of(self, query: DatasetQuery, folder: Path, cancel: CancelToken) -> Sequence[TableName]:
        """The tables that a query reads. Refuses whatever is not one query: statements that write, or several."""
        ...

    def run(
        self,
        query: DatasetQuery,
        tables: Mapping[CatalogueTable, Sequence[Path]],
        results: Sequence[Path],
        folder: Path,
        cancel: CancelToken,
    ) -> None:
        """Run it over the files of its tables, and write row i to result i mod n.

        The query reaches no file but these, all below `folder`, where temporary files go, too; and no network.
        """
        ...
