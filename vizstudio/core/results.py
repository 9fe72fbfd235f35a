"""What every model plugin makes of its logits, its classes and the circumstances of a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vizstudio.core.errors import ModelError
from vizstudio.core.geometry import ImageFit
from vizstudio.core.images import ImageSource
from vizstudio.core.model import ModelInfo
from vizstudio.core.types import Prediction


def ranked(logits: np.ndarray, names: Sequence[str]) -> tuple[Prediction, ...]:
    """Return every class with its softmax probability, the most probable first; ties in the order of the classes.

    Parameters
    ----------
    logits : (classes,) array
        Of a classifier.
    names : sequence of str
        Of its classes.
    """
    exps = np.exp(logits.astype(np.float64) - logits.max())
    probabilities = exps / exps.sum()
    order = np.argsort(-logits, kind="stable")
    return tuple(Prediction(names[i], int(i), float(probabilities[i])) for i in order)


def read_class_names(path: Path, count: int) -> tuple[str, ...]:
    """Read the names of a model's classes.

    Parameters
    ----------
    path : Path
        A text file in UTF-8 with a name per line.
    count : int
        How many classes the model has.

    Raises
    ------
    ModelError
        If the file cannot be read as UTF-8 or names another number of classes.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"class names cannot be read from {path}: {error}") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if len(names) != count:
        raise ModelError(f"{path.name} names {len(names)} classes, but the model has {count}")
    return names


def provenance(info: ModelInfo, image: ImageSource, fit: ImageFit, **versions: str) -> dict[str, str]:
    """Return what `Analysis.provenance` has to hold to run it again.

    Parameters
    ----------
    info : ModelInfo
        Of the model.
    image : ImageSource
        What it saw.
    fit : ImageFit
        How that became its input.
    versions : str
        Of the libraries that took part, by their names.
    """
    return {
        "model": info.model_id,
        "weights": info.weights,
        "weights_hash": info.weights_hash,
        "image": image.name,
        "image_sha256": image.sha256,
        "fit": fit.mode,
        "input_size": "×".join(map(str, fit.input_size)),
        "device": info.device,
        "precision": info.precision,
        **versions,
    }
