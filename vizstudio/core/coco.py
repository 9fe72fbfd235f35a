"""Data sets in the form of COCO: a folder of images, captions and instances as JSON."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vizstudio.core.dataset import Sample


def encode_mask(mask: NDArray[np.bool_]) -> list[int]:
    """Return the run lengths of a mask: pixels down each column, columns from the left, the first run unset.

    Parameters
    ----------
    mask : ndarray (height, width) bool

    Returns
    -------
    list of int
        Lengths of the runs of pixels that are unset and set in turn; the first may be 0. COCO's uncompressed
        form (``counts`` in cocoapi's ``mask.py``).
    """
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = [0, *changes.tolist(), flat.size]
    runs = [end - start for start, end in pairwise(edges)]
    return [0, *runs] if flat[0] else runs


@dataclass
class CocoFolder:
    """A folder that samples are written to one by one; `finish` writes the annotations.

    Parameters
    ----------
    folder : Path
        Is there and empty.
    split : str
        Such as ``"train"``: the folder of images, and part of the files' names.
    class_names : sequence of str
        Category ``i + 1`` is class ``i``.
    info : dict
        On the data set; copied into both files.
    """

    folder: Path
    split: str
    class_names: Sequence[str]
    info: dict[str, object]
    _images: list[str] = field(default_factory=list)
    _captions: list[str] = field(default_factory=list)
    _instances: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.folder / self.split).mkdir()

    def add(self, index: int, sample: Sample) -> None:
        """Write the image of a sample, and keep what is to be said of it."""
        height, width = sample.image.shape[:2]
        name = f"{index:012d}.png"
        buffer = io.BytesIO()
        Image.fromarray(sample.image).save(buffer, "PNG")
        (self.folder / self.split / name).write_bytes(buffer.getvalue())
        self._images.append(json.dumps({"id": index, "file_name": name, "width": width, "height": height}))
        caption = {"id": len(self._captions) + 1, "image_id": index, "caption": sample.caption}
        self._captions.append(json.dumps(caption))
        for mask, box, kind in zip(sample.masks, sample.boxes, sample.classes, strict=True):
            instance = {
                "id": len(self._instances) + 1,  # not from 0, which COCO's evaluation takes for no match
                "image_id": index,
                "category_id": kind + 1,
                "bbox": box.tolist(),
                "area": int(mask.sum()),
                "iscrowd": 0,
                "segmentation": {"size": [height, width], "counts": encode_mask(mask)},
            }
            self._instances.append(json.dumps(instance))

    def finish(self) -> None:
        """Write the captions and the instances."""
        folder = self.folder / "annotations"
        folder.mkdir()
        head = {"info": json.dumps(self.info), "images": _lines(self._images)}
        categories = [json.dumps({"id": i, "name": name}) for i, name in enumerate(self.class_names, 1)]
        captions = head | {"annotations": _lines(self._captions)}
        instances = head | {"annotations": _lines(self._instances), "categories": _lines(categories)}
        for kind, parts in (("captions", captions), ("instances", instances)):
            text = ",\n".join(f'"{key}": {value}' for key, value in parts.items())
            (folder / f"{kind}_{self.split}.json").write_text(
                f"{{\n{text}\n}}\n", encoding="utf-8", newline="\n"
            )


def _lines(items: Sequence[str]) -> str:
    """Return a JSON list with a line per item."""
    return "[\n" + ",\n".join(items) + "\n]"
