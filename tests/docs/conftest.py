"""Runs the commands of the documentation's pages."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from vizstudio.resources import resource_path


@dataclass
class Shell:
    """A folder in which the commands of a page are run one after the other.

    ``vizstudio`` and ``vizstudio-train`` are called by the console scripts' own entry points, in this process, as
    loading torch for each of them would take minutes; once a package was installed, in processes of their own, which
    see it.
    """

    folder: Path
    read: Callable[[], str]
    sources: list[Path] = field(default_factory=list)

    def run(self, words: list[str]) -> str:
        """Run a command; returns what it printed."""
        program, *arguments = words
        if program == "pip":
            return self._install(arguments)
        if program == "pytest":
            return self._process("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:pytest-qt", *arguments)
        assert program in ("vizstudio", "vizstudio-train"), f"no way to run {program}"
        if self.sources:
            module = {"vizstudio": "vizstudio", "vizstudio-train": "vizstudio.train_cli"}[program]
            return self._process(module, *arguments)
        (script,) = entry_points(group="console_scripts", name=program)
        self.read()
        code = script.load()(arguments)
        printed = self.read()
        assert code == 0, f"{' '.join(words)}\nended with {code}:\n{printed}"
        return printed

    def _install(self, arguments: list[str]) -> str:
        """Build what ``pip install -e`` is asked for, offline; its entry points lie beside its sources then."""
        assert arguments[:2] == ["install", "-e"], arguments
        package = self.folder / arguments[2].partition("[")[0]
        options = (
            "--no-deps",
            "--no-index",
            "--no-build-isolation",
            "-q",
            "--target",
            str(self.folder / ".site"),
        )
        printed = self._process("pip", "install", *options, str(package))
        self.sources.append(package / "src")
        return printed

    def _process(self, module: str, *arguments: str) -> str:
        path = os.pathsep.join([*map(str, self.sources), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )
        assert done.returncode == 0, f"{module} {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Shell:
    """A folder with a photo and a scene in it, as a reader has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    shutil.copy(resource_path("photos/coffee.jpg"), tmp_path / "photo.jpg")
    shutil.copy(resource_path("scenes/scene_11.jpg"), tmp_path / "scene.jpg")
    return Shell(tmp_path, lambda: "".join(capfd.readouterr()))
