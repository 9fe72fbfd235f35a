"""The site is built strictly and needs no network; its generated pages have what the programs have."""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from doc_pages import ROOT

import vizstudio.api
from vizstudio.commands.app import app
from vizstudio.commands.base import load_host
from vizstudio.recipes import config_of

LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="(?:https?:)?//|url\(["']?https?:|@import"""
)
STYLE = re.compile(r"""<link\b[^>]*>""")


@pytest.fixture
def extensions(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that imports an extension of the site."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    return importlib.import_module


def test_every_public_name_is_on_the_page_of_the_interface(extensions: Any) -> None:
    text = extensions("interface_page").text()
    documented = re.findall(
        r"^\.\. auto(?:class|data|function):: (vizstudio\.(?:api\.)?\w+)$", text, re.MULTILINE
    )
    wanted = [f"vizstudio.{name}" for name in vizstudio.__all__ if name != "__version__"]
    assert sorted(documented) == sorted([f"vizstudio.api.{name}" for name in vizstudio.api.__all__] + wanted)


def test_every_command_option_view_and_preset_is_on_a_generated_page(extensions: Any, tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    extensions("reference_pages").write_pages(tmp_path)
    commands = (tmp_path / "commands.md").read_text(encoding="utf-8")
    for name in (name for name in app if not name.startswith("-")):
        assert f"## vizstudio {name}" in commands
    host = load_host(safe_mode=True)
    for word in (
        "--view",
        "--with-layer",
        "--hide-outliers",
        *host.exporters.ids(),
        "rollout",
        "caption-wall",
    ):
        assert f"\n`{word}" in commands
    assert commands.count("`--debug`") == 1
    options = (tmp_path / "options.md").read_text(encoding="utf-8")
    for recipe in host.trainers.ids():
        kind = config_of(host, recipe)
        (part,) = re.findall(rf"^## {recipe}\n(.*?)(?=^## |\Z)", options, re.MULTILINE | re.DOTALL)
        for name, field in kind.model_fields.items():
            found = re.findall(rf"^`{name}`, `--{name.replace('_', '-')}`\n: (.*) \*\[", part, re.MULTILINE)
            assert [text.replace("`", "") for text in found] == [str(field.description).replace("`", "")]
        assert all(f"### The preset {preset}\n" in part for preset in kind.presets)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    for package in ("sphinx", "furo", "myst_parser", "latex2mathml", "sphinx_copybutton"):
        pytest.importorskip(package)
    words = [
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-d",
        str(tmp_path / "state"),
        "docs",
        str(tmp_path / "site"),
    ]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 12
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not LOADED.search(text), page
        assert not [link for link in STYLE.findall(text) if "http" in link and "canonical" not in link], page
    assert all(
        "@import" not in sheet.read_text(encoding="utf-8") for sheet in (tmp_path / "site").rglob("*.css")
    )
    assert "<mfrac>" in (tmp_path / "site" / "measures.html").read_text(encoding="utf-8")
