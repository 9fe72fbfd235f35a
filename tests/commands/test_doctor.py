"""``vizstudio doctor``: what it finds wrong, with fakes in the place of what is missing."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from vizstudio.commands import doctor
from vizstudio.plugins import PluginHost, PluginInfo

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about Linux's libraries")


def examine(environment: dict[str, str], path: Path | None = None) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the command in a process of its own; return its exit code and findings."""
    python_path = os.pathsep.join(filter(None, [str(path or ""), os.environ.get("PYTHONPATH", "")]))
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run(
        [sys.executable, "-m", "vizstudio", "doctor", "--json"],
        env={**kept, "PYTHONPATH": python_path, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert "Traceback" not in done.stderr
    return done.returncode, {finding["what"]: finding for finding in json.loads(done.stdout)}


@linux
def test_without_a_display_it_says_so_and_how_to_go_on() -> None:
    code, found = examine({})
    assert found["display"]["state"] == "none: DISPLAY and WAYLAND_DISPLAY are not set"
    assert "`vizstudio run` and `vizstudio demo` need none" in found["display"]["mend"]
    assert found["display"]["verdict"] == "note"
    assert found["torchvision fits torch"]["state"] == "yes"
    assert found["Qt starts"]["verdict"] in ("good", "bad")
    assert code == any(finding["verdict"] == "bad" for finding in found.values())


@linux
def test_a_qt_that_cannot_start_is_told_with_its_own_words() -> None:
    pytest.importorskip("PySide6.QtWidgets", reason="Qt is not here", exc_type=ImportError)
    code, found = examine({"QT_QPA_PLATFORM": "nonsense"})
    assert code == 1
    assert found["Qt starts"]["verdict"] == "bad"
    assert "nonsense" in found["Qt starts"]["state"]
    assert found["display"]["state"] == "QT_QPA_PLATFORM=nonsense"


def test_torch_and_torchvision_that_do_not_belong_together(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')", encoding="utf-8"
    )
    code, found = examine({}, tmp_path)
    assert code == 1
    assert found["torchvision fits torch"] == {
        "what": "torchvision fits torch",
        "state": "operator torchvision::nms does not exist",
        "verdict": "bad",
        "mend": "these two versions do not belong together: pip install --upgrade torch torchvision",
    }


@linux
def test_missing_libraries_are_named_by_their_debian_packages() -> None:
    def load(library: str) -> None:
        if library in ("libEGL.so.1", "libglib-2.0.so.0", "libgthread-2.0.so.0", "libxcb-cursor.so.0"):
            raise OSError(f"{library}: cannot open shared object file")

    base, x11 = doctor._libraries({}, load)
    assert (base.what, base.state, base.verdict) == ("Qt's libraries", "2 missing", "bad")
    assert base.mend == "sudo apt-get install libegl1 libglib2.0-0"
    assert x11.mend == "sudo apt-get install libxcb-cursor0"
    assert [f.what for f in doctor._libraries({"WAYLAND_DISPLAY": "wayland-0"}, lambda _: None)][2:] == [
        "Qt's libraries for Wayland"
    ]


@linux
def test_every_library_that_qt_needs_of_the_system_is_looked_for() -> None:
    spec = find_spec("PySide6")
    assert spec and spec.origin
    qt = Path(spec.origin).parent / "Qt"
    known = {*doctor.LIBRARIES, *doctor.X11_LIBRARIES, *doctor.WAYLAND_LIBRARIES}
    # what every Debian system has, as Python itself or apt needs it
    given = re.compile(r"lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|z|zstd|icu\w+|Qt6\w+)\.so\.\d+")
    for name in (
        "plugins/platforms/libqxcb.so",
        "plugins/platforms/libqwayland.so",
        "lib/libQt6XcbQpa.so.6",
        "lib/libQt6Gui.so.6",
        "lib/libQt6Widgets.so.6",
        "lib/libQt6WaylandClient.so.6",
    ):
        path = qt / name
        if not path.exists():
            continue
        needed = set(needed_libraries(path))
        assert needed, name
        assert not {n for n in needed if not given.fullmatch(n)} - known, name


def needed_libraries(path: Path) -> list[str]:
    """Return what a shared library needs, as ``readelf`` tells."""
    if not shutil.which("readelf"):
        pytest.skip("needs readelf")
    done = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True)
    return re.findall(r"\(NEEDED\).*\[(.+)\]", done.stdout)


@linux
@pytest.mark.parametrize(
    ("environment", "verdict", "state"),
    [
        ({"DISPLAY": ":0"}, "good", "DISPLAY=:0"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "wayland-1"}, "good", "WAYLAND_DISPLAY=wayland-1"),
        ({"DISPLAY": ""}, "note", "none: DISPLAY and WAYLAND_DISPLAY are not set"),
        ({"QT_QPA_PLATFORM": "vnc:port=5900"}, "note", "QT_QPA_PLATFORM=vnc:port=5900"),
        ({"QT_QPA_PLATFORM": "offscreen", "DISPLAY": ":0"}, "note", "QT_QPA_PLATFORM=offscreen"),
        ({"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":0"}, "good", "QT_QPA_PLATFORM=xcb"),
    ],
)
def test_the_display_is_told(environment: dict[str, str], verdict: str, state: str) -> None:
    (finding,) = doctor._display(environment)
    assert (finding.verdict, finding.state) == (verdict, state)
    assert bool(finding.mend) == (verdict == "note")


@linux
def test_the_window_without_a_display_is_one_clear_line_and_no_crash() -> None:
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    done = subprocess.run(
        [sys.executable, "-m", "vizstudio"],
        env={k: v for k, v in os.environ.items() if k not in names},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"vizstudio: error: there is no display (DISPLAY and WAYLAND_DISPLAY are not set): {doctor.NO_DISPLAY}\n"
    )


def test_a_broken_plugin_is_bad_and_one_that_is_off_is_not() -> None:
    good = PluginInfo("vit", "m", "vizstudio", "1", True)
    broken = PluginInfo("odd", "m", "odd-package", "1", False, "quarantined", "ValueError: odd", "trace")
    off = PluginInfo("off", "m", "off-package", "1", False, "disabled")
    found = [*doctor._plugins(PluginHost(plugins=(good, broken, off)))]
    assert [f.verdict for f in found] == ["good", "bad", "good"]
    assert found[1].mend == "ValueError: odd; mend it, or `pip uninstall odd-package`"


def describe(folder: Path, name: str, version: str) -> None:
    """Write what an installer leaves of a package, without the package."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(text, encoding="utf-8")


def test_a_package_that_is_too_old_is_told_with_what_is_needed(tmp_path: Path) -> None:
    describe(tmp_path, "timm", "0.9.2")
    describe(tmp_path, "cyclopts", "1.0")
    code, found = examine({}, tmp_path)
    assert code == 1
    assert found["timm"]["state"] == "0.9.2, and >=1.0.15 is needed"
    assert found["timm"]["mend"] == "pip install --upgrade 'timm>=1.0.15'"
    assert found["cyclopts"]["verdict"] == "bad"
    assert found["torch"]["verdict"] == "good"
    assert "pluggy" not in found  # a minor one that is as it should be
    assert re.fullmatch(r"\d+\.\d+\.\d+, plugin interface \d+\.\d+", found["vizstudio"]["state"])


def test_every_package_that_is_needed_and_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        if name == "vizstudio":
            return "1.2.3"
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", missing)
    found = {finding.what: finding for finding in doctor._versions()}
    assert found["safetensors"].state == "missing"
    assert found["safetensors"].mend.startswith("pip install --upgrade 'safetensors>=")
    assert "av" not in found  # an extra
    assert {*doctor.PACKAGES} <= {*found}


def test_torchvision_whose_compiled_part_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text(
        "class ops:\n    def nms(*_):\n        raise RuntimeError('operator torchvision::nms does not exist')",
        encoding="utf-8",
    )
    code, found = examine({}, tmp_path)
    assert code == 1
    assert found["torchvision fits torch"]["state"] == "operator torchvision::nms does not exist"


@pytest.mark.parametrize(
    ("found", "cuda", "driver", "state", "mend"),
    [
        (["H100"], "13.0", True, "cpu, H100", ""),
        ([], "13.0", False, "cpu", ""),
        ([], None, True, "cpu; an NVIDIA driver is here, and torch sees no GPU", "built without CUDA"),
        ([], "13.0", True, "cpu; an NVIDIA driver is here, and torch sees no GPU", "built for CUDA 13.0"),
    ],
)
def test_a_gpu_that_torch_does_not_see(
    found: list[str], cuda: str | None, driver: bool, state: str, mend: str
) -> None:
    told = doctor._devices(found, cuda, driver)
    assert (told.state, told.verdict) == (state, "note" if mend else "good")
    assert mend in told.mend


def test_a_plugin_for_another_interface_is_told_with_the_mend() -> None:
    reason = (
        "it needs version >=2 of the plugin interface, and this vizstudio has 1.0: install another version"
    )
    info = PluginInfo("later", "later", "vizstudio-later", "1.0", False, "quarantined", reason)
    (told,) = doctor._plugins(PluginHost(plugins=(info,)))
    assert (told.verdict, told.mend) == ("bad", f"{reason}; mend it, or `pip uninstall vizstudio-later`")
