"""Runs inside the image: the packages import from the Python on PATH, read and write Parquet, and fit a model."""

import importlib.metadata
import io
import re
import subprocess
import sys
from pathlib import Path

import boto3
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

assert sys.executable == "/opt/python/bin/python3", sys.executable
pinned = re.findall(r"^([\w-]+)==(\S+)$", Path("/opt/python/requirements.in").read_text(), re.MULTILINE)
assert "scikit-learn" in dict(pinned)
for name, version in pinned:
    assert importlib.metadata.version(name) == version, name
assert boto3.client("s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:9") is not None

table = pd.DataFrame({"x": np.arange(100.0), "y": np.arange(100) >= 50})
buffer = io.BytesIO()
table.to_parquet(buffer)
table = pd.read_parquet(buffer)
model = LogisticRegression().fit(table[["x"]], table["y"])
assert model.score(table[["x"]], table["y"]) > 0.95

subprocess.run(["pip", "--version"], check=True, stdout=subprocess.DEVNULL)
subprocess.run(["pip", "check"], check=True, stdout=subprocess.DEVNULL)
print("ok")
