"""``vizstudio plugin new``: writes the package of a plugin, ready to be installed, tested and changed."""

import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal

from cyclopts import App

from vizstudio.commands.program import Host
from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.hookspecs import API_VERSION
from vizstudio.plugins import PluginHost

Kind = Literal["model", "reduction", "exporter", "dataset", "trainer"]
app = App(name="plugin", help="Write a plugin of your own.", help_format="plaintext")


@dataclass(frozen=True)
class Brings:
    """What a new plugin brings: a sentence on it, the module that does the work, what to try, and what it needs."""

    summary: str
    module: str
    attempt: str
    needs: tuple[str, ...] = ()


KINDS: dict[Kind, Brings] = {
    "model": Brings(
        "A small vision transformer whose attention and positions can be seen.",
        "model",
        "vizstudio run photo.jpg --model $name:small --view attention,position",
        ("torch>=2.6", "numpy>=1.26"),
    ),
    "reduction": Brings(
        "Attention against an even share, as a map in bits.",
        "reduction",
        "vizstudio run photo.jpg --model vit:test_vit --view $name",
        ("numpy>=1.26",),
    ),
    "exporter": Brings(
        "Reports of what is shown, in Markdown.",
        "exporter",
        "vizstudio run photo.jpg --model vit:test_vit --format $name",
    ),
    "dataset": Brings(
        "Shapes on noise, with captions, classes and masks.",
        "dataset",
        "vizstudio-train export $name shapes/ --count 10",
        ("numpy>=1.26",),
    ),
    "trainer": Brings(
        "A recipe that trains a small classifier on the main objects of a data set.",
        "trainer",
        "vizstudio-train $name --epochs 2 --out runs/first",
        ("torch>=2.6", "timm>=1.0.15", "numpy>=1.26", "pydantic>=2.9"),
    ),
}


@app.command
def new(name: str, /, *, kind: Kind = "model", host: Host) -> None:
    """Write a package that brings something small and works: install it, run its tests, and make it yours.

    Parameters
    ----------
    name
        Of lower case letters, digits and -; the package is written to ./vizstudio-NAME.
    kind
        What it brings.
    """
    _require_name(name, kind, host)
    folder = Path(f"vizstudio-{name}")
    if folder.exists():
        raise UsageError(f"{folder} is there already: choose another name, or move it away")
    write_package(folder, name, kind)
    print(f"{folder}: now `pip install -e ./{folder}`, `vizstudio plugins` and `pytest {folder}`")


def _require_name(name: str, kind: Kind, host: PluginHost) -> None:
    """Raise `UsageError` for a name that cannot be one, or is taken."""
    if name.startswith("vizstudio-"):
        raise UsageError(f"leave vizstudio- out: it is put before {name.removeprefix('vizstudio-')!r} anyway")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(f"no plugin can be named {name!r}: use lower case letters, digits and single -")
    registry = host.registries()[f"register_{kind}s"]
    if name in [plugin.name for plugin in host.plugins]:
        raise UsageError(f"a plugin named {name!r} is installed already: choose another name")
    if not registry.is_free(name):
        raise UsageError(f"the {registry.noun} {name!r} is there already: choose another name")


def write_package(folder: Path, name: str, kind: Kind) -> None:
    """Write a package, whole or not at all.

    Parameters
    ----------
    folder : Path
        That does not exist yet.
    name : str
        The plugin's.
    kind : str
        One of `KINDS`.

    Raises
    ------
    VizstudioError
        If the disk does not take it.
    """
    package, brings = f"vizstudio_{name.replace('-', '_')}", KINDS[kind]
    values = {
        "name": name,
        "title": name.replace("-", " ").capitalize(),
        "package": package,
        "summary": brings.summary,
        "module": brings.module,
        "attempt": Template(brings.attempt).substitute(name=name),
        "dependencies": ", ".join(f'"{need}"' for need in ("vizstudio>=0.1", *brings.needs)),
        "api": f">={API_VERSION},<{int(API_VERSION.partition('.')[0]) + 1}",
    }
    try:
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for part in ("common", kind):
                _fill(part, made, package, values)
            made.chmod(0o755)
            made.rename(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise VizstudioError(f"{folder} cannot be written: {error.strerror or error}") from error


def _fill(part: str, folder: Path, package: str, values: dict[str, str]) -> None:
    """Write the files of one folder of templates."""
    places = {
        "pyproject.toml": Path("pyproject.toml"),
        "README.md": Path("README.md"),
        "gitignore": Path(".gitignore"),
        "test_plugin.py": Path("tests") / f"test_{package}.py",
    }
    for template in files("vizstudio").joinpath("templates", part).iterdir():
        name = template.name.removesuffix(".txt")
        path = folder / places.get(name, Path("src") / package / name)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = Template(template.read_text(encoding="utf-8")).substitute(values)
        path.write_text(content, encoding="utf-8", newline="\n")
