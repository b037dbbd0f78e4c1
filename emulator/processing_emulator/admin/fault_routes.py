"""Faults that tests ask for, at `/_emulator/faults`."""

from collections.abc import Collection, Mapping
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from processing_emulator.admin.parameters import MAX_ID, FaultParameters
from processing_emulator.jobs.request_faults import RequestFault, RequestFaults


def fault_routes(faults: RequestFaults, operations: Mapping[str, Collection[str]]) -> APIRouter:
    """`operations`: those that are served, by service."""
    router = APIRouter()

    @router.get("/faults")
    def list_faults() -> JSONResponse:
        return JSONResponse({"faults": [_document(fault) for fault in faults.read()]})

    @router.post("/faults")
    def add_fault(query: Annotated[FaultParameters, Query()]) -> JSONResponse:
        if query.operation not in operations.get(query.service, ()):
            raise HTTPException(400, f"{query.service} {query.operation} is not an operation of the emulator.")
        message = query.message or f"{query.code}: a fault that a test asked for"
        fault = RequestFault(
            account=query.account,
            service=query.service,
            operation=query.operation,
            code=query.code,
            message=message,
            status=query.status,
            remaining=query.times,
        )
        return JSONResponse(_document(faults.add(fault)), 201)

    @router.delete("/faults/{fault_id}")
    def remove_fault(fault_id: Annotated[int, Path(ge=1, le=MAX_ID)]) -> JSONResponse:
        return JSONResponse({"removed": faults.remove(fault_id)})

    @router.delete("/faults")
    def clear_faults() -> JSONResponse:
        faults.clear()
        return JSONResponse({"faults": []})

    return router


def _document(fault: RequestFault) -> dict[str, object]:
    return {
        "id": fault.id,
        "account": fault.account,
        "service": fault.service,
        "operation": fault.operation,
        "code": fault.code,
        "message": fault.message,
        "status": fault.status,
        "remaining": fault.remaining,
    }
