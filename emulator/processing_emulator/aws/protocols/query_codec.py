"""The query protocol (STS, IAM, CloudWatch): a form with Action and Version; replies are XML."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from processing_emulator.aws.protocols.codec import Address, Decoder, Reply, ServiceKey, WireRequest
from processing_emulator.aws.protocols.model import OperationModel, Shape
from processing_emulator.aws.protocols.query_requests import compile_form_parser, read_form
from processing_emulator.aws.protocols.query_responses import query_document
from processing_emulator.aws.protocols.wire_errors import ErrorForm, ErrorForms, WireError
from processing_emulator.aws.protocols.xml_text import xml_text
from processing_emulator.errors import MalformedBody, UnknownOperation, Unsupported, ValidationFailed

_MEDIA_TYPE: Final = "text/xml"


class QueryCodec:
    """See the module."""

    error_forms: ErrorForms = MappingProxyType(
        {
            ValidationFailed: ErrorForm("ValidationError"),
            Unsupported: ErrorForm("ValidationError"),
            MalformedBody: ErrorForm("MalformedInput"),
            UnknownOperation: ErrorForm("InvalidAction"),
        }
    )

    def address(self, request: WireRequest) -> Address:
        """The service is named by the signature, or without one by the API's version."""
        form = _form(request)
        action, version = form.get("Action", ""), form.get("Version", "")
        if request.signing_name:
            return Address(ServiceKey.SIGNING_NAME, request.signing_name, action, version)
        return Address(ServiceKey.API_VERSION, version, action, version)

    def decoder(self, shape: Shape) -> Decoder:
        """Parse the form by the shape."""
        parse = compile_form_parser(shape)

        def decode(request: WireRequest) -> dict[str, Any]:
            return parse(_form(request))

        return decode

    def encode(self, operation: OperationModel, reply: Mapping[str, object] | None, request_id: str, /) -> Reply:
        """`<OpResponse><OpResult>...`."""
        document = query_document(operation, reply or {}, request_id)
        return Reply(body=document, media_type=_MEDIA_TYPE)

    def encode_error(self, error: WireError, request_id: str, /) -> Reply:
        """`<ErrorResponse><Error>...`."""
        body = (
            f"<ErrorResponse><Error><Type>{'Sender' if error.status < 500 else 'Receiver'}</Type>"
            f"<Code>{xml_text(error.code)}</Code><Message>{xml_text(error.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Reply(status=error.status, body=body.encode(), media_type=_MEDIA_TYPE)


def _form(request: WireRequest) -> Mapping[str, str]:
    return read_form(request.query if request.method == "GET" else request.body)
