"""Calls a running server for the command line: its own endpoints as JSON, AWS's by boto3."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

import click

from processing_emulator.admin_prefix import ADMIN_PREFIX
from processing_emulator.cli.env import client_variables
from processing_emulator.config import ENV_PREFIX, Settings
from processing_emulator.domain.default_account import DEFAULT_ACCOUNT

Document = dict[str, Any]
"""A JSON object from the server."""

ANSWER_SECONDS = 60.0
"""Longest silence of the server before a command gives up. A log that is followed may be silent for longer."""


class ServerFault(click.ClickException):
    """The server is away, or refuses what the command asks: one sentence, exit code 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorClient:
    """One server. `account` and `region` say where jobs are looked up. All methods raise ServerFault."""

    url: str
    account: str
    region: str
    access_key: str
    secret_key: str

    def get(self, path: str, **query: object) -> Document:
        """A document below `/_emulator`."""
        with self._asked("GET", path, query, ANSWER_SECONDS) as answer:
            document: Document = json.load(answer)
            return document

    def post(self, path: str, **query: object) -> Document:
        """Ask for an action below `/_emulator`."""
        with self._asked("POST", path, query, None) as answer:
            document: Document = json.load(answer)
            return document

    def post_document(self, path: str, body: Document, **query: object) -> Document:
        """Ask for an action that a document describes."""
        with self._asked("POST", path, query, None, body) as answer:
            document: Document = json.load(answer)
            return document

    def delete(self, path: str, *, timeout: float | None = None, **query: object) -> Document:
        """Ask for the removal of something below `/_emulator`. `timeout`: longest silence of the server, in seconds."""
        with self._asked("DELETE", path, query, timeout) as answer:
            document: Document = json.load(answer)
            return document

    def lines(self, path: str, **query: object) -> Iterator[Document]:
        """A stream of JSON lines, until the server ends it."""
        with self._asked("GET", path, query, None) as answer:
            for line in answer:
                document: Document = json.loads(line)
                if "error" in document:
                    raise ServerFault(document["error"])
                yield document

    def job(self, name: str) -> Document:
        """Everything the server knows of a job."""
        return self.get(f"jobs/{urllib.parse.quote(name, safe='')}", account=self.account, region=self.region)

    def aws(self, service: str) -> Any:
        """A boto3 client for one of the AWS services, the same each time."""
        return _aws_client(self, service)

    @contextmanager
    def _asked(
        self, method: str, path: str, query: dict[str, object], timeout: float | None, body: Document | None = None
    ) -> Iterator[IO[bytes]]:
        given = {name: value for name, value in query.items() if value is not None}
        url = f"{self.url}{ADMIN_PREFIX}/{path}?{urllib.parse.urlencode(given)}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the server is never behind a proxy
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310  # http, by the settings
        try:
            with opener.open(request, timeout=timeout) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            with error:
                raise ServerFault(_sentence(error.read()) or self.stranger) from error
        except OSError as error:
            raise ServerFault(self.away) from error

    @property
    def away(self) -> str:
        """What to say when nothing answers."""
        return f"no emulator answers at {self.url}; start one: processing-emulator start -d"

    @property
    def stranger(self) -> str:
        """What to say when something else answers."""
        return (
            f"another program answers at {self.url}, not an emulator; "
            f"choose another port for both: export {ENV_PREFIX}PORT=9321, then processing-emulator start -d"
        )


@cache
def _aws_client(client: EmulatorClient, service: str) -> Any:
    import boto3  # takes 200 ms to import; most commands do not need it
    import botocore.session
    from botocore.config import Config

    own = botocore.session.Session(session_vars={"profile": (None, None, None, None)})  # none of the user's profiles
    return boto3.session.Session(botocore_session=own).client(
        service,
        endpoint_url=client.url,
        region_name=client.region,
        aws_access_key_id=client.access_key,
        aws_secret_access_key=client.secret_key,
        config=Config(proxies={}, retries={"max_attempts": 2}),
    )


def client_of(
    settings: Settings, *, account: str = DEFAULT_ACCOUNT, region: str | None = None, url: str | None = None
) -> EmulatorClient:
    """The client of the server at `url`, or of that with these settings. Another
    account than the default one is chosen by its id as access key.
    """
    variables = client_variables(settings)
    return EmulatorClient(
        url=(url or variables["AWS_ENDPOINT_URL"]).rstrip("/"),
        account=account,
        region=region or settings.s3_region,
        access_key=variables["AWS_ACCESS_KEY_ID"] if account == DEFAULT_ACCOUNT else account,
        secret_key=variables["AWS_SECRET_ACCESS_KEY"],
    )


@contextmanager
def service_errors(client: EmulatorClient) -> Iterator[None]:
    """Errors of boto3 in one sentence. Raises ServerFault."""
    from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ResponseParserError as error:
        raise ServerFault(client.stranger) from error
    except ClientError as error:
        if not error.response["ResponseMetadata"].get("RequestId"):  # each answer of an emulator has one
            raise ServerFault(client.stranger) from error
        raise ServerFault(error.response["Error"].get("Message") or str(error)) from error
    except EndpointConnectionError as error:
        raise ServerFault(client.away) from error
    except BotoCoreError as error:
        raise ServerFault(str(error)) from error


def _sentence(body: bytes) -> str | None:
    """What the emulator says is wrong; None if it is not an emulator that answers."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return None
