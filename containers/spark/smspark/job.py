"""Runs a Spark job on this host: bring the cluster up, then submit on the primary, or serve it as a worker."""

import logging
import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from smspark import configuration, job_files, sizes
from smspark.conf_files import conf_folders, write_core_site, write_spark_defaults, write_spark_env
from smspark.container_limits import read_limits
from smspark.event_logs import EventLogCopier, event_log_settings
from smspark.executor_logs import ExecutorLogs
from smspark.failure import SparkJobFailed
from smspark.job_files import Cluster, Machine
from smspark.s3_access import s3_settings
from smspark.standalone import StandaloneCluster
from smspark.status import Status, StatusServer, ask_status
from smspark.waiting import wait_for

logger = logging.getLogger(__name__)

ALL_HOSTS_SECONDS = 600.0
PRIMARY_SECONDS = 600.0
MISSED_ANSWERS = 3
"""A worker takes the primary for gone after so many failed questions, a second apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What the command line asks for. `options` are spark-submit's, `app` is the program and its arguments."""

    options: Sequence[str]
    app: Sequence[str]
    event_logs_s3_uri: str | None
    local_event_logs: str | None


def run(submission: Submission) -> None:
    """Run this host's part of the job. Raises SparkJobFailed, with spark-submit's exit code if that failed."""
    cluster = job_files.read_cluster()
    logger.info("host %s of %s", cluster.current, ", ".join(cluster.hosts))
    status = StatusServer(cluster.current)
    status.set(Status.BOOTSTRAPPING)
    offered = configure(cluster, submission, os.environ)
    with ExitStack() as stack:
        daemons = StandaloneCluster(cluster, offered)
        stack.callback(daemons.stop)
        daemons.start()
        stack.callback(ExecutorLogs().close)
        status.set(Status.WAITING)
        if cluster.is_primary:
            _lead(cluster, submission, daemons.master_url)
        else:
            _follow(cluster.primary)


def configure(cluster: Cluster, submission: Submission, environment: Mapping[str, str]) -> Machine:
    """Write the configuration files; returns what this host's worker offers.

    A worker offers what the instance type has, so that executors that a user sized for the real type start here, too.
    """
    declared = job_files.read_declared_machine()
    limits = read_limits()
    usable = sizes.usable_machine(declared, limits)
    mode = environment.get("AWS_SPARK_CONFIG_MODE", sizes.STANDARD)
    user = configuration.parse(job_files.read_configuration())
    defaults = {
        "spark.driver.host": cluster.primary,
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        "spark.rpc.askTimeout": "300s",
        "spark.scheduler.minRegisteredResourcesRatio": "0.8",  # YARN's default: begin when the executors are there
        "spark.executorEnv.AWS_REGION": str(environment.get("AWS_REGION")),
        **sizes.choose_sizes(usable, len(cluster.hosts), mode).as_defaults(),
        **user.spark_defaults,
        **event_log_settings(submission.event_logs_s3_uri, submission.local_event_logs),
    }
    offered = declared[1] if declared is not None else limits
    sizes.check_fits(defaults, offered)
    defaults |= sizes.cores_limit(defaults)
    folders = conf_folders()
    write_spark_defaults(folders, defaults)
    write_spark_env(folders, user.spark_env)
    write_core_site(folders, s3_settings(environment) | dict(user.core_site))
    return offered


def _lead(cluster: Cluster, submission: Submission, master_url: str) -> None:
    """Wait for all hosts, then run spark-submit."""
    waiting: set[str] = set()

    def all_wait() -> bool:
        for host in cluster.hosts:
            if host not in waiting and ask_status(host) is Status.WAITING:
                logger.info("%s is ready", host)
                waiting.add(host)
        return len(waiting) == len(cluster.hosts)

    wait_for("all_hosts_have_bootstrapped", all_wait, seconds=ALL_HOSTS_SECONDS)
    with ExitStack() as stack:
        if submission.event_logs_s3_uri is None and submission.local_event_logs:
            stack.callback(EventLogCopier(Path(submission.local_event_logs)).close)
        submit(
            ["spark-submit", "--master", master_url, "--deploy-mode", "client", *submission.options, *submission.app]
        )


def submit(command: Sequence[str]) -> None:
    """Run spark-submit. Raises SparkJobFailed with its exit code; 128 and the signal's number if one ended it."""
    line = shlex.join(command)
    logger.info("running %s", line)
    with subprocess.Popen(command) as process:
        try:
            code = process.wait()
        except BaseException:  # this program is being stopped
            process.terminate()
            raise
    if code != 0:
        code = code if code > 0 else 128 - code
        cause = subprocess.CalledProcessError(code, line)
        raise SparkJobFailed("spark failed with a non-zero exit code", cause, exit_code=code)
    logger.info("spark-submit succeeded")


def _follow(primary: str) -> None:
    """Wait until the primary is up, and then until it is gone."""
    wait_for("primary_is_up", lambda: ask_status(primary) is not None, seconds=PRIMARY_SECONDS)
    missed = 0
    while missed < MISSED_ANSWERS:
        time.sleep(1)
        missed = 0 if ask_status(primary) is not None else missed + 1
    logger.info("the primary is gone: this worker is done")
