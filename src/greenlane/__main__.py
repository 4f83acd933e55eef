"""`python -m greenlane`, the same as the `greenlane` command."""

import sys

from greenlane.cli import main

if __name__ == "__main__":
    sys.exit(main())
