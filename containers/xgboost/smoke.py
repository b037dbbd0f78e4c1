"""Runs inside the image: the pinned XGBoost imports from the Python on PATH, trains and saves a model."""

import importlib.metadata
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost
from sklearn.base import clone

assert sys.executable == "/opt/python/bin/python3", sys.executable
pinned = Path("/opt/python/requirements-xgboost.in").read_text()
((name, version),) = re.findall(r"^([\w-]+)==(\S+)$", pinned, re.MULTILINE)
assert importlib.metadata.version(name) == version == xgboost.__version__, xgboost.__version__

table = pd.DataFrame({"x": np.arange(200.0), "noise": np.arange(200.0) % 7})
label = (table["x"] >= 100).astype(int)
booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(table, label=label), num_boost_round=5)
with tempfile.TemporaryDirectory() as folder:
    booster.save_model(f"{folder}/model.json")
    again = xgboost.Booster(model_file=f"{folder}/model.json")
right = (again.predict(xgboost.DMatrix(table)) > 0.5) == label
assert right.mean() > 0.95
assert clone(xgboost.XGBClassifier(n_estimators=5)).fit(table, label).score(table, label) > 0.95

subprocess.run(["pip", "check"], check=True, stdout=subprocess.DEVNULL)
print("ok")
