"""The jobs of a test run as a table in Markdown."""

from collections.abc import Mapping, Sequence

COLUMNS = ("test", "job", "status", "seconds", "peak memory (MiB)", "peak CPU (%)")


def job_table(jobs: Sequence[Mapping[str, object]]) -> str:
    """One row a job, in the order in which their tests ended."""
    lines = [f"### Processing jobs: {len(jobs)}", "", _row(COLUMNS), _row(["---"] * len(COLUMNS))]
    lines += [_row([str(job.get(column, "")) for column in COLUMNS]) for job in jobs]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
