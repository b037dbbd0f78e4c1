"""Prints the given port if it is free, otherwise any free port."""

import socket
import sys


def main() -> int:
    """Try to bind on loopback, where the server will listen."""
    for port in (int(sys.argv[1]), 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            print(listener.getsockname()[1])
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
