"""``vizstudio plugin new``: what it writes is built by pip, listed, used, and passes its own tests."""

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest

from vizstudio.cli import main
from vizstudio.commands import plugin

KINDS = get_args(plugin.Kind)


def run(*words: str | Path, folder: Path, site: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run Python in a process of its own that sees what is installed in a folder."""
    path = os.pathsep.join(filter(None, [str(site or ""), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"},
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_package_is_installed_listed_and_passes_its_own_tests(kind: str, tmp_path: Path) -> None:
    if find_spec("pip") is None or find_spec("setuptools") is None:
        pytest.skip("needs pip and setuptools in the environment")
    done = run("-m", "vizstudio", "plugin", "new", f"our-{kind}", "--kind", kind, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    package, site = tmp_path / f"vizstudio-our-{kind}", tmp_path / "site"
    assert done.stdout.startswith(f"{package.name}: now `pip install -e ")
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--target", site)
    done = run("-m", "pip", "install", "-q", *options, package, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("-m", "vizstudio", "plugins", "--json", folder=tmp_path, site=site)
    (listed,) = [found for found in json.loads(done.stdout) if found["name"] == f"our-{kind}"]
    assert (listed["status"], listed["distribution"]) == ("active", package.name)
    assert listed["brings"] == {f"{kind}s": [f"our-{kind}"]}
    asked = ("-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:pytest-qt")
    done = run("-m", "pytest", *asked, folder=package, site=site)
    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert (
        int(passed) >= 6
    )  # the plugin's own three contracts, those of its kind, and a test of the work itself


@pytest.mark.slow
def test_an_editable_installation_is_found_too(tmp_path: Path) -> None:
    """As ``pip install -e`` leaves it, in an environment of its own that borrows this one's packages."""
    if find_spec("pip") is None or find_spec("setuptools") is None:
        pytest.skip("needs pip and setuptools in the environment")
    plugin.write_package(tmp_path / "vizstudio-own", "own", "model")
    done = run("-m", "venv", "--without-pip", tmp_path / "env", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    home = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    code = "import json, sys, sysconfig; print(json.dumps([sysconfig.get_path('purelib'), sys.path]))"
    inside = subprocess.run([home / "python", "-c", code], check=True, capture_output=True, text=True)
    borrowed = [folder for folder in sys.path if folder.endswith("site-packages")]
    purelib = Path(json.loads(inside.stdout)[0])
    (purelib / "borrowed.pth").write_text(
        "".join(f"import site; site.addsitedir({folder!r})\n" for folder in borrowed), encoding="utf-8"
    )
    options = ("--no-deps", "--no-index", "--no-build-isolation", "-q", "-e", "./vizstudio-own")
    subprocess.run([home / "python", "-m", "pip", "install", *options], check=True, cwd=tmp_path)
    words = [home / "python", "-m", "vizstudio", "models", "own:", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", cwd=tmp_path)
    assert [model["id"] for model in json.loads(done.stdout)] == ["own:small", "own:deep"], done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["My_Plugin"], "no plugin can be named 'My_Plugin': use lower case letters, digits and single -"),
        (["9lives"], "no plugin can be named '9lives'"),
        (["two--dashes"], "no plugin can be named 'two--dashes'"),
        (["../outside"], "no plugin can be named '../outside'"),
        (["vizstudio-x"], "leave vizstudio- out: it is put before 'x' anyway"),
        (["vit"], "a plugin named 'vit' is installed already: choose another name"),
        (["wall", "--kind", "reduction"], "the view 'wall' is there already: choose another name"),
        (["png", "--kind", "exporter"], "the format 'png' is there already: choose another name"),
        (["list", "--kind", "trainer"], "the recipe 'list' is there already: choose another name"),
        (["fine", "--kind", "widget"], 'invalid value "widget" for --kind'),
    ],
)
def test_bad_names_get_one_sentence(
    words: list[str], message: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugin", "new", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert [*tmp_path.iterdir()] == []


def test_nothing_is_overwritten(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vizstudio-mine").mkdir()
    assert main(["plugin", "new", "mine"]) == 2
    assert "vizstudio-mine is there already" in capsys.readouterr().err
    assert [*(tmp_path / "vizstudio-mine").iterdir()] == []


def test_a_package_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert main(["plugin", "new", "mine"]) == 2
    assert "vizstudio-mine cannot be written: No space left on device" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
