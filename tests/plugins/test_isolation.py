"""A broken plugin is quarantined with its reason and everything else works; with real installed packages."""

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from vizstudio.api import API_VERSION
from vizstudio.plugins import PluginHost, load_plugins

BUNDLED = {
    entry.name: "active"
    for entry in sorted(distribution("vizstudio").entry_points.select(group="vizstudio.plugins"))
}
TOYS = """
from vizstudio.api import ModelEntry, hookimpl

@hookimpl
def register_models(registry):
    registry.add(ModelEntry(id="teddy", title="Toys", load="toys:load", names="toys:names"))
"""
ONE_ENTRY = """
from vizstudio import api

@api.hookimpl
def {hook}(registry):
    registry.add({entry})
"""
BROKEN = {
    "raises-at-import": ("1 / 0", "ZeroDivisionError: division by zero"),
    "exits-at-import": ("raise SystemExit(5)", "SystemExit: 5"),
    "misses-a-module": ("import no_such_module", "No module named 'no_such_module'"),
    "is-no-python": ("def (", "SyntaxError: invalid syntax"),
    "wrong-signature": (TOYS.replace("(registry):", "(registry, surprise):"), "Argument(s) {'surprise'}"),
    "unknown-hook": (
        TOYS.replace("def register_models", "def register_magic"),
        "unknown hook 'register_magic'",
    ),
    "not-marked": (
        TOYS.replace("@hookimpl", ""),
        "register_models is not marked with @vizstudio.api.hookimpl",
    ),
    "no-hook": ("x = 1", "it has no hook: give it one of register_models"),
    "taken-model": (TOYS.replace("teddy", "vit"), "'vit' is brought by plugin 'vit' already"),
    "bad-id": (TOYS.replace("teddy", "To:y"), "the id 'To:y' must be of lower case letters, digits and -"),
    "bad-target": (TOYS.replace("toys:load", "toys.load"), "ModelEntry.load must have the form"),
    "no-title": (TOYS.replace('"Toys"', '" "'), "ModelEntry.title must be a text, and is ' '"),
    "taken-view": (
        ONE_ENTRY.format(hook="register_reductions", entry="api.ReductionEntry('wall', 'W', 'M.', 'a:b')"),
        "the view 'wall' is vizstudio's own",
    ),
    "taken-format": (
        ONE_ENTRY.format(hook="register_exporters", entry="api.ExporterEntry('png', 'P', 'a:b')"),
        "the format 'png' is brought by plugin 'builtin' already",
    ),
    "wrong-kind": (
        ONE_ENTRY.format(hook="register_models", entry="api.ExporterEntry('gif', 'G', 'a:b')"),
        "is not a ModelEntry",
    ),
    "raises-in-hook": (TOYS + "    raise KeyError('half way')", "KeyError: 'half way'"),
    "exits-in-hook": (TOYS + "    raise SystemExit", "SystemExit"),
}


@pytest.fixture
def loaded(site: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Load plugins in this process, with the site on the path, and forget its modules afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(site.folder))

    def load(**options: Any) -> PluginHost:
        importlib.invalidate_caches()
        return load_plugins(**options)

    yield load
    for name in set(sys.modules) - before:
        if str(site.folder.parent) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def status(host: PluginHost) -> dict[str, str]:
    """Return what became of each package's plugin; the bundled ones by their own name."""
    return {p.name if p.bundled else p.distribution: p.status for p in host.plugins}


@pytest.mark.parametrize("package", BROKEN)
def test_a_broken_plugin_is_quarantined_and_leaves_nothing(package: str, site: Any, loaded: Any) -> None:
    source, reason = BROKEN[package]
    site.install_healthy()
    site.install(package, source)
    host = loaded()
    assert status(host) == BUNDLED | {"healthy": "active", package: "quarantined"}
    (info,) = [p for p in host.plugins if p.distribution == package]
    assert reason in info.reason
    assert "\n" not in info.reason
    assert "Traceback" in info.details
    assert host.models.ids() == ("catr", "vit", "toy")
    assert host.reductions.ids() == ("rollout", "first-layer", "sick")
    assert host.exporters.ids() == ("png", "svg", "npz", "csv", "json", "gif", "webp", "mp4", "txt", "bad")
    assert host.views.ids() == ("dock",)


def test_all_broken_at_once_and_the_command_line_works(site: Any, photos: Path) -> None:
    site.install_healthy()
    for package, (source, _) in BROKEN.items():
        site.install(package, source)
    by_package = {p["distribution"]: p for p in site.listed() if not p["bundled"]}
    assert by_package.pop("healthy")["status"] == "active"
    assert {name: p["status"] for name, p in by_package.items()} == dict.fromkeys(BROKEN, "quarantined")
    done = site.vizstudio(
        "run", photos / "coffee.jpg", "--model", "toy:bear", "--device", "cpu", "--out", "out"
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == Path("out/coffee_attention.png")


def test_two_third_party_plugins_of_one_name_are_both_quarantined(site: Any, loaded: Any) -> None:
    site.install_healthy()
    site.install("first", TOYS, plugin="teddy")
    site.install("second", TOYS, plugin="teddy")
    host = loaded()
    assert status(host) == BUNDLED | {"healthy": "active", "first": "quarantined", "second": "quarantined"}
    assert {p.reason for p in host.plugins if p.name == "teddy"} == {
        "another package brings a plugin named 'teddy' too: uninstall one of them"
    }
    assert host.models.ids() == ("catr", "vit", "toy")


def test_a_plugin_named_like_a_bundled_one_does_not_take_it_away(site: Any, loaded: Any) -> None:
    site.install("impostor", TOYS, plugin="vit")
    host = loaded()
    assert status(host) == BUNDLED | {"impostor": "quarantined"}
    assert host.models.ids() == ("catr", "vit")


def test_the_same_package_twice_on_the_path_counts_once(site: Any, loaded: Any, monkeypatch: Any) -> None:
    site.install_healthy()
    second = site.folder.parent / "second"
    shutil.copytree(site.folder, second)
    monkeypatch.syspath_prepend(str(second))
    assert [p.name for p in loaded().plugins] == [*BUNDLED, "healthy"]


@pytest.mark.parametrize(
    "content", [b"[vizstudio.plugins]\nthis line names nothing\n", b"[vizstudio.plugins]\n\xff\xfe = x\n"]
)
def test_damaged_entry_points_do_not_stop_the_others(content: bytes, site: Any, loaded: Any) -> None:
    site.install_healthy()
    site.install("torn", "x = 1")
    (site.folder / "torn-1.0.dist-info" / "entry_points.txt").write_bytes(content)
    host = loaded()
    assert status(host)["healthy"] == "active"
    assert status(host)["torn"] == "quarantined"


def test_a_package_whose_metadata_is_lost_still_counts(site: Any, loaded: Any) -> None:
    site.install("teddies", TOYS)
    (site.folder / "teddies-1.0.dist-info" / "METADATA").unlink()
    (info,) = [p for p in loaded().plugins if not p.bundled]
    assert (info.name, info.distribution, info.status) == ("teddies", "a package without a name", "active")


def test_disabled_for_good_until_it_is_enabled(site: Any, photos: Path) -> None:
    site.install_healthy()
    run = ("run", photos / "coffee.jpg", "--model", "toy:bear", "--device", "cpu", "--out", "out")
    assert site.vizstudio("plugins", "--disable", "healthy").returncode == 0
    assert site.plugin("healthy")["status"] == "disabled"
    done = site.vizstudio(*run)
    assert done.returncode == 2
    assert "(not loaded: healthy; see `vizstudio plugins`)" in done.stderr
    assert site.vizstudio("plugins", "--enable", "healthy").returncode == 0
    assert site.vizstudio(*run).returncode == 0
    assert site.vizstudio(*run, "--safe-mode").returncode == 2


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("def names():\n    raise OSError('no list')", "(OSError: no list)"),
        ("def names():\n    return [3]", "(AttributeError: 'int' object has no attribute 'name')"),
        ("def names():\n    raise SystemExit", "(SystemExit)"),
        ("", "'teddies:names' cannot be loaded: "),
    ],
)
def test_a_plugin_that_cannot_name_its_models_does_not_hide_the_others(
    names: str, reason: str, site: Any
) -> None:
    site.install_healthy()
    site.install("teddies", TOYS.replace("toys:names", "teddies:names") + "\n" + names)
    done = site.vizstudio("models", "--json")
    assert done.returncode == 1
    listed = {model["id"].partition(":")[0] for model in json.loads(done.stdout)}
    assert listed == {"catr", "vit", "toy"}
    (line,) = done.stderr.splitlines()
    assert line.startswith("vizstudio: error: ")
    assert reason in line


def test_what_a_plugin_prints_stays_out_of_the_output(site: Any) -> None:
    site.install("chatty", "print('hello')\n" + TOYS)
    done = site.vizstudio("plugins", "--json")
    assert json.loads(done.stdout)[-1]["name"] == "chatty"
    assert done.stderr == "hello\n"


def test_ctrl_c_while_a_plugin_is_imported_ends_the_command(site: Any) -> None:
    site.install("slow", "raise KeyboardInterrupt")
    done = site.vizstudio("plugins")
    assert (done.returncode, done.stderr) == (130, "vizstudio: cancelled\n")


def test_safe_mode_loads_the_bundled_ones_only(site: Any, loaded: Any) -> None:
    site.install_healthy()
    site.install("raises", "1 / 0")
    host = loaded(safe_mode=True, disabled=["vit"])
    assert status(host) == BUNDLED | {"healthy": "skipped", "raises": "skipped"}
    assert "healthy" not in sys.modules
    assert host.models.ids() == ("catr", "vit")


def test_a_disabled_plugin_is_not_imported(site: Any, loaded: Any) -> None:
    site.install_healthy()
    host = loaded(disabled=["healthy"])
    assert status(host)["healthy"] == "disabled"
    assert "healthy" not in sys.modules


def test_a_model_of_a_quarantined_plugin_is_missed_with_a_hint(site: Any, photos: Path) -> None:
    site.install("raises-in-hook", BROKEN["raises-in-hook"][0])
    done = site.vizstudio("run", photos / "coffee.jpg", "--model", "teddy:bear")
    assert done.returncode == 2
    assert done.stderr == (
        "vizstudio: error: no model family 'teddy': choose from catr, vit "
        "(not loaded: raises-in-hook; see `vizstudio plugins`)\n"
    )


def test_the_files_of_these_tests_are_those_that_pip_installs(site: Any, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "teddies").mkdir(parents=True)
    (source / "teddies" / "__init__.py").write_text(TOYS, encoding="utf-8")
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "teddies"\nversion = "1.0"\n'
        '[project.entry-points."vizstudio.plugins"]\nteddies = "teddies"\n',
        encoding="utf-8",
    )
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-build-isolation", "-q"]
    try:
        distribution("setuptools"), distribution("pip")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs pip and setuptools in the environment")
    subprocess.run([*pip, "--target", str(site.folder), str(source)], check=True, capture_output=True)
    by_pip = site.plugin("teddies")
    assert by_pip["status"] == "active"
    assert by_pip["brings"] == {"models": ["teddy"]}
    shutil.rmtree(site.folder)
    site.install("teddies", TOYS)
    assert site.plugin("teddies") == by_pip


def state(version: str | None) -> str:
    return TOYS if version is None else f"VIZSTUDIO_API = {version}\n{TOYS}"


@pytest.mark.parametrize("stated", [None, "'>=1.0,<2'", "'~=1.0'", "''"])
def test_a_plugin_for_this_interface_is_loaded(stated: str | None, site: Any, loaded: Any) -> None:
    site.install("teddies", state(stated))
    assert status(loaded())["teddies"] == "active"


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        (
            "'>=2.0'",
            f"it needs version >=2.0 of the plugin interface, and this vizstudio has {API_VERSION}: install",
        ),
        (
            "'<1.0'",
            f"it needs version <1.0 of the plugin interface, and this vizstudio has {API_VERSION}: install",
        ),
        ("'new'", "VIZSTUDIO_API must be a specifier such as '>=1.0,<2', and is 'new'"),
        ("1.0", "VIZSTUDIO_API must be a specifier such as '>=1.0,<2', and is 1.0"),
    ],
)
def test_a_plugin_for_another_interface_is_quarantined(
    stated: str, reason: str, site: Any, loaded: Any
) -> None:
    site.install("teddies", state(stated))
    (info,) = [p for p in loaded().plugins if not p.bundled]
    assert info.status == "quarantined"
    assert reason in info.reason


def test_a_plugin_that_needs_a_newer_name_says_which_interface_there_is(site: Any, loaded: Any) -> None:
    site.install("teddies", "from vizstudio.api import Hologram\n" + TOYS)
    (info,) = [p for p in loaded().plugins if not p.bundled]
    assert info.status == "quarantined"
    assert "cannot import name 'Hologram'" in info.reason
    assert f"this vizstudio has version {API_VERSION} of the plugin interface" in info.reason
