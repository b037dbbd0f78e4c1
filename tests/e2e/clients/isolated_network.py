"""A network namespace that reaches only the server's address. It has no default route, records name lookups and counts
packets to other addresses. Needs root and `ip`.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from tests.e2e.clients.name_server import NameServer, name_server
from tests.fixtures_docker import missing

BENCHMARK_NET = IPv4Network("198.18.0.0/15")
"""Reserved for benchmarks of network devices (RFC 2544). Each test process uses one /30 of it, chosen by process id."""

NETNS_FILES = Path("/etc/netns")
"""`ip netns exec` mounts the files in /etc/netns/NAMESPACE over those in /etc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedProcess:
    """The exit code and output of a process."""

    code: int
    stdout: str
    stderr: str


class IsolatedNetwork:
    """`server_address` is the host's end of the veth pair."""

    def __init__(self, namespace: str, server_address: str, names: NameServer) -> None:
        self.namespace = namespace
        self.server_address = server_address
        self._names = names
        self._packets_cleared = 0

    def attempts(self) -> list[str]:
        """Attempts to reach the outside since the last `clear`: names looked up, and the number of packets sent."""
        packets = self._unroutable_packets() - self._packets_cleared
        return self._names.lookups() + ([f"{packets} to addresses without a route"] if packets else [])

    def clear(self) -> None:
        self._names.clear()
        self._packets_cleared = self._unroutable_packets()

    def start(self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> "subprocess.Popen[str]":
        """Start a process in the namespace with only these variables; its output goes to files in the folder."""
        with (folder / "stdout").open("w") as stdout, (folder / "stderr").open("w") as stderr:
            return subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, *command],
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                text=True,
            )

    def _unroutable_packets(self) -> int:
        table = subprocess.run(
            ["ip", "netns", "exec", self.namespace, "grep", "^Ip:", "/proc/net/snmp"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        heads, values = (line.split() for line in table.splitlines())
        return int(dict(zip(heads, values, strict=True))["OutNoRoutes"])


def finish(process: "subprocess.Popen[str]", *, folder: Path, timeout_seconds: float) -> FinishedProcess:
    """Wait for a process to end; kill it after the timeout and raise AssertionError."""
    try:
        code = process.wait(timeout_seconds)
    except subprocess.TimeoutExpired as error:
        end(process)
        output = (folder / "stdout").read_text() + (folder / "stderr").read_text()
        raise AssertionError(f"{process.args!r} did not end in {timeout_seconds:g} s; its output: {output}") from error
    return FinishedProcess(code=code, stdout=(folder / "stdout").read_text(), stderr=(folder / "stderr").read_text())


def end(process: "subprocess.Popen[str]") -> None:
    """Kill a process, unless it has ended."""
    process.kill()
    process.wait()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)


def _remove(namespace: str) -> None:
    """Deleting the namespace also deletes the veth pair."""
    if Path("/run/netns", namespace).exists():
        _ip("netns", "delete", namespace)
    shutil.rmtree(NETNS_FILES / namespace, ignore_errors=True)


def _remove_orphans() -> None:
    """Remove namespaces of test runs that were killed; the name has the process id of the run."""
    folders = [folder for folder in (Path("/run/netns"), NETNS_FILES) if folder.is_dir()]
    for name in {path.name for folder in folders for path in folder.iterdir()}:
        match = re.fullmatch(r"pe-(\d+)", name)
        if match and not Path("/proc", match[1]).exists():
            _remove(name)


@contextmanager
def isolated_network() -> Iterator[IsolatedNetwork]:
    """Create the namespace while the block runs. Skips or fails the test where that is not possible (see `missing`)."""
    if os.geteuid() != 0:
        missing("a network namespace needs root")
    if shutil.which("ip") is None:
        missing("`ip` is not installed: apt-get install iproute2")
    _remove_orphans()
    number = os.getpid()
    namespace = f"pe-{number}"
    first = int(BENCHMARK_NET.network_address) + 4 * (number % (BENCHMARK_NET.num_addresses // 4))
    ours, theirs = (str(address) for address in IPv4Network((first, 30)).hosts())
    with ExitStack() as stack:
        stack.callback(_remove, namespace)
        try:
            _ip("netns", "add", namespace)
            _wire(namespace, f"pe{number}", ours, theirs)
        except subprocess.CalledProcessError as error:
            missing(f"cannot create a network namespace: {error.stderr.strip()}")
        files = NETNS_FILES / namespace
        files.mkdir(parents=True)
        (files / "resolv.conf").write_text(f"nameserver {ours}\noptions timeout:1 attempts:1\n")
        names = stack.enter_context(name_server(ours))
        yield IsolatedNetwork(namespace, ours, names)


def _wire(namespace: str, name: str, ours: str, theirs: str) -> None:
    here, there = f"{name}s", f"{name}c"
    _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", namespace)
    _ip("address", "add", f"{ours}/30", "dev", here)
    _ip("link", "set", here, "up")
    _ip("-n", namespace, "address", "add", f"{theirs}/30", "dev", there)
    _ip("-n", namespace, "link", "set", there, "up")
    _ip("-n", namespace, "link", "set", "lo", "up")
