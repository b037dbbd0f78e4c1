"""A stub of NVIDIA's driver library with two GPUs, compiled for the test and used through the real bindings.

Environment variables control it: STUB_LOST is the index of a lost GPU, STUB_LOST_AS the error that its calls get then.
STUB_OLD removes the newer memory call, STUB_NO_DRIVER makes everything fail, also when it is set later. A session that
was begun with another STUB_DRIVER than there is now, because the driver was loaded again, gets errors only.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fixtures_docker import missing

SOURCE = r"""
#include <stdlib.h>
#include <string.h>

typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory_v2_t;

enum { OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9 };
enum { FUNCTION_NOT_FOUND = 13, LOST = 15, UNKNOWN = 999 };

static const char *UUIDS[] = {"GPU-00000000-aaaa", "GPU-11111111-bbbb"};
static long HANDLES[] = {0, 1};

static int lost(long index) {
    const char *which = getenv("STUB_LOST"), *error = getenv("STUB_LOST_AS");
    if (!which || atol(which) != index) return OK;
    return error ? atoi(error) : LOST;
}

static int sessions;
static long driver;

static long driver_now(void) {
    const char *which = getenv("STUB_DRIVER");
    return which ? atol(which) : 0;
}

static int broken(void) {
    if (getenv("STUB_NO_DRIVER")) return DRIVER_NOT_LOADED;
    if (!sessions) return UNINITIALIZED;
    return driver == driver_now() ? OK : UNKNOWN;
}

int nvmlInitWithFlags(unsigned int flags) {
    if (getenv("STUB_NO_DRIVER")) return DRIVER_NOT_LOADED;
    if (sessions++ == 0) driver = driver_now();
    return OK;
}

int nvmlShutdown(void) { sessions--; return OK; }
const char *nvmlErrorString(int code) { return "stub"; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 2; return broken(); }

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (broken()) return broken();
    if (index > 1) return INVALID_ARGUMENT;
    if (lost(index)) return lost(index);
    *handle = &HANDLES[index];
    return OK;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    if (broken()) return broken();
    for (int i = 0; i < 2; i++)
        if (!strcmp(uuid, UUIDS[i])) {
            if (lost(i)) return lost(i);
            *handle = &HANDLES[i];
            return OK;
        }
    return NOT_FOUND;
}

int nvmlDeviceGetUUID(void *handle, char *uuid, unsigned int length) {
    strncpy(uuid, UUIDS[*(long *)handle], length);
    return OK;
}

int nvmlDeviceGetUtilizationRates(void *handle, utilization_t *rates) {
    rates->gpu = *(long *)handle ? 100 : 37;
    rates->memory = 1;
    return OK;
}

int nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    memory->total = 16ULL << 30;
    memory->used = 3ULL << 30;
    memory->free = 13ULL << 30;
    return OK;
}

int nvmlDeviceGetMemoryInfo_v2(void *handle, memory_v2_t *memory) {
    if (getenv("STUB_OLD")) return FUNCTION_NOT_FOUND;
    memory->total = 16ULL << 30;
    memory->reserved = 1ULL << 30;
    memory->used = (*(long *)handle ? 8ULL : 2ULL) << 30;
    memory->free = memory->total - memory->reserved - memory->used;
    return OK;
}
"""

RELOAD = """
import json, os
from processing_emulator.adapters.nvml.probe import NvmlProbe
probe = NvmlProbe()
ids = probe.gpu_ids()
counts = [len(probe.read(ids))]
os.environ["STUB_NO_DRIVER"] = "1"
counts += [len(probe.read(ids)), len(probe.read(ids))]
del os.environ["STUB_NO_DRIVER"]
os.environ["STUB_DRIVER"] = "2"
counts += [len(probe.read(ids)), len(probe.read(ids))]
os.environ["STUB_DRIVER"] = "3"
counts += [len(probe.gpu_ids()), len(probe.gpu_ids()), len(probe.read(ids))]
print(json.dumps(counts))
"""
"""How many GPUs answer while the driver is there, gone, another, and another without a use of the probe in between."""

ASK = """
import json, sys
from dataclasses import asdict
from processing_emulator.adapters.nvml.probe import NvmlProbe
probe = NvmlProbe()
ids = probe.gpu_ids()
asked = tuple(sys.argv[1:]) or ids
print(json.dumps({"ids": ids, "readings": [asdict(reading) for reading in probe.read(asked)]}))
"""


def compiled(folder: Path) -> Path:
    """Compile the library; returns its folder."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        missing("no C compiler for the stub of the GPU driver: apt-get install gcc")
    source = folder / "nvml.c"
    source.write_text(SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(folder / "libnvidia-ml.so.1"), str(source)], check=True)
    return folder


def ask(library: Path | None, *gpu_ids: str, **environment: str) -> Mapping[str, object]:
    """The GPUs and the readings of some of them."""
    answer: Mapping[str, object] = run(ASK, library, *gpu_ids, **environment)
    return answer


def run(program: str, library: Path | None, *arguments: str, **environment: str) -> Any:
    """Run a program in a new process, because the bindings load the driver once per process; what it prints, parsed."""
    path = {"LD_LIBRARY_PATH": str(library)} if library else {}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        env={**os.environ, **path, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return json.loads(done.stdout)
