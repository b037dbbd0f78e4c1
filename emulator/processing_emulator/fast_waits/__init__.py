"""What shortens the waits of AWS clients, without a change in their programs; `env --fast-waits` puts it in their way.

The folder `models` is for botocore's AWS_DATA_PATH: with it the waiter for processing jobs looks every half second.
This folder is for PYTHONPATH: Python imports `sitecustomize` from it at its start. The clients' Python may have nothing
else of the emulator, and be older than the emulator's.
"""

from pathlib import Path

PYTHON_FOLDER = Path(__file__).parent
MODELS_FOLDER = PYTHON_FOLDER / "models"
