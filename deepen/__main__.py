"""`python -m deepen`."""
import sys

from deepen.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
