"""The metadata with all tables in it: importing this module imports every module that declares one."""

from processing_emulator.adapters.sql_store import job_tables, log_tables, sample_tables
from processing_emulator.adapters.sql_store.metadata import metadata

__all__ = ["job_tables", "log_tables", "metadata", "sample_tables"]
