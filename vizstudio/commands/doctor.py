"""``vizstudio doctor``: what is here, what is missing, and how to mend it."""

import ctypes
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from shutil import which
from typing import Literal

from packaging.requirements import Requirement
from rich.markup import escape

from vizstudio.commands.display import NO_DISPLAY, find_display, is_seen
from vizstudio.commands.output import print_json, print_table
from vizstudio.commands.program import Host
from vizstudio.hookspecs import API_VERSION

# Shared libraries that Qt loads, and the Debian packages that bring them: for any window, even off screen,
# and for each way to reach a screen.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libX11.so.6": "libx11-6",
}
X11_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
WAYLAND_LIBRARIES = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}
PACKAGES = ("torch", "torchvision", "timm", "PySide6-Essentials", "numpy", "pillow")
"""Those whose versions are told even if nothing is wrong with them."""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Parameters
    ----------
    what, state : str
        What was looked at, and what was found.
    verdict : {"good", "note", "bad"}
        Anything bad makes the command fail.
    mend : str
        What to do about it.
    """

    what: str
    state: str
    verdict: Literal["good", "note", "bad"] = "good"
    mend: str = ""


def doctor(*, json: bool = False, host: Host) -> int:
    """Check versions, devices, system libraries, the display and plugins, and say how to mend what is wrong.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    findings = [
        *_versions(),
        *_torch(),
        *_libraries(os.environ),
        *_display(os.environ),
        *_qt(),
        *_plugins(host),
    ]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        colours = {"good": "green", "note": "yellow", "bad": "red"}
        rows = [
            [escape(f.what), f"[{colours[f.verdict]}]{escape(f.state)}[/]", escape(f.mend)] for f in findings
        ]
        print_table(["Looked at", "Found", "Mend"], rows)
    return 1 if any(finding.verdict == "bad" for finding in findings) else 0


def _versions() -> Iterator[Finding]:
    yield Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    try:
        needed = [Requirement(line) for line in requires("vizstudio") or []]
        yield Finding("vizstudio", f"{version('vizstudio')}, plugin interface {API_VERSION}")
    except PackageNotFoundError:
        yield Finding("vizstudio", "not installed, run from its sources", "note", "pip install -e .")
        needed = [Requirement(name) for name in PACKAGES]
    for one in needed:
        if one.marker is None or one.marker.evaluate({"extra": ""}):
            yield from _package(one)


def _package(needed: Requirement) -> Iterator[Finding]:
    """Look at one package that vizstudio needs; nothing is said of a minor one that is as it should be."""
    mend = f"pip install --upgrade '{needed.name}{needed.specifier}'"
    try:
        found = version(needed.name)
    except PackageNotFoundError:
        yield Finding(needed.name, "missing", "bad", mend)
        return
    if not needed.specifier.contains(found, prereleases=True):
        yield Finding(needed.name, f"{found}, and {needed.specifier} is needed", "bad", mend)
    elif needed.name in PACKAGES:
        yield Finding(needed.name, found)


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken installation can raise anything
        mend = "pip install --force-reinstall torch torchvision"
        yield Finding("torch starts", _first_line(error), "bad", mend)
        return
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    yield _devices(devices, torch.version.cuda, which("nvidia-smi") is not None)
    try:
        import torchvision

        boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
        torchvision.ops.nms(
            boxes, torch.tensor([0.9, 0.8]), 0.5
        )  # its compiled part may miss where Python's is there
    except ModuleNotFoundError as error:
        if error.name != "torchvision":  # that it is missing is told with the versions
            yield Finding("torchvision starts", _first_line(error), "bad", f"pip install {error.name}")
    except Exception as error:
        mend = "these two versions do not belong together: pip install --upgrade torch torchvision"
        yield Finding("torchvision fits torch", _first_line(error), "bad", mend)
    else:
        yield Finding("torchvision fits torch", "yes")


def _devices(found: Sequence[str], cuda: str | None, driver: bool) -> Finding:
    """Say where models can run; `cuda` is the version that torch was built for, `driver` whether NVIDIA's is here."""
    if found or not driver:
        return Finding("devices", ", ".join(["cpu", *found]))
    if cuda is None:
        mend = "this torch is built without CUDA: install one from https://pytorch.org/get-started/locally"
    else:
        mend = f"torch is built for CUDA {cuda}: compare with what `nvidia-smi` says of the driver, and update that"
    return Finding("devices", "cpu; an NVIDIA driver is here, and torch sees no GPU", "note", mend)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _libraries(
    environment: Mapping[str, str], load: Callable[[str], object] = ctypes.CDLL
) -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    needed = {"Qt's libraries": LIBRARIES, "Qt's libraries for X11": X11_LIBRARIES}
    if environment.get("WAYLAND_DISPLAY"):
        needed["Qt's libraries for Wayland"] = WAYLAND_LIBRARIES
    for what, libraries in needed.items():
        missing = []
        for library, package in libraries.items():
            try:
                load(library)
            except OSError:
                missing.append(package)
        if missing:
            packages = dict.fromkeys(missing)
            yield Finding(
                what, f"{len(packages)} missing", "bad", f"sudo apt-get install {' '.join(packages)}"
            )
        else:
            yield Finding(what, "all here")


def _display(environment: Mapping[str, str]) -> Iterator[Finding]:
    found = find_display(environment)
    if not found:
        yield Finding("display", "none: DISPLAY and WAYLAND_DISPLAY are not set", "note", NO_DISPLAY)
    elif not is_seen(found):
        yield Finding("display", found, "note", "unset QT_QPA_PLATFORM to see the window")
    else:
        yield Finding("display", found)


def _qt() -> Iterator[Finding]:
    """Start Qt in a process of its own, as it ends the process where it cannot start."""
    code = "from PySide6.QtWidgets import QApplication; QApplication([])"
    environment = dict(os.environ)
    if not find_display(environment):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, errors="replace"
    )
    if done.returncode == 0:
        yield Finding("Qt starts", "yes")
        return
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    told = next((line for line in lines if "qt.qpa" in line or "Error" in line), "it ended without a word")
    mend = "install the libraries named above, or pip install --force-reinstall PySide6-Essentials"
    yield Finding("Qt starts", told, "bad", mend)


def _plugins(host: Host) -> Iterator[Finding]:
    for plugin in host.plugins:
        if plugin.status == "quarantined":
            mend = f"{plugin.reason}; mend it, or `pip uninstall {plugin.distribution}`"
            yield Finding(f"plugin {plugin.name}", plugin.status, "bad", mend)
        else:
            yield Finding(f"plugin {plugin.name}", plugin.status)
