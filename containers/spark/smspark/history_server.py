"""The program smspark-history-server: Spark's history server for event logs on S3, behind a proxy path.

The SDKs start it with `docker run`, publish ports 80 and 15050, and show the user http://HOST/proxy/15050.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from types import FrameType
from typing import NoReturn

import click

from smspark.conf_files import conf_folders, write_core_site, write_spark_defaults, write_spark_env
from smspark.reverse_proxy import ReverseProxy
from smspark.s3_access import s3_settings

logger = logging.getLogger(__name__)

PROXY_PATH = "/proxy/15050"
PROXY_PORTS = (80, 15050)
SPARK_PORT = 18080


def history_settings(event_logs: str) -> dict[str, str]:
    """Lines of spark-defaults.conf."""
    return {
        "spark.history.fs.logDirectory": event_logs,
        "spark.history.ui.port": str(SPARK_PORT),
        "spark.ui.proxyBase": PROXY_PATH,
    }


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("--event-logs-s3-uri", required=True, help="Where the event logs are.")
@click.option("--remote-domain-name", help="Address under which a browser reaches the proxy, if not this one.")
def command(event_logs_s3_uri: str, remote_domain_name: str | None) -> None:
    """Show the event logs below an S3 URI."""
    folders = conf_folders()
    write_spark_defaults(folders, history_settings(event_logs_s3_uri))
    write_spark_env(folders, {})
    write_core_site(folders, s3_settings(os.environ))
    for port in PROXY_PORTS:
        proxy = ReverseProxy(port, SPARK_PORT, prefix=PROXY_PATH, public=remote_domain_name or "")
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
    logger.info("history server for %s on %s", event_logs_s3_uri, PROXY_PATH)
    server = subprocess.Popen(["spark-class", "org.apache.spark.deploy.history.HistoryServer"])
    try:
        code = server.wait()
    except BaseException:  # this program is being stopped
        server.terminate()
        raise
    sys.exit(code)


def _stopped(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def main() -> None:
    """Run until the container is stopped."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s smspark: %(message)s")
    signal.signal(signal.SIGTERM, _stopped)
    command.main(prog_name="smspark-history-server")
