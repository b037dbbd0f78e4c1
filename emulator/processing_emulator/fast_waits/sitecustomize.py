"""Imported by Python at its start: prepares the fast waits, and runs the `sitecustomize` that this one hides."""

import importlib
import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # every start of Python pays for an import


def _run_hidden_sitecustomize() -> None:
    others = [folder for folder in sys.path if os.path.abspath(folder) != _HERE]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


importlib.import_module("processing_emulator_fast_waits").install()
_run_hidden_sitecustomize()
