"""examples/flights/watch.py, against a server that plays a scripted job."""

import io

import pytest

from examples.flights.watch import Emulator, EmulatorLost, NotTheEmulator, Screen, Watch, find_watch, is_aws, size_of
from tests.unit.examples.job_script import Moment, PlayHandler, PlayServer, Script, event, instance, listening, phase

ARN = "arn:aws:sagemaker:eu-west-1:111122223333:processing-job/my-job"
STARTED = (event(0, "created"), event(0.1, "admitted", capped=False), phase(0.1, "Pulling"), phase(0.2, "StagingIn"))
RUNNING = (*STARTED, phase(0.5, "Starting"), event(0.6, "container_started", host="algo-1"), phase(0.7, "Running"))
ENDED = (
    *RUNNING,
    event(5.1, "container_exited", host="algo-1", code=0, out_of_memory=False),
    phase(5.2, "StagingOut"),
    event(5.6, "staged_out", host="algo-1", objects=2, bytes=3000, seconds=0.25, skipped=[]),
    phase(5.7, "Completed"),
)


class Terminal(io.StringIO):
    """A text stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def shown_by(script: Script, out: io.StringIO | None = None, patience_seconds: float = 5.0) -> list[str]:
    """The lines printed while a job is followed to the end of the script."""
    out = io.StringIO() if out is None else out
    with listening(PlayServer(script, PlayHandler)) as server:
        emulator = Emulator(server.url, "111122223333", "eu-west-1", patience_seconds)
        Watch(emulator, "my-job", Screen(out), poll_seconds=0).follow()
    return out.getvalue().splitlines()


def log_of(shown: list[str], host: str = "algo-1") -> list[str]:
    return [line.removeprefix(f"{host} | ") for line in shown if line.startswith(f"{host} | ")]


def phases_of(shown: list[str]) -> list[str]:
    return [line[10:] for line in shown if line[8:9] == "s" and line[10:11] != " "]


def test_prints_every_line_once_and_in_order() -> None:
    lines = [f"line {number}" for number in range(25)]
    polls = [Moment(events=RUNNING, instances=[instance()], lines={"algo-1": there}) for there in (0, 3, 3, 10, 11, 24)]
    end = Moment(status="Completed", events=ENDED, instances=[instance()], lines={"algo-1": 25})
    assert log_of(shown_by(Script(moments=[*polls, end], output={"algo-1": lines}, page=4))) == lines


def test_prints_all_lines_of_a_job_that_has_already_ended() -> None:
    lines = [f"line {number}" for number in range(7)]
    end = Moment(status="Completed", events=ENDED, instances=[instance()], lines={"algo-1": 7})
    shown = shown_by(Script(moments=[end], output={"algo-1": lines}, page=2))
    assert log_of(shown) == lines


def test_prints_output_between_running_and_the_container_s_exit() -> None:
    end = Moment(status="Completed", events=ENDED, instances=[instance()], lines={"algo-1": 1})
    shown = shown_by(Script(moments=[end], output={"algo-1": ["hello"]}))
    at = shown.index("algo-1 | hello")
    assert shown[at - 1] == "    0.7 s Running"
    assert shown[at + 1] == "    5.1 s   algo-1 container exited: code 0"


def test_shows_phases_shorter_than_the_poll_interval() -> None:
    polls = [Moment(events=RUNNING), Moment(status="Completed", events=ENDED)]
    expected = ["Pending", "Pulling", "StagingIn", "Starting", "Running", "StagingOut", "Completed"]
    assert phases_of(shown_by(Script(moments=polls))) == expected


def test_labels_the_lines_of_each_host() -> None:
    hosts = [instance(), instance(host="algo-2")]
    end = Moment(status="Completed", events=ENDED, instances=hosts, lines={"algo-1": 2, "algo-2": 1})
    shown = shown_by(Script(moments=[end], output={"algo-1": ["a", "b"], "algo-2": ["c"]}))
    assert (log_of(shown), log_of(shown, "algo-2")) == (["a", "b"], ["c"])


def test_shows_the_queue_position_when_it_changes() -> None:
    history = [event(0, "created"), event(0.1, "waiting", reason="behind earlier jobs")]
    polls = [
        Moment(events=history, waiting={"reason": "behind earlier jobs", "queuePosition": place})
        for place in (2, 2, 1, 1)
    ]
    shown = shown_by(Script(moments=[*polls, Moment(status="Stopped", events=[*history, phase(3, "Stopped")])]))
    assert [line.strip() for line in shown if "queue" in line] == ["place 2 in the queue", "place 1 in the queue"]


def test_shows_no_queue_position_of_a_job_that_is_about_to_start() -> None:
    polls = [
        Moment(events=STARTED[:1], waiting={"reason": None, "queuePosition": 1}),
        Moment(status="Completed", events=ENDED),
    ]
    assert not [line for line in shown_by(Script(moments=polls)) if "queue" in line]


def test_shows_what_a_job_waits_for() -> None:
    waiting = event(0.1, "waiting", reason="vCPU: 2 wanted, 0 free")
    shown = shown_by(Script(moments=[Moment(status="Stopped", events=[event(0, "created"), waiting])]))
    assert shown == ["    0.0 s Pending", "    0.1 s   waiting: vCPU: 2 wanted, 0 free"]


def test_shows_the_limits_and_that_they_are_capped() -> None:
    limits = {"vcpus": 1.5, "memoryBytes": 2 * 1024**3, "volumeBytes": 5 * 1024**3, "gpuIds": ["GPU-1"], "capped": True}
    shown = shown_by(Script(moments=[Moment(status="Failed", events=STARTED, instances=[instance(limits=limits)])]))
    expected = "algo-1 gets 1.5 vCPU, 2.0 GiB memory, 5.0 GiB disk, 1 GPU; this machine has less than the instance type"
    assert expected in [line.strip() for line in shown]


def test_summarises_staging_peaks_log_and_exit_message() -> None:
    worked = instance(
        stagedIn={"objects": 6, "bytes": 10_485_760, "seconds": 0.214},
        stagedOut={"objects": 1, "bytes": 512, "seconds": 0.1},
        peaks={"samples": 5, "cpuPercent": 142.4, "memoryBytes": 300 * 1024**2, "diskBytes": 0, "gpuPercent": None},
        logLines=1234,
    )
    end = Moment(status="Completed", events=ENDED, instances=[worked], exit_message="all well")
    assert shown_by(Script(moments=[end]))[-5:] == [
        "  staged in     6 objects, 10.0 MiB in 0.21 s",
        "  staged out    1 object, 512 bytes in 0.10 s",
        "  peaks         CPU 142 % (100 % is one core), memory 300.0 MiB, disk 0 bytes",
        "  log           1,234 lines",
        "  exit message  all well",
    ]


def test_summary_omits_missing_figures() -> None:
    shown = shown_by(Script(moments=[Moment(status="Failed", events=STARTED, instances=[instance()])]))
    assert not [line for line in shown if "peaks" in line or "staged" in line]


def test_names_skipped_output_files() -> None:
    left_out = event(5, "staged_out", objects=0, bytes=0, seconds=0.0, skipped=["out/link", "out/pipe"])
    shown = shown_by(Script(moments=[Moment(status="Completed", events=[event(0, "created"), left_out])]))
    assert shown[-1] == "    5.0 s   left out, as these are no regular files: out/link, out/pipe"


def test_shows_unknown_events_as_text() -> None:
    odd = event(1, "image_pull", host="algo-1", progress="3 of 5 layers")
    shown = shown_by(Script(moments=[Moment(status="Completed", events=[odd])]))
    assert shown == ["    1.0 s   algo-1 image pull: 3 of 5 layers"]


def test_requests_the_job_by_account_region_and_exact_name() -> None:
    script = Script(moments=[Moment(status="Completed", events=ENDED, instances=[instance()])])
    with listening(PlayServer(script, PlayHandler)) as server:
        watch = find_watch(server.url, ARN, "My-Job", Screen(io.StringIO()))
        assert watch is not None
        watch.follow()
    assert {path for path, _ in server.asked} == {"/_emulator/jobs/My-Job", "/_emulator/jobs/My-Job/logs"}
    assert {(query["account"], query["region"]) for _, query in server.asked} == {("111122223333", "eu-west-1")}


def test_waits_for_a_restarting_emulator_and_repeats_nothing() -> None:
    moments = [
        Moment(events=RUNNING, instances=[instance()], lines={"algo-1": 2}),
        Moment(error=503),
        Moment(status="Completed", events=ENDED, instances=[instance()], lines={"algo-1": 3}),
    ]
    shown = shown_by(Script(moments=moments, output={"algo-1": ["a", "b", "c"]}))
    assert log_of(shown) == ["a", "b", "c"]
    assert len(phases_of(shown)) == len(set(phases_of(shown)))


def test_gives_up_on_an_emulator_that_does_not_come_back() -> None:
    with listening(PlayServer(Script(moments=[]), PlayHandler)) as server:
        url = server.url
    with pytest.raises(EmulatorLost, match="no answer from"):
        Emulator(url, "111122223333", "eu-west-1", patience_seconds=0).job("my-job")


def test_stops_when_the_job_no_longer_exists() -> None:
    moments = [Moment(events=RUNNING), Moment(error=404)]
    with pytest.raises(NotTheEmulator, match="answers 404"):
        shown_by(Script(moments=moments))


@pytest.mark.parametrize(
    ("endpoint", "aws"),
    [
        ("https://api.sagemaker.eu-west-1.amazonaws.com", True),
        ("https://api.sagemaker.cn-north-1.amazonaws.com.cn", True),
        ("https://api.sagemaker.eu-west-1.api.aws", True),
        ("http://127.0.0.1:9320", False),
        ("http://emulator:9320", False),
        ("http://api.sagemaker.eu-west-1.amazonaws.com.localhost:9320", False),
    ],
)
def test_recognises_aws_endpoints(endpoint: str, aws: bool) -> None:
    assert is_aws(endpoint) is aws


def test_does_not_watch_in_aws() -> None:
    assert find_watch("https://api.sagemaker.eu-west-1.amazonaws.com", ARN, "my-job", Screen(io.StringIO())) is None


def test_ignores_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert shown_by(Script(moments=[Moment(status="Completed", events=ENDED)]), patience_seconds=0)


@pytest.mark.parametrize("status", [404, 403, 500, 200])
def test_does_not_watch_when_another_server_answers(status: int) -> None:
    with listening(PlayServer(Script(moments=[Moment(error=status)]), PlayHandler)) as server:
        assert find_watch(server.url, ARN, "my-job", Screen(io.StringIO())) is None
    assert len(server.asked) == 1


def test_prints_no_colours_without_a_terminal() -> None:
    shown = shown_by(Script(moments=[Moment(status="Completed", events=ENDED, instances=[instance()])]))
    assert "\033" not in "".join(shown)


def test_prints_colours_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = shown_by(Script(moments=[Moment(status="Completed", events=ENDED)]), Terminal())
    assert "\033[32m    5.7 s Completed\033[0m" in shown


def test_no_color_turns_colours_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    shown = shown_by(Script(moments=[Moment(status="Completed", events=ENDED)]), Terminal())
    assert "\033" not in "".join(shown)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KiB"), (8_258_905, "7.9 MiB"), (8 * 1024**3, "8.0 GiB")],
)
def test_writes_sizes_in_the_shortest_unit(size_bytes: int, text: str) -> None:
    assert size_of(size_bytes) == text
