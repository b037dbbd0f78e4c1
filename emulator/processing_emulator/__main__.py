"""`python -m processing_emulator` is the `processing-emulator` command."""

from processing_emulator.cli.main import main

main()
