"""Run as a script: becomes the given program, which the kernel kills when the thread that started it has ended.

    python parent_death.py PARENT_PID PROGRAM ARGUMENT...

A separate process does this, because code between fork and exec is not safe in a program with threads. Linux only.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the parent-death signal, check that the parent still lives, and become the program."""
    parent_pid, *command = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent_pid):
        sys.exit("the parent is gone")
    os.execv(command[0], command)  # noqa: S606  (a fixed argument list)


if __name__ == "__main__":
    main()
