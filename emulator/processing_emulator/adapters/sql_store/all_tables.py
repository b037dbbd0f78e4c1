"""The metadata with all tables in it: importing this module imports every module that declares one."""

from processing_emulator.adapters.sql_store import (
    alarm_tables,
    event_rule_tables,
    job_tables,
    log_tables,
    metric_tables,
)
from processing_emulator.adapters.sql_store.metadata import metadata

__all__ = ["alarm_tables", "event_rule_tables", "job_tables", "log_tables", "metadata", "metric_tables"]
