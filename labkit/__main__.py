"""``python -m labkit``: the command line. Holds nothing of its own."""

from labkit.cli.main import main

main()
