"""Runs inside the image: the packages import from the Python on PATH, read and write Parquet, and fit a model."""

import io
import subprocess
import sys

import boto3
import numpy as np
import pandas as pd
import sklearn
from sklearn.linear_model import LogisticRegression

assert sys.executable == "/opt/python/bin/python3", sys.executable
assert sklearn.__version__ == "1.2.1", sklearn.__version__
assert pd.__version__.startswith("1.5."), pd.__version__
assert np.__version__.startswith("1.24."), np.__version__
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
