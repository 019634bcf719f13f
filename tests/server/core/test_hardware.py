import platform
from pathlib import Path

import psutil
import pytest

from assist_server.core.hardware import Gpu, machine

GIB = 1 << 30


@pytest.fixture(autouse=True)
def no_nvidia(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assist_server.core.hardware.find_program", lambda _: None)


@pytest.fixture
def psutil_says(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = type("Memory", (), {"total": 16 * GIB, "available": 10 * GIB})()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)


def write(root: Path, contents: dict[str, str]) -> Path:
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_this_machine(tmp_path: Path) -> None:
    here = machine(tmp_path / "not/there")
    assert here.python == platform.python_version()
    assert here.cores >= 1
    assert here.cpu
    assert here.memory_total >= here.memory_available > 0
    assert here.disk_free is not None


@pytest.mark.usefixtures("psutil_says")
def test_without_control_groups_the_whole_machine_is_there(tmp_path: Path) -> None:
    here = machine(tmp_path, root=tmp_path)
    assert (here.memory_total, here.memory_available, here.cores) == (16 * GIB, 10 * GIB, 8)
    assert here.gpus == ()


@pytest.mark.usefixtures("psutil_says")
@pytest.mark.parametrize("path", ["/", "/docker/4242"])
def test_a_containers_limits_hold_whether_it_sees_its_own_path_or_the_hosts(tmp_path: Path, path: str) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": f"0::{path}\n",
            "sys/fs/cgroup/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/memory.current": f"{3 * GIB}\n",
            "sys/fs/cgroup/memory.stat": f"anon 5\ninactive_file {GIB}\n",
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
        },
    )
    here = machine(tmp_path, root=root)
    assert (here.memory_total, here.memory_available, here.cores) == (4 * GIB, 2 * GIB, 2)


@pytest.mark.usefixtures("psutil_says")
def test_the_narrowest_group_above_a_process_counts(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/user/session\n",
            "sys/fs/cgroup/user/session/memory.max": "max\n",
            "sys/fs/cgroup/user/session/cpu.max": "max 100000\n",
            "sys/fs/cgroup/user/memory.max": f"{2 * GIB}\n",
            "sys/fs/cgroup/user/memory.current": f"{5 * GIB}\n",
            "sys/fs/cgroup/user/cpu.max": "300000 100000\n",
        },
    )
    here = machine(tmp_path, root=root)
    assert (here.memory_total, here.memory_available, here.cores) == (2 * GIB, 0, 3)


@pytest.mark.usefixtures("psutil_says")
def test_version_1_groups(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/job\n2:cpu,cpuacct:/\n0::/\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{8 * GIB}\n",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": f"{1 * GIB}\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    here = machine(tmp_path, root=root)
    assert (here.memory_total, here.memory_available, here.cores) == (8 * GIB, 7 * GIB, 8)


def test_the_processors_name(tmp_path: Path) -> None:
    write(tmp_path, {"proc/cpuinfo": "processor\t: 0\nmodel name\t: Some CPU: fast\n"})
    assert machine(tmp_path, root=tmp_path).cpu == "Some CPU: fast"


def test_amd_cards(tmp_path: Path) -> None:
    card = "sys/class/drm/card{}/device/{}"
    write(
        tmp_path,
        {
            card.format(0, "mem_info_vram_total"): f"{16 * GIB}\n",
            card.format(0, "mem_info_vram_used"): f"{GIB}\n",
            card.format(0, "product_name"): "Radeon\n",
            card.format(1, "mem_info_vram_total"): f"{8 * GIB}\n",
            card.format(2, "mem_info_vram_total"): "nonsense\n",
        },
    )
    assert machine(tmp_path, root=tmp_path).gpus == (
        Gpu("Radeon", 16 * GIB, 15 * GIB),
        Gpu("AMD GPU (card1)", 8 * GIB, None),
    )


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "echo 'NVIDIA RTX 4090, Ti, 24564, 20000'; echo 'NVIDIA GB10, [N/A], [N/A]'; echo; echo 'odd'",
            (Gpu("NVIDIA RTX 4090, Ti", 24564 << 20, 20000 << 20), Gpu("NVIDIA GB10", None, None)),
        ),
        ("echo 'NVIDIA-SMI has failed' ; exit 9", ()),
        ("printf '\\377\\376, 1, 1'", (Gpu("��", 1 << 20, 1 << 20),)),
    ],
)
def test_nvidia_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: tuple[Gpu, ...]) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr("assist_server.core.hardware.find_program", lambda _: program)
    assert machine(tmp_path, root=tmp_path).gpus == expected


def test_a_driver_program_that_hangs_or_cannot_run_costs_only_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    monkeypatch.setattr("assist_server.core.hardware.find_program", lambda _: program)
    assert machine(tmp_path, root=tmp_path).gpus == ()
    program.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setattr("assist_server.core.hardware._NVIDIA_TIMEOUT", 0.05)
    assert machine(tmp_path, root=tmp_path).gpus == ()
