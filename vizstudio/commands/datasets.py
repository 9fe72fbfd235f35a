"""``vizstudio-train list`` and ``vizstudio-train export``."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.markup import escape

from vizstudio.commands.output import console, counting, print_json, print_table
from vizstudio.core.errors import PluginError, UsageError, VizstudioError
from vizstudio.entries import DatasetEntry, TrainerEntry
from vizstudio.plugins import PluginHost
from vizstudio.registry import Registry, blame, load_target

Host = Annotated[PluginHost, Parameter(parse=False)]


def list_(*, json: bool = False, host: Host) -> None:
    """List the recipes and the data sets that plugins bring.

    Parameters
    ----------
    json
        Print JSON instead of tables.
    """
    found = {"recipes": _told(host.trainers), "datasets": _told(host.datasets)}
    if json:
        print_json(found)
        return
    for heading, told in (("Recipe", "What it trains"), ("Data set", "What a sample is")):
        rows = found["recipes" if heading == "Recipe" else "datasets"]
        print_table([heading, told], [[escape(f["id"]), escape(f["summary"])] for f in rows])


def _told(registry: Registry[TrainerEntry] | Registry[DatasetEntry]) -> list[dict[str, str]]:
    return [
        {"id": e.id, "title": e.title, "summary": e.summary, "plugin": registry.owner(e.id)}
        for e in registry.entries()
    ]


def export(
    dataset: str,
    out: Path,
    /,
    *,
    count: int,
    size: int = 128,
    seed: int = 0,
    split: Literal["train", "val"] = "train",
    host: Host,
) -> None:
    """Write a data set to a folder in the form of COCO: images, captions, boxes and masks.

    Parameters
    ----------
    dataset
        The data set's name; `vizstudio-train list` lists them.
    out
        The folder; must be empty or not be there. It appears when all is written.
    count
        How many images.
    size
        Width and height of the images in pixels.
    seed
        Another seed makes other images.
    split
        The part of the data set; they have no image in common.
    """
    entry, owner = host.datasets.get(dataset), host.datasets.owner(dataset)
    if count < 1:
        raise UsageError(f"--count {count} is no number of images: give 1 or more")
    with blame(owner, f"opening {dataset!r}"):
        samples = load_target(entry.open)(size, count, seed, split)
    from vizstudio.core.coco import CocoFolder  # here, as listing needs no NumPy
    from vizstudio.core.dataset import Sample

    about = {"description": entry.title, "dataset": dataset, "split": split, "seed": seed, "size": size}
    with _whole_folder(out) as folder, counting() as progress:
        coco = CocoFolder(folder, split, samples.class_names, about | {"count": count})
        for index in progress.track(range(count), description=f"Writing {out.name}"):
            with blame(owner, f"making sample {index} of {dataset!r}"):
                sample = samples[index]
            if not isinstance(sample, Sample):
                raise PluginError(f"{entry.open!r} of plugin {owner!r} must give Samples")
            coco.add(index, sample)
        coco.finish()
    console(to_error=True).print(f"{count} images in {out}", style="green", highlight=False, markup=False)
    print(out)


@contextmanager
def _whole_folder(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that takes its place when the block ends well, and else is gone.

    Raises
    ------
    UsageError
        If `out` is there and not an empty folder.
    VizstudioError
        If it cannot be written to, or the disk is full.
    """
    target = out.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{out} is there and is no empty folder: choose another")
    built: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        built = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        built.chmod(0o755)
        yield built
        if target.is_dir():
            target.rmdir()  # an empty one is in the way on Windows
        built.rename(target)
    except OSError as error:
        raise VizstudioError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        if built:
            shutil.rmtree(built, ignore_errors=True)
