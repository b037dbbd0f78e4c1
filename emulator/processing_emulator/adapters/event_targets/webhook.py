"""A receiver that takes events as JSON by POST."""

from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from processing_emulator.errors import DeliveryFailed
from processing_emulator.ports import EventMessage

TIMEOUT_SECONDS: Final = 10.0
_PASSING_STATUSES: Final = frozenset({408, 409, 425, 429})


class _NoRedirects(HTTPRedirectHandler):
    """A receiver must not send us elsewhere; without a new request the answer counts as an error."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


class Webhook:
    """Implements `ports.EventSender`. 2xx is success; other answers that no repetition changes are final."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._opener = build_opener(ProxyHandler({}), _NoRedirects)

    def send(self, message: EventMessage) -> None:
        """POST the text."""
        request = Request(  # noqa: S310  # http or https: the settings are checked
            self._url,
            data=message.text.encode(errors="replace"),
            headers={"content-type": "application/json", "user-agent": "processing-emulator"},
        )
        try:
            with self._opener.open(request, timeout=self._timeout_seconds):
                return
        except HTTPError as error:
            with error:
                is_final = error.code < 500 and error.code not in _PASSING_STATUSES
                raise DeliveryFailed(f"The receiver answered {error.code}.", is_final=is_final) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise DeliveryFailed(f"The receiver does not answer: {reason}") from error
