"""Runs inside the image: Python of the version in argv, the system libraries its standard library needs, and `venv`."""

import bz2
import ctypes
import lzma
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

assert sys.version.startswith(f"{sys.argv[1]}."), sys.version
context = ssl.create_default_context()
folder_of_authorities = Path(ssl.get_default_verify_paths().capath or "")  # Debian 11 reads it when it needs one
assert context.cert_store_stats()["x509_ca"] or any(folder_of_authorities.iterdir()), "no certificate authorities"
assert all(module.__name__ for module in (bz2, ctypes, lzma, sqlite3, zlib))
with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([f"{folder}/bin/pip", "--version"], check=True, stdout=subprocess.DEVNULL)
print("ok")
