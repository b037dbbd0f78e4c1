"""Looks into a kept job: the server makes a container, and Docker's own command connects it with this terminal."""

import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import click

from processing_emulator.cli.emulator_client import Document, EmulatorClient, ServerFault
from processing_emulator.cli.formatting import moment

_DETACH_KEYS = "ctrl-@,ctrl-^"
"""Docker's own, Ctrl-P Ctrl-Q, would swallow the shell's Ctrl-P."""

_END_SECONDS = 10.0
"""A server that still makes the image removes it, and the container, when that is done."""

_KILLED = 137
"""The exit code of what SIGKILL has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugSession:
    """One look into one host. Its name is chosen here, so that it can be closed even if the answer never came.

    `docker` is the path of Docker's command, `docker_host` the engine that it asks if the server cannot say where its
    engine is; None for the command's own choice.
    """

    client: EmulatorClient
    job: str
    host: str
    name: str
    docker: str
    docker_host: str | None
    end_seconds: float = _END_SECONDS

    def run(self, command: Sequence[str]) -> int:
        """Until the command ends; its exit code. Raises ServerFault."""
        has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
        body: Document = {"session": self.name, "terminal": has_terminal, "command": list(command) or None}
        found: Document | None = None
        ended: str | None = None
        with _ended_by_signals():
            try:
                found = self.client.post_document(f"{self._path}/debug", body, **self._where)
                click.echo(_heading(self.job, found), err=True)
                code = self._attach(found)
            finally:
                ended = self._close(found)
        if code == _KILLED and ended is not None:
            click.echo(ended, err=True)
        return code

    def _attach(self, found: Document) -> int:
        start = ["start", "--attach", "--interactive", "--detach-keys", _DETACH_KEYS, found["container"]]
        with _terminal_restored(), subprocess.Popen([*self._docker(found), *start]) as process:
            try:
                return process.wait()
            except BaseException:  # the terminal has gone, Ctrl-C: without its container, the command ends by itself
                self._close(found)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(self.end_seconds)
                process.kill()
                raise

    def _docker(self, found: Document) -> Sequence[str]:
        address = found["engine"] or self.docker_host
        return [self.docker] if address is None else [self.docker, "--host", address]

    def _close(self, found: Document | None) -> str | None:
        """What was made goes even while signals arrive, and if the server is away as far as possible.

        Why the session was ended, if the server has done that.
        """
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        path = f"{self._path}/debug/{self.name}"
        try:
            ended: str | None = self.client.delete(path, timeout=self.end_seconds, **self._where).get("ended")
        except ServerFault as fault:
            if found is not None:
                remove = [*self._docker(found), "rm", "--force", "--volumes", found["container"]]
                with suppress(subprocess.TimeoutExpired):
                    subprocess.run(remove, capture_output=True, check=False, timeout=self.end_seconds)
            return fault.message
        return ended

    @property
    def _path(self) -> str:
        return f"jobs/{quote(self.job, safe='')}"

    @property
    def _where(self) -> Document:
        return {"account": self.client.account, "region": self.client.region, "host": self.host}


def look_into(
    client: EmulatorClient, job: str, host: str, command: Sequence[str], docker_host: str | None = None
) -> int:
    """Open a shell, or run a command; its exit code. Raises ServerFault."""
    if not _is_here(client.url):
        raise ServerFault(
            f"the server at {client.url} is on another machine, and so are the job's container and files;"
            " run this command there"
        )
    docker = shutil.which("docker")
    if docker is None:
        raise ServerFault("the command docker is not there, which connects the container with the terminal; install it")
    name = secrets.token_hex(4)
    session = DebugSession(client=client, job=job, host=host, name=name, docker=docker, docker_host=docker_host)
    return session.run(command)


def _heading(job: str, found: Document) -> str:
    until = moment(found["keptUntil"])
    user, folder = found["user"] or "root", found["workingFolder"] or "/"
    return (
        f"{job}, {found['host']}: as its container was when it ended, user {user}, in {folder}\n"
        f"entry point (not run): {shlex.join(found['entryPoint']) or 'none'}\n"
        f"The job is kept until {until.astimezone():%H:%M}; changes outside of its folders are lost when you leave."
        if until is not None
        else ""
    )


def _is_here(url: str) -> bool:
    """Whether a URL's host is an address of this machine: a socket can be bound to it, and to no other's."""
    try:
        found = socket.getaddrinfo(urlsplit(url).hostname, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        with suppress(OSError), socket.socket(family, kind, protocol) as trial:
            trial.bind(address)
            return True
    return False


_SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A signal ends what runs within as an exception, so that it cleans up."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _terminal_restored() -> Iterator[None]:
    """Docker's command leaves a terminal in raw mode when it is killed."""
    if not sys.stdin.isatty():
        yield
        return
    terminal = os.dup(sys.stdin.fileno())
    state = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        with suppress(termios.error):  # it has gone
            termios.tcsetattr(terminal, termios.TCSADRAIN, state)
        os.close(terminal)
