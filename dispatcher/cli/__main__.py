"""`python -m dispatcher.cli` is `onhook`: how a supervisor starts its children, whatever is on the PATH."""

from dispatcher.cli import main

main()
