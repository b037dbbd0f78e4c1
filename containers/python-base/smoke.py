"""Runs inside the image: Python 3.11, the system libraries its standard library needs, and `venv`."""

import bz2
import ctypes
import lzma
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import zlib

assert sys.version_info[:2] == (3, 11), sys.version
assert ssl.create_default_context().cert_store_stats()["x509_ca"] > 0, "no certificate authorities"
assert all(module.__name__ for module in (bz2, ctypes, lzma, sqlite3, zlib))
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([f"{folder}/bin/pip", "--version"], check=True, stdout=subprocess.DEVNULL)
print("ok")
