"""`assist --version`."""

import os
import platform

from assist_server import __version__
from assist_server.cli.output import EXIT_DONE, Output
from assist_server.core.folders import folders


def show_version(output: Output, *, as_json: bool) -> int:
    """Print the version; as JSON also Python, the platform and every folder that assist writes to."""
    if not as_json:
        output.text(f"assist {__version__}")
        return EXIT_DONE
    own = folders(os.environ)
    output.result(
        {
            "version": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "log_file": str(own.log / "assist.log"),
            "folders": {"cache": str(own.cache), "data": str(own.data), "config": str(own.config), "log": str(own.log)},
        }
    )
    return EXIT_DONE
