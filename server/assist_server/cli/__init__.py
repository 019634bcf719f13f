"""The command line."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit status."""
    from assist_server.cli.run import run

    return run(argv)
