"""Connections to the engine: closing, sharing between threads, and addresses of this machine."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import psutil
import pytest

from processing_emulator.adapters.docker_runtime.clients import IDLE_CONNECTIONS, Call, Engine
from processing_emulator.adapters.docker_runtime.containers import ContainerDefaults
from processing_emulator.adapters.docker_runtime.network import bridge_gateway, find_self
from processing_emulator.adapters.docker_runtime.runtime import DockerRuntime
from processing_emulator.domain.outcome import ContainerExit
from processing_emulator.errors import RuntimeUnavailable
from processing_emulator.ports import ContainerState
from tests.fixtures_docker import EngineProxy, RuntimeFactory, a_container, missing


def test_closing_the_runtime_ends_waits_and_keeps_the_container_running(make_runtime: RuntimeFactory) -> None:
    runtime, other = make_runtime(), make_runtime()
    container_id = runtime.create(a_container("sleep", "600"))
    runtime.start(container_id)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(runtime.wait, container_id)
        with suppress(TimeoutError):
            waiting.result(0.2)
        runtime.close()

        with pytest.raises(RuntimeUnavailable):
            waiting.result(10)

    assert other.inspect(container_id).state is ContainerState.RUNNING


def test_silent_container_is_followed_past_the_timeouts(make_runtime: RuntimeFactory) -> None:
    runtime = make_runtime()
    container_id = runtime.create(a_container("sh", "-c", "sleep 2; echo late; exit 4"))
    runtime.start(container_id)
    impatient = DockerRuntime(Engine(timeouts={Call.WAIT: 0.3, Call.LOGS: 0.3}), ContainerDefaults(emulator_id="none"))
    with closing(impatient), ThreadPoolExecutor() as pool:
        waiting = pool.submit(impatient.wait, container_id)
        lines = [line.data for batch in impatient.stream_logs(container_id, 0) for line in batch]

        assert waiting.result(30) == ContainerExit(code=4)
    assert lines == [b"late"]


def test_many_threads_share_few_connections(make_runtime: RuntimeFactory, engine_proxy: EngineProxy) -> None:
    runtime = make_runtime(engine_proxy.address)
    ids = [runtime.create(a_container("true")) for _ in range(4)]

    with ThreadPoolExecutor(60) as pool:
        found = list(pool.map(lambda n: runtime.inspect(ids[n % 4]).id, range(600)))

    assert found == [ids[n % 4] for n in range(600)]
    engine_proxy.await_connections(IDLE_CONNECTIONS)


def test_sequential_calls_reuse_one_connection(make_runtime: RuntimeFactory, engine_proxy: EngineProxy) -> None:
    runtime = make_runtime(engine_proxy.address)

    for _ in range(3):
        container_id = runtime.create(a_container("true"))
        runtime.start(container_id)
        runtime.wait(container_id)
        runtime.remove(container_id)

    assert engine_proxy.open_connections() == 2, "one for calls with a limit, one for waiting"


def test_bridge_address_is_an_address_of_this_machine(docker_engine: None) -> None:
    engine = Engine()
    address = bridge_gateway(engine)
    engine.close()

    if address is None:
        missing("the engine's bridge is not on this machine")
    assert address in {
        item.address for items in psutil.net_if_addrs().values() for item in items if item.family is socket.AF_INET
    }


def test_container_reaches_this_machine_at_the_bridge_address(make_runtime: RuntimeFactory) -> None:
    engine = Engine()
    address = bridge_gateway(engine)
    engine.close()
    if address is None:
        missing("the engine's bridge is not on this machine")
    runtime = make_runtime()
    with socket.create_server((address, 0)) as listener:
        port = listener.getsockname()[1]
        code = f"import socket; socket.create_connection(({address!r}, {port}), 10).sendall(b'hello')"
        container_id = runtime.create(a_container("python3", "-c", code))
        runtime.start(container_id)
        listener.settimeout(20)
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(100) == b"hello"

    assert runtime.wait(container_id) == ContainerExit(code=0)


def test_process_on_the_host_is_in_no_container(docker_engine: None) -> None:
    engine = Engine()
    with engine.call(Call.LIST) as api:
        ids = [row["Id"] for row in api.containers()]
    if any(name.startswith(socket.gethostname()) for name in ids):
        missing("the tests run in a container of the engine")
    own = find_self(engine)
    engine.close()

    assert own is None
