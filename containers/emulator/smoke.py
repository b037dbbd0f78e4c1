"""Runs inside the image: the command is on PATH and prints its version, and all modules of a server can be imported."""

import importlib.metadata
import pkgutil
import subprocess

import processing_emulator

OF_CLIENTS = ("processing_emulator.fast_waits", "processing_emulator.pytest_plugin")
"""They are for the processes of users, and import pytest or what is found on a path of their own."""

shown = subprocess.run(["processing-emulator", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
assert importlib.metadata.version("processing-emulator") in shown, shown
for module in pkgutil.walk_packages(processing_emulator.__path__, "processing_emulator."):
    if not module.name.endswith(".__main__") and not module.name.startswith(OF_CLIENTS):
        __import__(module.name)
print("ok")
