"""Makes real plugin packages, installed into a folder of the test's own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PACKAGES = Path(__file__).parent / "packages"


@dataclass
class Site:
    """A folder on the path with packages installed in it."""

    folder: Path

    def install(self, package: str, source: str, plugin: str = "") -> None:
        """Install a package of one module with the code `source`, whose plugin is called `plugin`.

        The files are those that an installer leaves behind; `test_installed_by_pip` compares with pip's own.
        """
        module = self.folder / package.replace("-", "_")
        module.mkdir(parents=True)
        (module / "__init__.py").write_text(source, encoding="utf-8")
        self._describe(package, f"[vizstudio.plugins]\n{plugin or package} = {module.name}\n")

    def install_healthy(self) -> None:
        """Install the third-party plugin of the folder ``packages``."""
        shutil.copytree(PACKAGES / "healthy", self.folder / "healthy")
        self._describe("healthy", "[vizstudio.plugins]\nhealthy = healthy\n")

    def _describe(self, package: str, entry_points: str) -> None:
        info = self.folder / f"{package.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")

    def vizstudio(
        self, *arguments: str | Path, module: str = "vizstudio"
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command in a process of its own that sees these packages."""
        path = os.pathsep.join(filter(None, [str(self.folder), os.environ.get("PYTHONPATH", "")]))
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "80"},
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
        )

    def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what ``vizstudio plugins --json`` says."""
        done = self.vizstudio("plugins", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def plugin(self, package: str, *arguments: str) -> dict[str, Any]:
        """Return what is said of the one plugin of a package."""
        (found,) = [p for p in self.listed(*arguments) if p["distribution"] == package]
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """An empty folder to install packages into."""
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder)
