"""`assist doctor`."""

import argparse
import asyncio
import os
from dataclasses import asdict
from pathlib import Path

from assist_server.app import App, ollama_config
from assist_server.backends.ollama_models import OllamaModels
from assist_server.cli.output import EXIT_DONE, EXIT_FINDINGS, Output
from assist_server.cli.session import find_workspace, session
from assist_server.core.errors import ConfigError
from assist_server.features.doctor import Diagnosis, diagnose

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def run(args: argparse.Namespace, output: Output) -> int:
    """Say what is there, what is missing and how to mend it."""
    diagnosis = asyncio.run(_diagnose(args, output))
    if output.as_json:
        output.result(asdict(diagnosis))
    else:
        _show(diagnosis, output)
    return EXIT_FINDINGS if diagnosis.failed else EXIT_DONE


async def _diagnose(args: argparse.Namespace, output: Output) -> Diagnosis:
    async with session(args, output, workspace=find_workspace(Path.cwd()), tell_problems=False) as app:
        ollama = _ollama(app)
        try:
            return await diagnose(
                resolved=app.resolved,
                folders=app.folders,
                environ=os.environ,
                selector=app.selector,
                store=app.store,
                ollama=ollama,
            )
        finally:
            if ollama is not None:
                await ollama.aclose()


def _ollama(app: App) -> OllamaModels | None:
    """Give the models of the user's Ollama, None where the settings keep us from asking it."""
    try:
        return OllamaModels(ollama_config(app.settings, app.folders, os.environ))
    except ConfigError:
        return None  # the choice of a model meets the same, and the checks say so


def _show(diagnosis: Diagnosis, output: Output) -> None:
    here = diagnosis.machine
    gpus = ", ".join(gpu.name for gpu in here.gpus) or "no GPU seen"
    memory = f"{here.memory_available / 1e9:.1f} of {here.memory_total / 1e9:.1f} GB memory available"
    output.text(f"{here.cpu}, {here.cores} cores, {memory}, {gpus}")
    for check in diagnosis.checks:
        output.styled([(f"{check.state:>4}  ", _STYLES[check.state]), (f"{check.id}: {check.message}", "")])
        if check.fix and check.state != "ok":
            output.styled([(f"      {check.fix}", "dim")])
