"""Run the command line with ``python -m assist_server``."""

import sys

from assist_server.cli import main

sys.exit(main())
