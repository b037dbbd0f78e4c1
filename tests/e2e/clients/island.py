"""A network namespace from which one address can be reached and nothing else: no route leads out, and every name that
is looked up, like every address without a route that is tried, is noticed. Needs root and `ip`.
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
"""Set aside for tests of network devices (RFC 2544); one of its /30 networks is ours, chosen by our process id."""

NETNS_FILES = Path("/etc/netns")
"""`ip netns exec` lays a namespace's folder below it over /etc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a program left behind."""

    code: int
    stdout: str
    stderr: str


class Island:
    """`server_address` is this machine's end of the only wire."""

    def __init__(self, namespace: str, server_address: str, names: NameServer) -> None:
        self.namespace = namespace
        self.server_address = server_address
        self._names = names
        self._forgotten = 0

    def noticed(self) -> list[str]:
        """What wanted out since the beginning, or since it was last forgotten: names, and a count of sendings."""
        attempts = self._addresses_tried() - self._forgotten
        return self._names.asked() + ([f"{attempts} to addresses without a route"] if attempts else [])

    def forget(self) -> None:
        self._names.forget()
        self._forgotten = self._addresses_tried()

    def start(self, command: Sequence[str], *, environment: Mapping[str, str], folder: Path) -> "subprocess.Popen[str]":
        """A program there, with that environment and no other. Its outputs go to files of the folder."""
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

    def _addresses_tried(self) -> int:
        table = subprocess.run(
            ["ip", "netns", "exec", self.namespace, "grep", "^Ip:", "/proc/net/snmp"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        heads, values = (line.split() for line in table.splitlines())
        return int(dict(zip(heads, values, strict=True))["OutNoRoutes"])


def finish(process: "subprocess.Popen[str]", *, folder: Path, timeout_seconds: float) -> Finished:
    """Wait for a program's end; it is killed when the time is over, and that is an error."""
    try:
        code = process.wait(timeout_seconds)
    except subprocess.TimeoutExpired as error:
        end(process)
        said = (folder / "stdout").read_text() + (folder / "stderr").read_text()
        raise AssertionError(f"{process.args!r} did not end in {timeout_seconds:g} s; it said: {said}") from error
    return Finished(code=code, stdout=(folder / "stdout").read_text(), stderr=(folder / "stderr").read_text())


def end(process: "subprocess.Popen[str]") -> None:
    """Nothing of it goes on; one that has ended is left alone."""
    process.kill()
    process.wait()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True)


def _remove(namespace: str) -> None:
    """The wire goes with the namespace in which one of its ends is."""
    if Path("/run/netns", namespace).exists():
        _ip("netns", "delete", namespace)
    shutil.rmtree(NETNS_FILES / namespace, ignore_errors=True)


def _remove_orphans() -> None:
    """What test runs that were killed have left; the name says whose it was."""
    folders = [folder for folder in (Path("/run/netns"), NETNS_FILES) if folder.is_dir()]
    for name in {path.name for folder in folders for path in folder.iterdir()}:
        match = re.fullmatch(r"pe-(\d+)", name)
        if match and not Path("/proc", match[1]).exists():
            _remove(name)


@contextmanager
def an_island() -> Iterator[Island]:
    """Made, and removed without a trace. A machine that cannot have one is reported as a missing part."""
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
            missing(f"no network namespace can be made here: {error.stderr.strip()}")
        files = NETNS_FILES / namespace
        files.mkdir(parents=True)
        (files / "resolv.conf").write_text(f"nameserver {ours}\noptions timeout:1 attempts:1\n")
        names = stack.enter_context(name_server(ours))
        yield Island(namespace, ours, names)


def _wire(namespace: str, name: str, ours: str, theirs: str) -> None:
    here, there = f"{name}s", f"{name}c"
    _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", namespace)
    _ip("address", "add", f"{ours}/30", "dev", here)
    _ip("link", "set", here, "up")
    _ip("-n", namespace, "address", "add", f"{theirs}/30", "dev", there)
    _ip("-n", namespace, "link", "set", there, "up")
    _ip("-n", namespace, "link", "set", "lo", "up")
