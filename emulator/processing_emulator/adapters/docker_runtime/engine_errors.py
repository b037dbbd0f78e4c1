"""The table of the engine's errors: whose fault each one is, and what to do about it.

Texts are those of Docker Engine 20.10 and later and of the containerd and runc below it. The first row that matches
decides; an error that no row knows is the engine's fault, never the user's. Each row has a test with a real message.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

NOT_EXECUTABLE = 126
NOT_FOUND = 127
REFUSED = 125
"""The exit codes that a shell and the docker command report for a program that did not start."""


class Fault(StrEnum):
    """Whose fault an error is, and so what becomes of the job."""

    USER = "user"
    """The image or the request is wrong: AlgorithmError with the exit code of the row."""
    CONTAINER = "container"
    """The engine failed to start this container: discard it and start a new one, for a limited time."""
    AWAY = "away"
    """The engine is not ready: repeat the same call, for a limited time."""
    ENGINE = "engine"
    """The engine cannot do it, and a repetition would not help: InternalServerError."""
    IMAGE = "image"
    """The image is not there (any more): ClientError."""
    GONE = "gone"
    """Somebody removed the container: InternalServerError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind of error. It matches when the status is one of `statuses`, if there are any, and the text is found.

    `advice`: what the user can do. `exit_code`: of faults of the user.
    """

    fault: Fault
    pattern: re.Pattern[str] = re.compile("")
    statuses: tuple[int, ...] = ()
    exit_code: int = REFUSED
    advice: str = ""

    def matches(self, text: str, status: int) -> bool:
        """Whether this row is about an answer of the engine."""
        return (not self.statuses or status in self.statuses) and self.pattern.search(text) is not None


def _row(fault: Fault, pattern: str, exit_code: int = REFUSED, advice: str = "") -> Row:
    return Row(fault=fault, pattern=re.compile(pattern, re.IGNORECASE | re.DOTALL), exit_code=exit_code, advice=advice)


PROGRAM = r'exec: "(?:[^"\\]|\\.)*": .*'
"""How the engine's words about a program that it cannot start begin."""

TABLE = (
    Row(fault=Fault.AWAY, statuses=(502, 503, 504)),
    _row(Fault.GONE, r"no such container"),
    _row(Fault.IMAGE, r"no such image"),
    # The user's program or image. Before all others: a program may have any name.
    _row(Fault.USER, PROGRAM + r"(?:executable file not found|no such file or directory)", NOT_FOUND),
    _row(Fault.USER, PROGRAM + r"(?:permission denied|exec format error|is a directory)", NOT_EXECUTABLE),
    _row(Fault.USER, r"no command specified"),
    _row(Fault.USER, r"unable to find (?:user|group) .*: no matching entries"),
    _row(Fault.USER, r"chdir to cwd .*(?:permission denied|no such file or directory|not a directory)", NOT_EXECUTABLE),
    _row(Fault.USER, r"mount a directory onto a file|cannot be mounted because it is (?:located )?inside \"?/proc"),
    _row(Fault.USER, r"duplicate mount point|invalid mount target|invalid environment variable"),
    # What the engine cannot do at all.
    _row(
        Fault.ENGINE,
        r"could not select device driver|unresolvable CDI devices|CDI device injection failed",
        advice='install nvidia-container-toolkit, run "nvidia-ctk runtime configure" and restart Docker',
    ),
    _row(Fault.ENGINE, r"nvidia-container-cli", advice="check the GPU driver with nvidia-smi, and restart Docker"),
    _row(
        Fault.ENGINE,
        r"no space left on device|disk quota exceeded",
        advice='the disk of the Docker engine is full: make room, for example with "docker system prune"',
    ),
    _row(Fault.ENGINE, r"read-only file system", advice="the Docker engine cannot write to its disk"),
    _row(Fault.ENGINE, r"bind source path does not exist", advice="the Docker engine does not see the data directory"),
    _row(
        Fault.ENGINE,
        r"network \S+ not found|could not find network",
        advice="create the network, or change the setting CONTAINER_NETWORK",
    ),
    _row(Fault.ENGINE, r"range of cpus is|minimum memory limit|kernel does not support"),
    # What an interrupted start leaves behind, and what passes: another container may start.
    _row(Fault.CONTAINER, r"(?:task|container) .*already exists|container with id exists|id already in use"),
    _row(Fault.CONTAINER, r"is already in use by container|marked for removal|removal of container .* in progress"),
    _row(Fault.CONTAINER, r"endpoint .*already exists|failed to create endpoint|failed to set up container networking"),
    _row(Fault.CONTAINER, r"address already in use|port is already allocated|address is in use"),
    _row(
        Fault.CONTAINER,
        r"no available ipv4 addresses|all predefined address pools|non-overlapping ipv4 address pool|"
        r"could not find an available (?:port|subnet)",
        advice='the addresses of Docker\'s networks are used up: remove some, for example with "docker network prune"',
    ),
    _row(Fault.CONTAINER, r"iptables failed|xtables lock|nftables", advice="restart Docker, which restores its rules"),
    _row(Fault.CONTAINER, r"cannot allocate memory|resource temporarily unavailable|too many open files"),
    _row(Fault.CONTAINER, r"device or resource busy|layer does not exist|error creating overlay mount"),
    _row(
        Fault.CONTAINER,
        r"containerd|\bshim\b.*(?:exit|dead|closed|failed to start|not found)|failed to start shim|ttrpc|rpc error|"
        r"grpc|transport is closing|reading from a closed fifo",
    ),
    _row(Fault.CONTAINER, r"did not terminate success?fully|signal: killed|cannot start a stopped process"),
    _row(Fault.CONTAINER, r"context (?:canceled|deadline exceeded)|shutting down|unexpected EOF|broken pipe"),
)

UNKNOWN = Row(fault=Fault.ENGINE)
"""An error that no row knows."""


def row_of(text: str, status: int) -> Row:
    """The row for an answer of the engine: its message and its HTTP status."""
    return next((row for row in TABLE if row.matches(text, status)), UNKNOWN)
