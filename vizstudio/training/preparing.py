"""What recipes do before they train: a progress bar, images that cannot be read, and changes of colour."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance
from rich.console import Console
from rich.progress import Progress

from vizstudio.core.dataset import Dataset
from vizstudio.core.errors import ImageError, UsageError
from vizstudio.core.images import read_image
from vizstudio.datasets import Datasets
from vizstudio.training.config import ImageTraining

LISTED = 5
Report = Callable[[float, str], None]
"""Told what share is done, and of what."""


def data_folder(config: ImageTraining, datasets: Datasets) -> Path:
    """Return the folder that ``data`` names.

    Parameters
    ----------
    config : ImageTraining
        Whose ``data`` is the folder's path.
    datasets : Datasets
        Those whose name it might have been.

    Raises
    ------
    UsageError
        If there is no such folder.
    """
    folder = Path(config.data)
    if not folder.is_dir():
        known = ", ".join(datasets.ids()) or "none"
        raise UsageError(f"no folder {config.data}, and no data set of that name: known are {known}")
    return folder


def open_splits(config: ImageTraining, side: int, datasets: Datasets) -> tuple[Dataset, Dataset] | None:
    """Open the data set that ``data`` names, of square images.

    Parameters
    ----------
    config : ImageTraining
        How many images an epoch has, and how many there are to evaluate on.
    side : int
        Width and height of an image in pixels.
    datasets : Datasets
        Those there are.

    Returns
    -------
    tuple of Dataset or None
        What to learn from, with ``images`` new ones for every epoch, and what to evaluate on. None if ``data`` is
        a folder, or no data set is called so; see `data_folder`.
    """
    if config.data not in datasets.ids() or Path(config.data).is_dir():
        return None
    train = datasets.open(config.data, side, config.images * config.epochs, config.seed, "train")
    return train, datasets.open(config.data, side, config.val_images, config.seed, "val")


@contextmanager
def showing_progress() -> Iterator[Report]:
    """Show a progress bar on a terminal while the block runs; gives a function to report (share, message) to."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Preparing", total=1.0)
        yield lambda share, message: progress.update(task, completed=share, description=message)


def check_images(paths: Sequence[Path], skip: bool, report: Report) -> dict[Path, str]:
    """Read every image once, so that a training does not stop at a broken one.

    Parameters
    ----------
    paths : sequence of Path
    skip : bool
        Whether images that cannot be read are to be left out.
    report : callable
        Told of the progress.

    Returns
    -------
    dict of Path to str
        The images to leave out, and why each cannot be read.

    Raises
    ------
    ImageError
        If there are any and they are not to be left out.
    """
    broken: dict[Path, str] = {}
    with ThreadPoolExecutor() as pool:
        for i, (path, problem) in enumerate(zip(paths, pool.map(_problem, paths), strict=True)):
            report((i + 1) / len(paths), f"checking {len(paths)} images")
            if problem:
                broken[path] = problem
    if broken and not skip:
        some = "; ".join([*broken.values()][:LISTED]) + (
            f" and {len(broken) - LISTED} more" * (len(broken) > LISTED)
        )
        raise ImageError(
            f"{len(broken)} of {len(paths)} images cannot be read ({some}): --skip-unreadable goes without"
        )
    return broken


def _problem(path: Path) -> str:
    """Return why an image cannot be read; empty if it can."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (64, 64))  # JPEG decodes an eighth of the size, all its data nevertheless
            image.load()
        return ""
    except Exception:  # Pillow's decoders raise anything
        try:
            read_image(path)
            return ""
        except ImageError as error:
            return str(error)


def jittered(image: Image.Image, amount: float, rng: np.random.Generator) -> Image.Image:
    """Return an image with brightness, contrast and saturation changed by a share of at most `amount` each.

    Parameters
    ----------
    image : Image
    amount : float
        From 0 to below 1.
    rng : numpy.random.Generator
        What the changes are drawn from.
    """
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(1 + rng.uniform(-amount, amount))
    return image
