"""``python -m vertebra``: the command line, by the interpreter at hand."""

from vertebra.cli import main

main()
