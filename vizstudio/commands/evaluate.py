"""``vizstudio-train evaluate``: a model against a data set whose answers and masks are known."""

import hashlib
import json as json_format
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import PIL
from cyclopts import Parameter

from vizstudio import __version__
from vizstudio.batch import require_folder
from vizstudio.commands.batch import load_with_progress
from vizstudio.commands.evaluate_table import print_report, subject
from vizstudio.commands.options import MODEL, OUTPUT
from vizstudio.commands.output import console, counting, print_json
from vizstudio.commands.program import Host
from vizstudio.core.context import RunContext
from vizstudio.core.dataset import Dataset, Sample
from vizstudio.core.errors import UsageError
from vizstudio.core.files import write_atomic
from vizstudio.core.images import read_image
from vizstudio.core.pointing_figure import pointing_scene
from vizstudio.core.scores import CaptionScores, ClassScores, MainObjectScores, NounScores, Report
from vizstudio.core.types import Analysis
from vizstudio.datasets import Datasets
from vizstudio.models import LoadedModel
from vizstudio.plugins import PluginHost
from vizstudio.registry import blame

_Model, _Output = Parameter(group=MODEL), Parameter(group=OUTPUT)
PICTURES = (".png", ".svg")


@dataclass(frozen=True)
class Asked:
    """What is evaluated on what; stands in the JSON."""

    model: str
    checkpoint: str | None
    pretrained: bool
    data: str
    split: str
    count: int
    size: int
    seed: int


def evaluate(
    model: str,
    /,
    *,
    checkpoint: Annotated[Path | None, _Model] = None,
    pretrained: Annotated[bool, _Model] = False,
    device: Annotated[str, _Model] = "auto",
    data: str = "emoji-scenes",
    split: Literal["train", "val"] = "val",
    count: int = 1000,
    size: int | None = None,
    seed: int = 0,
    json: Annotated[bool, _Output] = False,
    out: Annotated[Path | None, _Output] = None,
    picture: Annotated[Path | None, _Output] = None,
    host: Host,
) -> None:
    """Measure a model's classes or captions, and whether it looks at what it names.

    Where it looks is held against the mask of the object: whether the strongest
    cell lies on it (the pointing game), and which share of the map does.

    Parameters
    ----------
    model
        Such as vit:vit_base_patch16_384 or catr:own; `vizstudio models` lists them.
    checkpoint
        A local file of weights (.safetensors or .pth). Without it or --pretrained the model is untrained.
    pretrained
        Fetch the published weights, once.
    device
        auto, cpu, cuda, cuda:N or mps.
    data
        The data set; `vizstudio-train list` lists them.
    split
        The part of the data set.
    count
        How many images.
    size
        Width and height of the images in pixels; by default those of the model's input.
    seed
        Of the images.
    json
        Print JSON instead of tables.
    out
        A file to write the JSON to.
    picture
        A file (.png or .svg) to draw pointing accuracy by layer in.
    """
    host.datasets.get(data)
    _check(count, out, picture)
    loaded = load_with_progress(
        model,
        checkpoint=checkpoint,
        pretrained=pretrained,
        device=device,
        precision="float32",  # the numbers do not depend on how much memory there is
        host=host,
    )
    asked = Asked(
        model=model,
        checkpoint=checkpoint.name if checkpoint else None,
        pretrained=pretrained,
        data=data,
        split=split,
        count=count,
        size=size if size is not None else _own_size(loaded),
        seed=seed,
    )
    start = time.perf_counter()
    report = measure(loaded, asked, host)
    _write(report, json, out, picture)
    told = f"{count} images in {time.perf_counter() - start:.0f} s on {loaded.info.device}"
    console(to_error=True).print(told, highlight=False, style="green")


def _check(count: int, out: Path | None, picture: Path | None) -> None:
    """Raise `UsageError` for what would fail at the end of a long run."""
    if count < 1:
        raise UsageError(f"--count {count} is no number of images: give 1 or more")
    if picture is not None and picture.suffix.lower() not in PICTURES:
        raise UsageError(f"--picture {picture} must end in {' or '.join(PICTURES)}")
    for path, option in ((out, "--out"), (picture, "--picture")):
        if path is not None:
            if path.is_dir():
                raise UsageError(f"{option} {path} is a folder: name a file in it")
            require_folder(path.parent)


def _own_size(loaded: LoadedModel) -> int:
    """Return the side of the model's input in pixels; raises `UsageError` if it is not square."""
    width, height = loaded.info.input_size
    if width != height:
        raise UsageError(f"the input of {loaded.info.model_id} has {width}×{height} pixels: give --size")
    return width


class _Scores:
    """All that is collected of one model; what it does not do stays empty."""

    def __init__(self, class_names: tuple[str, ...]) -> None:
        self._classes, self._main = ClassScores(class_names), MainObjectScores()
        self._captions, self._nouns = CaptionScores(), NounScores(class_names)
        self._classifies = self._writes = False
        self._notes: list[str] = []
        self._provenance: dict[str, str] = {}

    def add(self, image: int, sample: Sample, analysis: Analysis) -> None:
        """Add what the model made of an image.

        Raises
        ------
        UsageError
            If it neither names classes nor writes captions.
        """
        if not analysis.predictions and analysis.caption is None:
            raise UsageError(
                f"{analysis.model_id} neither names classes nor writes captions, so there is nothing to evaluate: "
                "choose a model with a classifier, or a captioner"
            )
        if analysis.predictions:
            self._classifies = True
            self._classes.add(image, sample, analysis.predictions)
            self._main.add(image, sample, analysis.attention)
        if analysis.caption is not None:
            self._writes = True
            self._captions.add(image, sample, analysis.caption)
            self._nouns.add(image, sample, analysis.caption)
        self._notes += [note for note in analysis.notes if note not in self._notes]
        self._provenance = {k: v for k, v in analysis.provenance.items() if not k.startswith("image")}

    def report(self) -> Report:
        """Return all scores and notes, null for what the model does not do."""
        return {
            "provenance": self._provenance,
            "notes": [*self._notes, *self._classes.notes, *self._main.notes],
            "classes": self._classes.report() if self._classifies else None,
            "main_object": self._main.report() if self._classifies else None,
            "captions": self._about_captions() if self._writes else None,
            "nouns": self._nouns.report() if self._writes else None,
        }

    def _about_captions(self) -> Report:
        from torchmetrics.functional.text import word_error_rate  # needs torch, which the help does not

        rate = word_error_rate(self._captions.written, self._captions.wanted)
        return self._captions.report() | {"word_error_rate": round(float(rate), 6)}


def measure(loaded: LoadedModel, asked: Asked, host: PluginHost) -> Report:
    """Run a model over a data set, with a progress bar on a terminal.

    Raises
    ------
    UsageError
        If the data set has no masks, or cannot be made so; if the model does nothing that can be evaluated.
    """
    samples = Datasets(host.datasets).open(asked.data, asked.size, asked.count, asked.seed, asked.split)
    scores, digest, context = _Scores(samples.class_names), hashlib.sha256(), RunContext(loaded.info.device)
    with counting() as progress:
        task = progress.add_task(f"Evaluating {asked.model}", total=asked.count)
        for index in range(asked.count):
            sample = _sample(samples, index, asked.data, host)
            for part in (sample.image, np.packbits(sample.masks), np.array(sample.classes)):
                digest.update(np.ascontiguousarray(part).tobytes())
            digest.update(sample.caption.encode())
            image = read_image(sample.image)
            if loaded.can_caption:
                analysis = loaded.caption(image, alternatives=1, context=context)
            else:
                analysis = loaded.analyze(image, context)
            scores.add(index, sample, analysis)
            progress.advance(task)
    info = loaded.info
    weights = {"source": info.weights, "sha256": info.weights_hash, "parameters": info.num_parameters}
    about = {"options": asdict(asked) | {"device": info.device}, "weights": weights}
    return about | {"data_sha256": digest.hexdigest(), "versions": _versions()} | scores.report()


def _sample(samples: Dataset, index: int, data: str, host: PluginHost) -> Sample:
    """Return a sample; raises `UsageError` if it is none with masks."""
    with blame(host.datasets.owner(data), f"making sample {index} of {data!r}"):
        sample = samples[index]
    if not isinstance(sample, Sample):
        raise UsageError(
            f"the data set {data} has no masks of objects to measure by: choose another with --data"
        )
    return sample


def _versions() -> dict[str, str]:
    """Return the versions that the numbers may depend on; the model's plugin tells its own."""
    return {
        "vizstudio": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "pillow": PIL.__version__,
    }


def _write(report: Report, json: bool, out: Path | None, picture: Path | None) -> None:
    if json:
        print_json(report)
    else:
        print_report(report)
    if out is not None:
        write_atomic(out, (json_format.dumps(report, indent=2) + "\n").encode())
    if picture is not None:
        _draw(report, picture)


def _draw(report: Report, path: Path) -> None:
    """Draw pointing accuracy by layer; raises `UsageError` where there is none."""
    if not (report["main_object"] or report["nouns"]["count"]):
        raise UsageError(f"{path} is not drawn: the captions name no object, so there is no map to measure")
    scene = pointing_scene(report, subject(report))
    if path.suffix.lower() == ".svg":
        content = scene.to_svg("Pointing game", subject(report)).encode()
    else:
        content = scene.to_png()
    write_atomic(path, content)
