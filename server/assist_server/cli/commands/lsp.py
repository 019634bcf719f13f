"""`assist lsp`."""

import argparse
import os
import sys

from assist_server.app import App, build_app
from assist_server.cli.output import Output
from assist_server.cli.session import load
from assist_server.core.errors import UsageError
from assist_server.core.notices import Notify
from assist_server.lsp.server import ClientOptions, serve


def run(args: argparse.Namespace, _output: Output) -> int:
    """Serve one editor on standard input and output until it leaves."""
    if sys.stdin is None or sys.stdout is None:
        raise UsageError(
            "the language server needs standard input and output", hint="start it from an editor, see the README"
        )
    # A broken option or --config file is said on the terminal, before an editor waits for an answer.
    load(args, workspace=None)

    def make_app(options: ClientOptions, notify: Notify) -> App:
        resolved, own = load(
            args, workspace=options.workspace, editor=options.editor, editor_workspace=options.editor_workspace
        )
        return build_app(resolved, own, os.environ, notify=notify)

    return serve(make_app)
