"""The record of connections that left the machine."""

import json
import os
import runpy
import stat

import pytest

from assist_server.core.errors import ConfigError
from assist_server.privacy import audit
from assist_server.privacy.audit import AuditLog


def test_a_line_for_each_connection_readable_by_the_user_only(tmp_path):
    log = AuditLog(tmp_path / "log" / "audit.jsonl")
    log.record(host="gpu.lan", purpose="model server")
    log.record(host="huggingface.co", purpose="model download")
    first, second = (json.loads(line) for line in log.path.read_text().splitlines())
    assert (first["host"], first["purpose"]) == ("gpu.lan", "model server")
    assert second["host"] == "huggingface.co"
    assert first["time"].endswith("+00:00")
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.path.parent.stat().st_mode) == 0o700


def test_a_log_that_others_could_read_is_closed_to_them(tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl")
    log.path.touch(mode=0o644)
    log.record(host="gpu.lan", purpose="model server")
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_system_without_the_rights_of_posix_has_a_log_too(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_NOFOLLOW")
    monkeypatch.delattr(os, "fchmod")
    log = runpy.run_path(audit.__file__)["AuditLog"](tmp_path / "audit.jsonl")
    log.record(host="gpu.lan", purpose="model server")
    assert json.loads(log.path.read_text())["host"] == "gpu.lan"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_is_not_recorded(tmp_path, host):
    log = AuditLog(tmp_path / "audit.jsonl")
    log.record(host=host, purpose="model server")
    assert not log.path.exists()


def test_what_cannot_be_recorded_must_not_happen(tmp_path):
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        AuditLog(tmp_path / "audit.jsonl").record(host="gpu.lan", purpose="model server")


def test_a_symbolic_link_is_not_written_through(tmp_path):
    (tmp_path / "audit.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        AuditLog(tmp_path / "audit.jsonl").record(host="gpu.lan", purpose="model server")
    assert not (tmp_path / "elsewhere").exists()
