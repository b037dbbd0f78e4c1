"""Runs inside the image: the pinned PyTorch imports from the Python on PATH, knows of no GPU, and trains."""

import re
import subprocess
import sys
from pathlib import Path

import torch

assert sys.executable == "/opt/python/bin/python3", sys.executable
(version,) = re.findall(r"^torch==(\S+)$", Path("/opt/python/requirements-torch.in").read_text(), re.MULTILINE)
assert torch.__version__.partition("+")[0] == version, torch.__version__
assert not torch.cuda.is_available()

torch.manual_seed(1)
x = torch.arange(0.0, 1.0, 0.01).reshape(-1, 1)
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
for _ in range(500):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), 2 * x + 1)
    loss.backward()
    optimizer.step()
assert loss.item() < 1e-3, loss.item()

subprocess.run(["pip", "check"], check=True, stdout=subprocess.DEVNULL)
print("ok")
