"""Shows a job while it runs: what it prints, and below it the phase, the transfers and the peaks of each host."""

import threading
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from processing_emulator.cli.emulator_client import Document, EmulatorClient, ServerFault
from processing_emulator.cli.formatting import seconds_between
from processing_emulator.cli.job_logs import ENDED, Print, follow_logs, host_names
from processing_emulator.quantities import duration, size

POLL_SECONDS = 0.5
_STYLES = {"Completed": "green", "Failed": "red", "Stopped": "yellow"}


def watch(client: EmulatorClient, job: str, console: Console) -> Document:
    """Until the job has ended; its last document. A terminal gets a live view, a file lines. Raises ServerFault."""
    hosts = host_names(client, job, None)

    def show(host: str, event: Document) -> None:
        prefix = Text(f"{host} | ", style="cyan") if len(hosts) > 1 else Text()
        console.print(prefix + Text(event["message"]), soft_wrap=True)

    log = _LogThread(client, job, hosts, show)
    log.start()
    document = _follow_phases(client, job, console)
    log.join()
    if log.fault is not None:
        raise log.fault
    console.print(summary(document), soft_wrap=True)
    return document


class _LogThread(threading.Thread):
    """Prints the log while the main thread draws."""

    def __init__(self, client: EmulatorClient, job: str, hosts: Sequence[str], show: Print) -> None:
        super().__init__(daemon=True)
        self._client, self._job, self._hosts, self._show = client, job, hosts, show
        self.fault: ServerFault | None = None

    def run(self) -> None:
        try:
            follow_logs(self._client, self._job, self._hosts, self._show, begin=None, tail=None)
        except ServerFault as fault:
            self.fault = fault


def _follow_phases(client: EmulatorClient, job: str, console: Console) -> Document:
    pause = threading.Event()
    shown: set[str] = set()
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            document = client.job(job)
            if console.is_terminal:
                live.update(live_view(document))
            else:
                for line in _new_phases(document, shown):
                    console.print(line, soft_wrap=True)
            if document["status"] in ENDED:
                return document
            pause.wait(POLL_SECONDS)


def _new_phases(document: Document, shown: set[str]) -> Iterator[str]:
    phase, waiting = document["phase"], document["waiting"]
    reason = f": waits: {waiting['reason']}" if waiting and waiting["reason"] else ""
    line = f"[{phase}]{reason}".replace("[", "\\[")
    if line not in shown:
        shown.add(line)
        yield line


def live_view(document: Document) -> RenderableType:
    """The phase, and a line for each host."""
    waiting = document["waiting"]
    reason = f"  waits: {waiting['reason']}" if waiting and waiting["reason"] else ""
    elapsed = duration(seconds_between(document["createdAt"], document["endedAt"]))
    rows = Table.grid(padding=(0, 2))
    for instance in document["instances"]:
        rows.add_row(instance["host"], *_transfer_cells(instance), *_peak_cells(instance))
    head = Text(f"{document['name']}  {document['phase']}  {elapsed}{reason}", style="bold")
    return Group(head, rows)


def _transfer_cells(instance: Document) -> Sequence[RenderableType]:
    now = instance["transfer"]
    if now is None:
        return ("", "")
    word = "download" if now["direction"] == "in" else "upload"
    left = f", {duration(now['remainingSeconds'])} left" if now["remainingSeconds"] is not None else ""
    text = f"{word} {size(now['bytes'])} of {size(now['totalBytes'])}, {size(now['bytesPerSecond'])}/s{left}"
    return (ProgressBar(total=now["totalBytes"] or 1, completed=now["bytes"], width=24), text)


def _peak_cells(instance: Document) -> Sequence[RenderableType]:
    peaks = instance["peaks"]
    if not peaks["samples"]:
        return ("",)
    limits = instance["limits"]
    cpu, memory = peaks["cpuPercent"] or 0, size(peaks["memoryBytes"])
    return (f"CPU {cpu:.0f} % of {100 * limits['vcpus']:.0f}, memory {memory} of {size(limits['memoryBytes'])}",)


def _right_size(sizing: Document | None, *, why: bool) -> Iterator[str]:
    if sizing is None:
        return
    if sizing["instanceType"] is None and not why:
        yield f"right size: unknown. {' '.join(sizing['reasons'])}"
        return
    yield f"right size: {sizing['verdict']} How sure: {sizing['confidence']}."
    yield f"  {sizing['cost']}"
    if why:
        yield from (f"  {reason}" for reason in sizing["reasons"])


def summary(document: Document, *, why: bool = False) -> Text:
    """How the job ended, or what it does: state, time, the reason of a failure or of waiting, peaks, and the right size
    (and `why` it is that).
    """
    took = duration(seconds_between(document["createdAt"], document["endedAt"]))
    text = Text(f"{document['name']}: {document['status']}", style=f"bold {_STYLES.get(document['status'], '')}")
    text.append(f" after {took}", style="default")
    if document["failureReason"]:
        text.append(f"\n  {document['failureReason']}", style="red")
    for line in _details(document, why=why):
        text.append(f"\n  {line}", style="default")
    return text


def _details(document: Document, *, why: bool) -> Iterator[str]:
    if document["exitMessage"]:
        yield f"exit message: {document['exitMessage']}"
    if document["waiting"] and document["waiting"]["reason"]:
        yield f"waits: {document['waiting']['reason']}"
    for instance in document["instances"]:
        yield from (f"{instance['host']}: {cell}" for cell in _peak_cells(instance) if cell)
    yield from _right_size(document["rightSizing"], why=why)
    if document["status"] == "Failed":
        yield f"log: processing-emulator logs {document['name']}, page: processing-emulator open {document['name']}"
    if document["debug"]:
        yield document["debug"]
