"""What is packed: the wheel has every module, template and mark that the sources have."""

import shutil
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PARTS = (
    "vizstudio",
    "plugins",
    "trainers",
    "resources",
    "setup.cfg",
    "pyproject.toml",
    "README.md",
    "LICENSE",
)


@pytest.mark.slow
def test_the_wheel_has_all_modules_templates_and_types(tmp_path: Path) -> None:
    if find_spec("pip") is None or find_spec("setuptools") is None:
        pytest.skip("needs pip and setuptools in the environment")
    source = tmp_path / "source"
    source.mkdir()
    for part in PARTS:  # a copy, as a build writes into the folder of the sources
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    words = ["wheel", "-q", "--no-deps", "--no-index", "--no-build-isolation", "-w", str(tmp_path / "dist")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *words, str(source)], capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {*archive.namelist()}
    wanted = {"vizstudio/py.typed"}
    for folder in (ROOT, ROOT / "plugins", ROOT / "trainers"):
        for package in folder.glob("vizstudio*/"):
            if (package / "__init__.py").exists():
                wanted |= {path.relative_to(folder).as_posix() for path in package.rglob("*.py")}
    templates = [path for path in (ROOT / "vizstudio" / "templates").rglob("*") if path.is_file()]
    assert len(templates) > 15
    wanted |= {path.relative_to(ROOT).as_posix() for path in templates}
    assert wanted - packed == set()
