"""What this machine has: memory, processors and graphics memory, as far as it can be told without a driver library."""

import contextlib
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from assist_server.core.programs import find_program

_NVIDIA_TIMEOUT = 5.0
_UNLIMITED = 1 << 60
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics processor; memory in bytes, None where it does not say."""

    name: str
    vram_total: int | None
    vram_free: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """What a model can be run on; sizes in bytes, limits of a container taken into account.

    memory_available: what can be had without swapping. disk_free: None where the disk cannot be asked.
    """

    platform: str
    python: str
    cpu: str
    cores: int
    memory_total: int
    memory_available: int
    disk_free: int | None
    gpus: tuple[Gpu, ...]


def machine(disk: Path, *, root: Path = Path("/")) -> Machine:
    """Look at this machine; never raises, and takes up to five seconds where a graphics driver hangs.

    disk: a folder, which need not exist yet, on the disk to ask. root: where `proc` and `sys` are.
    """
    total, available = _memory(root)
    return Machine(
        platform=platform.platform(),
        python=platform.python_version(),
        cpu=_cpu_model(root),
        cores=_cores(root),
        memory_total=total,
        memory_available=available,
        disk_free=_disk_free(disk),
        gpus=(*_nvidia_gpus(), *_amd_gpus(root)),
    )


def memory_total(*, root: Path = Path("/")) -> int:
    """Give the memory of this machine in bytes, or what a container may have of it."""
    return _memory(root)[0]


def has_gpu(*, root: Path = Path("/")) -> bool:
    """Tell whether a graphics processor for models is likely here, without asking a driver, which can take seconds."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return Path(os.environ.get("SYSTEMROOT", "C:\\Windows"), "System32", "nvcuda.dll").exists()
    return any((root / "dev" / name).exists() for name in ("nvidiactl", "kfd"))


def _memory(root: Path) -> tuple[int, int]:
    memory = psutil.virtual_memory()
    total, available = int(memory.total), int(memory.available)
    for group in _groups(root, "memory"):
        limit = _number(group / "memory.max") or _number(group / "memory.limit_in_bytes")
        if limit is None or limit >= _UNLIMITED:
            continue
        used = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes") or 0
        # Pages of files that nobody has touched lately count as used, and go as soon as memory is asked for.
        used -= _field(group / "memory.stat", "inactive_file")
        total, available = min(total, limit), min(available, max(limit - used, 0))
    return total, available


def _cores(root: Path) -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    for group in _groups(root, "cpu"):
        quota, period = _quota(group)
        if quota > 0 and period > 0:
            cores = min(cores, math.ceil(quota / period))
    return max(cores, 1)


def _quota(group: Path) -> tuple[int, int]:
    words = _text(group / "cpu.max").split()
    if len(words) == 2 and words[0].isdigit() and words[1].isdigit():
        return int(words[0]), int(words[1])
    return _number(group / "cpu.cfs_quota_us") or 0, _number(group / "cpu.cfs_period_us") or 0


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Give the folders of this process's control group and of all above it, for version 2 and version 1."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if number == "0" and not names:
            base = root / "sys/fs/cgroup"
        elif controller in names.split(","):
            base = root / "sys/fs/cgroup" / controller
        else:
            continue
        # Inside a container the path may be the host's, which is not there; the base is then the container's own group.
        group = base / path.lstrip("/")
        yield from (folder for folder in (group, *group.parents) if folder == base or base in folder.parents)


def _cpu_model(root: Path) -> str:
    for line in _text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"} and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def _disk_free(folder: Path) -> int | None:
    for existing in (folder, *folder.absolute().parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(existing).free
    return None


def _nvidia_gpus() -> tuple[Gpu, ...]:
    program = find_program("nvidia-smi")
    if program is None:
        return ()
    query = [
        str(program),
        "--query-gpu=name,memory.total,memory.free",
        "--format=csv,noheader,nounits",
    ]
    try:
        answer = subprocess.run(  # noqa: S603 # the driver's own program, with fixed arguments
            query, stdin=subprocess.DEVNULL, capture_output=True, timeout=_NVIDIA_TIMEOUT, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(filter(None, map(_nvidia_row, answer.stdout.decode("utf-8", "replace").splitlines())))


def _nvidia_row(line: str) -> Gpu | None:
    columns = [column.strip() for column in line.rsplit(",", 2)]
    if len(columns) != 3 or not columns[0]:
        return None
    # Machines whose memory is shared with the processor answer "[N/A]".
    total, free = (int(text) * _MIB if text.isdigit() else None for text in columns[1:])
    return Gpu(columns[0], total, free)


def _amd_gpus(root: Path) -> Iterator[Gpu]:
    for file in sorted(root.glob("sys/class/drm/card*/device/mem_info_vram_total")):
        total, used = _number(file), _number(file.with_name("mem_info_vram_used"))
        if total:
            name = _text(file.with_name("product_name")).strip() or f"AMD GPU ({file.parent.parent.name})"
            yield Gpu(name, total, None if used is None else max(total - used, 0))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdigit() else None


def _field(path: Path, name: str) -> int:
    for line in _text(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.isdigit():
            return int(value)
    return 0
