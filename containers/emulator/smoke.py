"""Runs inside the image: the command is on PATH and prints its version, and every module can be imported."""

import importlib.metadata
import pkgutil
import subprocess

import processing_emulator

shown = subprocess.run(["processing-emulator", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
assert importlib.metadata.version("processing-emulator") in shown, shown
for module in pkgutil.walk_packages(processing_emulator.__path__, "processing_emulator."):
    if not module.name.endswith(".__main__"):
        __import__(module.name)
print("ok")
