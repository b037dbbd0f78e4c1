"""What a person sees while a job runs."""

from typing import Any

from rich.console import Console, RenderableType

from processing_emulator.cli.watch import live_view, summary


def a_document(**changes: Any) -> dict[str, Any]:
    instance = {
        "host": "algo-1",
        "limits": {"vcpus": 2, "memoryBytes": 4 * 2**30},
        "peaks": {"samples": 0, "cpuPercent": None, "memoryBytes": None},
        "transfer": None,
    }
    return {
        "name": "job",
        "status": "InProgress",
        "phase": "Running",
        "createdAt": "2026-01-31T12:00:00.000Z",
        "endedAt": "2026-01-31T12:00:03.000Z",
        "waiting": None,
        "failureReason": None,
        "exitMessage": None,
        "debug": None,
        "rightSizing": None,
        "instances": [instance | changes.pop("instance", {})],
        **changes,
    }


def text_of(shown: RenderableType) -> str:
    console = Console(width=160, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    with console.file:
        console.print(shown)
    return console.export_text()


def test_waiting_job_shows_why() -> None:
    shown = text_of(live_view(a_document(phase="Pending", waiting={"reason": "vCPU: 2 wanted, 0 free"})))

    assert "job  Pending  3.0 s  waits: vCPU: 2 wanted, 0 free" in shown


def test_transfer_shows_bytes_rate_and_time_left() -> None:
    now = {"direction": "in", "bytes": 2**20, "totalBytes": 2**22, "bytesPerSecond": 2**20, "remainingSeconds": 3}

    assert "download 1.0 MiB of 4.0 MiB, 1.0 MiB/s, 3.0 s left" in text_of(
        live_view(a_document(instance={"transfer": now}))
    )


def test_running_host_shows_its_peaks_next_to_its_limits() -> None:
    peaks = {"samples": 3, "cpuPercent": 150.4, "memoryBytes": 2**30}

    assert "CPU 150 % of 200, memory 1.0 GiB of 4.0 GiB" in text_of(live_view(a_document(instance={"peaks": peaks})))


def test_end_shows_the_reason_of_a_failure() -> None:
    shown = text_of(
        summary(a_document(status="Failed", failureReason="AlgorithmError: ,", exitMessage="m", debug="Look into it."))
    )

    assert "job: Failed after 3.0 s" in shown
    assert "AlgorithmError: ," in shown
    assert "Look into it." in shown
    assert "exit message: m" in shown


def test_end_shows_the_right_size_and_its_price_and_describe_also_why() -> None:
    sizing = {
        "instanceType": "ml.m5.large",
        "verdict": "ml.m5.large would have done, instead of ml.m5.xlarge.",
        "confidence": "likely",
    }
    sizing["cost"] = "4 s cost USD 1."
    document = a_document(status="Completed", rightSizing={**sizing, "reasons": ["Few."]})

    short, long = text_of(summary(document)), text_of(summary(document, why=True))

    assert "right size: ml.m5.large would have done, instead of ml.m5.xlarge. How sure: likely." in short
    assert "4 s cost USD 1." in short
    assert "Few." not in short
    assert "Few." in long


def test_unknown_right_size_is_one_line_and_follows_the_reason_of_the_failure() -> None:
    sizing = {"instanceType": None, "verdict": "None.", "confidence": "unknown", "cost": "1 s.", "reasons": ["Short."]}
    shown = text_of(summary(a_document(status="Failed", failureReason="AlgorithmError: ,", rightSizing=sizing)))

    assert [line.strip() for line in shown.splitlines()] == [
        "job: Failed after 3.0 s",
        "AlgorithmError: ,",
        "right size: unknown. Short.",
        "log: processing-emulator logs job, page: processing-emulator open job",
    ]


def test_description_of_a_waiting_job_says_what_it_waits_for() -> None:
    shown = text_of(summary(a_document(phase="Pending", waiting={"reason": "vCPU: 2 wanted, 0 free"})))

    assert "waits: vCPU: 2 wanted, 0 free" in shown
