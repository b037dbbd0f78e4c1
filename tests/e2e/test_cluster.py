"""Jobs of several hosts on the real engine: how they reach each other, what each gets and leaves, how they end."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import docker
import pytest

from processing_emulator.adapters.docker_runtime.clients import Engine
from processing_emulator.adapters.docker_runtime.network import bridge_gateway
from tests.builders import a_request, an_input, an_output
from tests.e2e.conftest import emulator_id, leftovers, running_server
from tests.e2e.server import RUN_CODE, EmulatorProcess
from tests.waiting import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.e2e]

MEET = """
import json, os, socket, threading, time, urllib.request

config = json.load(open("/opt/ml/config/resourceconfig.json"))
me, hosts = config["current_host"], config["hosts"]
PORTS = (7077, 33333)

# Both directions, before any peer listens.
addresses = {host: socket.gethostbyname(host) for host in hosts}
names = {host: socket.gethostbyaddr(address)[0] for host, address in addresses.items()}

heard, everybody = set(), threading.Event()

def serve(server):
    while True:
        connection, (address, _) = server.accept()
        heard.add(connection.makefile().readline().strip())
        connection.close()
        if len(heard) == len(hosts) * len(PORTS):
            everybody.set()

for port in PORTS:
    server = socket.create_server((me, port))  # as Spark does: on the own name
    threading.Thread(target=serve, args=(server,), daemon=True).start()

def call(host, port):
    for _ in range(150):
        try:
            with socket.create_connection((host, port), timeout=2) as connection:
                connection.sendall(f"{me}:{port}\\n".encode())
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{me} cannot reach {host}:{port}")

for host in hosts:
    for port in PORTS:
        call(host, port)
if not everybody.wait(30):
    raise SystemExit(f"{me} heard only {sorted(heard)}")

def reach(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
        return True
    except OSError:
        return False

outside = os.environ["OUTSIDE"].split(",")
seen = {
    "me": me, "hostname": socket.gethostname(), "hosts": hosts, "addresses": addresses, "names": names,
    "heard": sorted(heard), "shard": sorted(os.listdir("/opt/ml/processing/input")),
    "outside": {target: reach(*target.split(":")) for target in outside},
    "credentials": sorted(name for name in os.environ if name.startswith("AWS_")),
}
print(json.dumps(seen))
open(f"/opt/ml/processing/output/{me}.json", "w").write(json.dumps(seen))
open("/opt/ml/output/message", "w").write(f"[{me}]")
"""


def created(server: EmulatorProcess, name: str, *, hosts: int = 3, **request: Any) -> None:
    server.client("sagemaker").create_processing_job(**a_request(name, hosts=hosts, **request))


def meeting(server: EmulatorProcess, name: str, outside: list[str], **request: Any) -> list[dict[str, Any]]:
    """Let three hosts meet; what each has seen, from its own output."""
    s3 = server.client("s3")
    for number in range(7):
        s3.put_object(Bucket="bkt", Key=f"shards/{number}", Body=b"x")
    shards = an_input(uri="s3://bkt/shards/")
    shards["S3Input"]["S3DataDistributionType"] = "ShardedByS3Key"
    created(
        server,
        name,
        entrypoint=RUN_CODE,
        inputs=[server.stage_code(name, MEET), shards],
        outputs=[an_output(uri=f"s3://bkt/{name}")],
        Environment={"OUTSIDE": ",".join(outside)},
        **request,
    )
    described = server.wait_for_end(name, 180)
    assert described["ProcessingJobStatus"] == "Completed", (described, server.log_lines(name))
    assert described["ExitMessage"] == "[algo-1][algo-2][algo-3]"
    keys = [f"{name}/algo-{number}.json" for number in (1, 2, 3)]
    return [json.loads(s3.get_object(Bucket="bkt", Key=key)["Body"].read()) for key in keys]


HOSTS = ["algo-1", "algo-2", "algo-3"]

SERVE = """
import socket
with socket.create_server(("", 7000)) as server:
    print("ready", flush=True)
    while True:
        server.accept()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, docker_engine: None) -> Iterator[EmulatorProcess]:
    """A server with room for several clusters side by side."""
    with running_server(tmp_path_factory.mktemp("emulator"), capacity_cpus="32", capacity_memory_mib="262144") as made:
        yield made


def printed(server: EmulatorProcess, name: str, hosts: int) -> bool | None:
    """Whether each host has printed its line."""
    document = server.control(f"jobs/{name}")
    return (len(document["instances"]) == hosts and all(one["logLines"] for one in document["instances"])) or None


@pytest.fixture(scope="module")
def strangers(server: EmulatorProcess) -> Iterator[list[str]]:
    """Targets in containers of two other jobs, one with one host and one with two, which answer within their jobs."""
    engine = docker.from_env()
    targets = []
    for name, hosts in (("alone", 1), ("pair", 2)):
        created(server, name, hosts=hosts, entrypoint=RUN_CODE, inputs=[server.stage_code(name, SERVE)])
        wait_for("its containers to listen", partial(printed, server, name, hosts), 60)
    for container in engine.containers.list(filters={"label": f"processing-emulator.id={emulator_id(server)}"}):
        if container.labels["processing-emulator.job-name"] in ("alone", "pair"):
            (network,) = container.attrs["NetworkSettings"]["Networks"].values()
            targets.append(f"{network['IPAddress']}:7000")
    engine.close()
    assert len(targets) == 3
    yield targets
    for name in ("alone", "pair"):
        server.client("sagemaker").stop_processing_job(ProcessingJobName=name)
        server.wait_for_end(name)


@pytest.mark.parametrize("isolated", [False, True], ids=["open", "isolated"])
def test_14_20_three_hosts_meet_by_name_on_open_ports(
    server: EmulatorProcess, strangers: list[str], isolated: bool
) -> None:
    name = "isolated" if isolated else "open"
    emulator = f"{bridge_gateway(Engine())}:{server.url.rpartition(':')[2]}"
    network = {"EnableNetworkIsolation": isolated}
    seen = meeting(server, name, [emulator, *strangers], NetworkConfig=network)

    assert [(one["me"], one["hostname"]) for one in seen] == [(host, host) for host in HOSTS]
    assert [one["hosts"] for one in seen] == [HOSTS] * 3
    assert [one["names"] for one in seen] == [{host: host for host in HOSTS}] * 3
    assert len({tuple(one["addresses"].items()) for one in seen}) == 1
    assert [one["heard"] for one in seen] == [sorted(f"{host}:{port}" for host in HOSTS for port in (7077, 33333))] * 3
    assert [one["shard"] for one in seen] == [["0", "3", "6"], ["1", "4"], ["2", "5"]]
    outside = {emulator: not isolated, **dict.fromkeys(strangers, False)}
    assert [one["outside"] for one in seen] == [outside] * 3
    if isolated:
        assert [one["credentials"] for one in seen] == [["AWS_REGION"]] * 3
    streams = server.client("logs").describe_log_streams(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=f"{name}/"
    )["logStreams"]
    assert [stream["logStreamName"].rpartition("-")[0] for stream in streams] == [f"{name}/{host}" for host in HOSTS]
    document = server.control(f"jobs/{name}")
    assert [one["host"] for one in document["instances"]] == HOSTS


def test_one_host_that_fails_ends_the_job_with_its_reason(server: EmulatorProcess) -> None:
    script = "case $(hostname) in algo-2) echo sorry > /opt/ml/output/message; exit 7;; *) sleep 300;; esac"
    created(server, "failing", entrypoint=["sh", "-c", script])
    described = server.wait_for_end("failing", 120)
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["FailureReason"] == "AlgorithmError: sorry\n, exit code: 7"
    assert described["ExitMessage"] == "sorry\n"


@pytest.mark.parametrize("phase", ["StagingIn", "Starting", "Running"])
def test_cluster_survives_a_kill_of_the_server(fresh_server: EmulatorProcess, phase: str) -> None:
    server = fresh_server.start()
    server.client("s3").create_bucket(Bucket="bkt")
    script = "getent hosts algo-1 algo-2 algo-3 && sleep 3 && echo x > /opt/ml/processing/output/$(hostname)"
    created(server, "killed", entrypoint=["sh", "-c", script], outputs=[an_output(uri="s3://bkt/killed")])

    def reached() -> bool | None:
        events = server.control("jobs/killed")["events"]
        return phase in [event["detail"].get("to") for event in events if event["action"] == "phase_changed"] or None

    wait_for(f"the job to reach {phase}", reached, 60)
    server.kill()
    server.start()

    assert server.wait_for_end("killed", 120)["ProcessingJobStatus"] == "Completed"
    found = server.client("s3").list_objects_v2(Bucket="bkt", Prefix="killed/")["Contents"]
    assert [item["Key"] for item in found] == [f"killed/{host}" for host in HOSTS]
    assert leftovers(server) == []
