"""The user's settings on disk."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.api import UsageError, VizstudioError
from vizstudio.cli import main
from vizstudio.settings import Settings, read_settings, settings_path, write_settings

NAMES = st.lists(st.text(min_size=1))


@given(NAMES, NAMES)
def test_disabled_then_enabled_is_a_difference_of_sets(disabled: list[str], enabled: list[str]) -> None:
    settings = Settings().disable(*disabled).enable(*enabled)
    assert set(settings.disabled_plugins) == set(disabled) - set(enabled)
    write_settings(settings)
    assert read_settings() == settings


def test_the_folder_is_the_users_own_unless_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIZSTUDIO_CONFIG_DIR", str(tmp_path / "here"))
    assert settings_path() == tmp_path / "here" / "settings.json"
    monkeypatch.delenv("VIZSTUDIO_CONFIG_DIR")
    assert "vizstudio" in settings_path().parts[-2]
    assert settings_path().is_absolute()


def test_without_a_file_there_are_defaults() -> None:
    assert not settings_path().exists()
    assert read_settings() == Settings(())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"null",
        b'{"disabled_plugins": "vit"}',
        b'{"disabled_plugins": [3]}',
        b'{"model": 3}',
        b'{"device": null}',
        b'{"memory": -1}',
        b'{"memory": true}',
        b'{"memory": 1.5}',
        b"\xff\xfe\x00",
    ],
)
def test_a_damaged_file_is_one_sentence_and_safe_mode_works(
    content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_path().parent.mkdir(parents=True, exist_ok=True)
    settings_path().write_bytes(content)
    with pytest.raises(UsageError, match="mend or delete the file, or use --safe-mode"):
        read_settings()
    assert main(["plugins", "--json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"vizstudio: error: the settings in {settings_path()} cannot be read (")
    assert captured.err.count("\n") == 1
    assert main(["plugins", "--json", "--safe-mode"]) == 0
    assert main(["run", "--help"]) == 0


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("VIZSTUDIO_CONFIG_DIR", str(tmp_path / "file" / "sub"))
    with pytest.raises(VizstudioError, match="cannot be written"):
        write_settings(Settings(("vit",)))


def test_plugins_are_disabled_and_enabled_for_good(capsys: pytest.CaptureFixture[str]) -> None:
    def status() -> dict[str, str]:
        capsys.readouterr()
        assert main(["plugins", "--json"]) == 0
        return {p["name"]: p["status"] for p in json.loads(capsys.readouterr().out)}

    before = status()
    assert main(["plugins", "--disable", "vit"]) == 0
    assert str(settings_path()) in capsys.readouterr().out
    assert json.loads(settings_path().read_text(encoding="utf-8"))["disabled_plugins"] == ["vit"]
    assert status() == before | {"vit": "disabled"}
    assert main(["models"]) == 0
    assert "vit:" not in capsys.readouterr().out
    assert main(["run", "x.jpg", "--model", "vit:vit_tiny_patch16_224"]) == 2
    assert main(["plugins", "--enable", "vit"]) == 0
    assert status() == before
    assert [p.name for p in settings_path().parent.iterdir()] == ["settings.json"]


def test_one_that_is_gone_can_be_enabled_but_not_disabled(capsys: pytest.CaptureFixture[str]) -> None:
    write_settings(Settings(("gone",)))
    assert main(["plugins", "--disable", "gone"]) == 2
    assert "no plugin 'gone'" in capsys.readouterr().err
    assert main(["plugins", "--enable", "gone"]) == 0
    assert read_settings() == Settings(())
