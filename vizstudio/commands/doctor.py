"""``vizstudio doctor``: what is here, what is missing, and how to mend it."""

import ctypes
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

from vizstudio.commands.listing import Host
from vizstudio.commands.output import print_json, print_table

# Shared libraries that Qt's platform plugins load, and the Debian packages that bring them.
LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libfontconfig.so.1": "libfontconfig1",
}
X11_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
PACKAGES = ("torch", "torchvision", "timm", "PySide6-Essentials", "pyqtgraph", "numpy", "pillow")


@dataclass(frozen=True)
class Finding:
    """One line of the report; `mend` is empty where all is well."""

    what: str
    state: str
    mend: str = ""


def doctor(*, json: bool = False, host: Host) -> int:
    """Check versions, devices, system libraries and plugins, and say how to mend what is wrong.

    Parameters
    ----------
    json
        Print JSON instead of a table.
    """
    findings = [*_versions(), *_torch(), *_libraries(), *_plugins(host)]
    if json:
        print_json([asdict(finding) for finding in findings])
    else:
        rows = [
            [f.what, f"[red]{f.state}[/]" if f.mend else f"[green]{f.state}[/]", f.mend] for f in findings
        ]
        print_table(["", "", "Mend"], rows)
    return 1 if any(finding.mend for finding in findings) else 0


def _versions() -> Iterator[Finding]:
    yield Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            yield Finding(package, "missing", f"pip install {package}")


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:  # a broken installation can raise anything
        yield Finding(
            "torch starts", str(error).splitlines()[0], "pip install --force-reinstall torch torchvision"
        )
        return
    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    devices += ["mps"] if torch.backends.mps.is_available() else []
    yield Finding("devices", ", ".join(["cpu", *devices]))
    try:
        import torchvision  # noqa: F401
    except Exception as error:
        reason = str(error).splitlines()[0]
        yield Finding(
            "torchvision fits torch",
            reason,
            "these two versions do not belong together: pip install --upgrade torch torchvision",
        )
        return
    yield Finding("torchvision fits torch", "yes")


def _libraries(load: Callable[[str], object] = ctypes.CDLL) -> Iterator[Finding]:
    if not sys.platform.startswith("linux"):
        return
    for libraries, purpose in ((LIBRARIES, "Qt's libraries"), (X11_LIBRARIES, "Qt's libraries for X11")):
        missing = []
        for library, package in libraries.items():
            try:
                load(library)
            except OSError:
                missing.append(package)
        if missing:
            yield Finding(purpose, f"{len(missing)} missing", f"sudo apt-get install {' '.join(missing)}")
        else:
            yield Finding(purpose, "all here")


def _plugins(host: Host) -> Iterator[Finding]:
    for plugin in host.plugins:
        broken = plugin.status == "quarantined"
        mend = f"{plugin.reason}; mend or `pip uninstall {plugin.distribution}`" if broken else ""
        yield Finding(f"plugin {plugin.name}", plugin.status, mend)
