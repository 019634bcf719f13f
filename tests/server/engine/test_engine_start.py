"""How a start fails, is shared and is given up. No model: programs of the test's own stand in for `llama-server`."""

import asyncio
from pathlib import Path

import psutil
import pytest

from assist_server.core.errors import EngineError, ModelError
from assist_server.engine.status import engine_statuses, stop_engines
from support.engines import MakeEngine, MakeProgram, ended, processes_naming, program_process

BLOCKED = 'echo > "$BEGAN"; read _ < "$GO"; echo "error: not today" >&2; exit 1'


async def test_a_missing_extra_says_how_to_install_it(
    make_engine: MakeEngine, some_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "xllamacpp.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'xllamacpp'\", name='xllamacpp')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "shadow"))
    with pytest.raises(EngineError, match=r"^the built-in engine is not installed$") as raised:
        await make_engine(some_file).address()
    assert "pip install 'assist-lsp[embedded]'" in str(raised.value.hint)


async def test_a_broken_extra_says_what_is_wrong_with_it(
    make_engine: MakeEngine, some_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('libgomp.so.1: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"cannot be loaded: libgomp") as raised:
        await make_engine(some_file).address()
    assert "pip install 'assist-lsp[embedded]'" in str(raised.value.hint)


async def test_an_engine_that_crashes_tells_the_signal(
    make_engine: MakeEngine, some_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"ended while it started, ended by SIGILL"):
        await make_engine(some_file).address()


async def test_a_missing_model_starts_nothing(make_engine: MakeEngine, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        await make_engine(tmp_path / "absent.gguf").address()
    assert list(cache.parent.glob("cache")) == []


async def test_a_program_that_refuses_an_option_is_quoted(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path
) -> None:
    program = make_program('echo "error: unknown argument: $1" >&2; exit 1')
    engine = make_engine(some_file, command=str(program.path))
    with pytest.raises(
        EngineError, match="my llama-server ended while it started: error: unknown argument: --host"
    ) as raised:
        await engine.address()
    assert "engine.log" in str(raised.value.hint)
    with pytest.raises(EngineError, match="unknown argument"):
        await engine.address()
    assert program.runs == 1, "the next keystroke tried again"
    with pytest.raises(EngineError, match="unknown argument"):
        await make_engine(some_file, command=str(program.path)).address()
    assert program.runs == 2


async def test_the_key_is_only_in_a_file(make_engine: MakeEngine, make_program: MakeProgram, some_file: Path) -> None:
    program = make_program(
        """
        while [ "$1" != --api-key-file ]; do shift; done
        key=$(cat "$2")
        [ ${#key} -ge 40 ] || echo "error: short key" >&2
        [ "$(stat -c %a "$2")" = 600 ] || echo "error: open file" >&2
        tr '\\0' '\\n' < /proc/$PPID/cmdline | grep -qF -e "$key" && echo "error: on the command line" >&2
        env | grep -qF -e "$key" && echo "error: in the environment" >&2
        echo "error: all is well" >&2
        exit 1
        """
    )
    with pytest.raises(EngineError, match="all is well"):
        await make_engine(some_file, command=str(program.path)).address()


async def test_what_the_environment_says_to_llama_server_is_not_passed_on(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LLAMA_ARG_TOOLS", "LLAMA_ARG_MODEL_URL", "LLAMA_API_KEY", "HF_TOKEN"):
        monkeypatch.setenv(name, "mine")
    program = make_program('echo "error: found $(env | grep -c "=mine$") of them" >&2; exit 1')
    with pytest.raises(EngineError, match="found 0 of them"):
        await make_engine(some_file, command=str(program.path)).address()


async def test_a_program_that_never_listens_is_given_up_and_ended(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path, cache: Path
) -> None:
    program = make_program("exec sleep 1000")
    with pytest.raises(EngineError, match="within 1 s") as raised:
        await make_engine(some_file, command=str(program.path), start_timeout_ms=1000).address()
    assert "engine.log" in str(raised.value.hint)
    assert engine_statuses(cache) == ()
    assert processes_naming(some_file) == []


async def test_a_program_and_its_children_end_with_a_host_that_is_killed(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path, cache: Path
) -> None:
    recorded = """until grep -q '"child": {' process.json; do :; done"""
    program = make_program(f'{recorded}; sleep 1000 & echo $! > "$BEGAN"; wait')
    waiting = asyncio.create_task(make_engine(some_file, command=str(program.path)).address())
    child = psutil.Process(int(await program.began()))
    (loading,) = engine_statuses(cache)
    wrapper = program_process(cache)
    psutil.Process(loading.pid).kill()
    await ended(wrapper)
    await ended(child)
    with pytest.raises(EngineError):
        await waiting


async def test_what_a_wrapper_leaves_behind_is_ended(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path
) -> None:
    program = make_program('sleep 1000 & echo $! > "$BEGAN"; read _ < "$GO"; exit 1')
    waiting = asyncio.create_task(make_engine(some_file, command=str(program.path)).address())
    child = psutil.Process(int(await program.began()))
    program.go()
    with pytest.raises(EngineError, match="ended while it started"):
        await waiting
    await ended(child)


async def test_another_program_on_the_port_is_not_believed(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path
) -> None:
    """The port that was found free can be taken meanwhile; whoever took it must not get to see a document."""
    program = make_program('echo "$4" > "$BEGAN"; exec sleep 1000')
    waiting = asyncio.create_task(make_engine(some_file, command=str(program.path), start_timeout_ms=2000).address())
    port = int(await program.began())
    visitors: list[object] = []
    async with await asyncio.start_server(lambda _, writer: visitors.append(writer), "127.0.0.1", port):
        with pytest.raises(EngineError, match="within 2 s"):
            await waiting
    assert visitors == []


async def test_one_client_that_is_cancelled_leaves_the_start_to_the_others(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path
) -> None:
    program = make_program(BLOCKED)
    engine = make_engine(some_file, command=str(program.path))
    first, second = asyncio.create_task(engine.address()), asyncio.create_task(engine.address())
    await program.began()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not second.done()
    program.go()
    with pytest.raises(EngineError, match="not today"):
        await second
    assert program.runs == 1


async def test_a_start_goes_on_when_all_who_wait_are_cancelled(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path, cache: Path
) -> None:
    program = make_program(BLOCKED)
    engine = make_engine(some_file, command=str(program.path))
    first = asyncio.create_task(engine.address())
    await program.began()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    (status,) = engine_statuses(cache)
    assert (status.running, status.url, status.model, status.clients) == (False, None, "some-model", 1)
    second = asyncio.create_task(engine.address())
    program.go()
    with pytest.raises(EngineError, match="not today"):
        await second
    assert program.runs == 1


async def test_a_client_that_leaves_does_not_wait_for_the_start(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path, cache: Path
) -> None:
    program = make_program(BLOCKED)
    engine = make_engine(some_file, command=str(program.path))
    waiting = asyncio.create_task(engine.address())
    await program.began()
    await engine.release()
    with pytest.raises(EngineError, match="given up"):
        await waiting
    (status,) = engine_statuses(cache)
    assert (status.running, status.clients) == (False, 0)


async def test_an_engine_can_be_stopped_while_it_starts(
    make_engine: MakeEngine, make_program: MakeProgram, some_file: Path, cache: Path
) -> None:
    program = make_program(BLOCKED)
    waiting = asyncio.create_task(make_engine(some_file, command=str(program.path)).address())
    await program.began()
    assert await stop_engines(cache) == 1
    with pytest.raises(EngineError, match="stopped while it started"):
        await waiting
    assert await stop_engines(cache) == 0
    assert processes_naming(some_file) == []
