"""Spark's standalone cluster: a master on the primary host, and a worker on every host."""

import json
import logging
import os
import socket
import subprocess
import urllib.request
from http.client import HTTPException
from pathlib import Path

from smspark.failure import SparkJobFailed
from smspark.job_files import Cluster, Machine
from smspark.waiting import wait_for

logger = logging.getLogger(__name__)

MASTER_PORT = 7077
MASTER_WEB_PORT = 8080
LOGS = Path("/var/log/spark")
WORK = LOGS / "work"
"""Where a worker keeps the folders of its executors, with their standard output and error."""

BRING_UP_SECONDS = 300.0
NAME_SECONDS = 60.0


class StandaloneCluster:
    """The daemons of this host."""

    def __init__(self, cluster: Cluster, offered: Machine) -> None:
        self._cluster = cluster
        self._offered = offered
        self._daemons: dict[Path, subprocess.Popen[bytes]] = {}

    @property
    def master_url(self) -> str:
        return f"spark://{self._cluster.primary}:{MASTER_PORT}"

    def start(self) -> None:
        """Start this host's daemons and wait until its worker is known to the master."""
        wait_for("hostname_resolution", self._names_resolve, seconds=NAME_SECONDS)
        WORK.mkdir(parents=True, exist_ok=True)
        if self._cluster.is_primary:
            web = ["--webui-port", str(MASTER_WEB_PORT)]
            self._start("master.Master", "--host", self._cluster.primary, "--port", str(MASTER_PORT), *web)
        size = ["--cores", str(self._offered.cores), "--memory", f"{self._offered.memory_mib}M"]
        place = ["--host", self._cluster.current, "--work-dir", str(WORK)]
        self._start("worker.Worker", *place, *size, self.master_url)
        wait_for("cluster_is_up", self._worker_is_registered, seconds=BRING_UP_SECONDS, period=0.5)

    def stop(self) -> None:
        """End this host's daemons; executors end with their worker."""
        for daemon in self._daemons.values():
            daemon.terminate()
        for daemon in self._daemons.values():
            try:
                daemon.wait(timeout=5)
            except subprocess.TimeoutExpired:
                daemon.kill()

    def _start(self, name: str, *arguments: str) -> None:
        environment = os.environ | {
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
            "SPARK_LOCAL_HOSTNAME": self._cluster.current,
        }
        log = LOGS / f"{name.partition('.')[0]}.log"
        with log.open("wb") as output:
            self._daemons[log] = subprocess.Popen(
                ["spark-class", f"org.apache.spark.deploy.{name}", *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _names_resolve(self) -> bool:
        try:
            return all(socket.gethostbyname(host) for host in self._cluster.hosts)
        except OSError:
            return False

    def _worker_is_registered(self) -> bool:
        for log, daemon in self._daemons.items():
            if daemon.poll() is not None:
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
                logger.error("%s ended:\n%s", log.name, tail)
                raise SparkJobFailed("the cluster did not start", RuntimeError(f"{log.name}: see the log"))
        try:
            with urllib.request.urlopen(f"http://{self._cluster.primary}:{MASTER_WEB_PORT}/json/", timeout=5) as answer:
                workers = json.load(answer)["workers"]
        except (OSError, HTTPException, ValueError):
            return False
        return any(each["host"] == self._cluster.current and each["state"] == "ALIVE" for each in workers)
