"""Starts a command that outlives the caller: own session, no file of the caller's held open. Prints its process id.

Usage: detach.py LOG COMMAND [ARGUMENT...]
"""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Both outputs are appended to LOG; nothing waits for the command."""
    with Path(sys.argv[1]).open("ab") as log:
        process = subprocess.Popen(
            sys.argv[2:], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    print(process.pid)
    process.returncode = 0  # it is not ours to wait for
    return 0


if __name__ == "__main__":
    sys.exit(main())
