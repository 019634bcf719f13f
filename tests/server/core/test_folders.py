from pathlib import Path

import pytest

from assist_server.core.folders import folders, make_private


def test_the_environment_moves_every_folder(tmp_path: Path) -> None:
    named = {f"ASSIST_{name}_DIR": str(tmp_path / name) for name in ("CACHE", "DATA", "CONFIG")}
    chosen = folders(named)
    assert (chosen.cache, chosen.data, chosen.config) == (tmp_path / "CACHE", tmp_path / "DATA", tmp_path / "CONFIG")
    assert chosen.log == tmp_path / "CACHE/log"
    assert chosen.config_file == tmp_path / "CONFIG/config.toml"
    assert chosen.models == tmp_path / "DATA/models"


@pytest.mark.parametrize("environ", [{}, {"ASSIST_CACHE_DIR": "", "ASSIST_DATA_DIR": "", "ASSIST_CONFIG_DIR": ""}])
def test_the_platform_chooses_otherwise_and_nothing_is_created(environ: dict[str, str]) -> None:
    chosen = folders(environ)
    for folder in (chosen.cache, chosen.data, chosen.config, chosen.log):
        assert folder.is_absolute()
        assert "assist" in folder.parts
    assert chosen.log.name == "assist", "deleting the log folder would leave an empty one"


def test_a_named_folder_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert folders({"ASSIST_CACHE_DIR": "here"}).cache == tmp_path / "here"
    assert folders({"ASSIST_DATA_DIR": "~/there"}).data == tmp_path / "home/there"


def test_a_private_folder_and_its_new_parents_are_the_owners_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    made = make_private(tmp_path / "a/b")
    assert made == tmp_path / "a/b"
    assert [folder.stat().st_mode & 0o777 for folder in (tmp_path, tmp_path / "a", made)] == [0o755, 0o700, 0o700]
    assert make_private(made) == made


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        make_private(tmp_path / "file/folder")
