"""The wire protocols: from bytes to requests of the model's types, and from replies and errors back to bytes.

How the classes relate, within this package and in `aws.services` and `aws.gateway`, which use it::

    gateway.OperationEndpoint          one per wire protocol; reads the body, runs the dispatcher in a thread
        |        |
        |        +-- WireRequest       method, path, query, headers, body
        v
    services.Dispatcher                finds the operation that Codec.address names; all protocols share it
        |
        |  Service                     botocore's name, {operation: Handler}, ErrorForms
        v
    services.Operation                 one per served operation: its models, its Handler, its ErrorForms
        |
        +-- 1. decode     Codec.decoder(Shape)         bytes -> members of the model's types, or MalformedBody
        +-- 2. validate   compile_validator(Shape)     constraints of the model, or ValidationFailed
        +-- 3. handle     Handler(RequestContext, members) -> reply members, or a RequestError
        +-- 4. encode     Codec.encode(OperationModel, reply members) -> Reply

    Codec (codec.py)
        ^           ^             ^
        |           |             |
    JsonCodec   QueryCodec    CborCodec
        |           |             |
        |           |             +-- document_parser.compile_parser(Shape), shared with JSON; cbor2
        |           +-- query_requests.compile_form_parser(Shape), query_responses.query_document
        +-- document_parser.compile_parser(Shape), json_responses.encode_json

    ServiceModel 1--n OperationModel 1--2 Shape (input, output) 1--n Shape
        model.py; read from botocore's data and cut down to the operations in SERVED

    RequestError --wire_errors.wire_error(ErrorForms of operation and service, of codec, common)--> WireError
    WireError    --Codec.encode_error--> Reply
        http.RequestMiddleware does both for every request; nothing else answers errors of these protocols

To serve another operation, name it in `model.SERVED` and add its handler in `services.catalogue`. To serve another
protocol, write a codec and name it in `http.error_encoders.CODECS`.
"""
