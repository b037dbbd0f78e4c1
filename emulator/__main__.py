"""`python -m emulator` is the `processing-emulator` command."""

from emulator.cli.main import main

main()
