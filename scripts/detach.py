"""Starts a command in a new session, so that it outlives the caller and holds none of its files. Prints its process id.

Usage: detach.py LOG COMMAND [ARGUMENT...]
"""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Start the command with stdout and stderr appended to LOG; do not wait for it."""
    with Path(sys.argv[1]).open("ab") as log:
        process = subprocess.Popen(
            sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    print(process.pid)
    process.returncode = 0  # else Popen warns that the process still runs
    return 0


if __name__ == "__main__":
    sys.exit(main())
