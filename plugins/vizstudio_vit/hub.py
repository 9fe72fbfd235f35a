"""Fetches published weights from the Hugging Face hub, with progress and cancel, and says so when it cannot."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vizstudio.api import OfflineError, RunContext

FILES = ("model.safetensors", "pytorch_model.bin")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fetch(model_name: str, repository: str, file_name: str | None, context: RunContext) -> Path:
    """Return the local path of a model's published weights, downloading them unless they are cached.

    Parameters
    ----------
    model_name : str
        For messages.
    repository : str
        Such as ``"timm/vit_tiny_patch16_224.augreg_in21k"``, with ``@REVISION`` where it is not the newest.
    file_name : str or None
        None for the names that timm publishes under.
    context : RunContext
        Told of the progress, and asked at every chunk whether to go on.

    Raises
    ------
    OfflineError
        If they are not cached and the hub cannot be reached, does not have them, or sends something else.
    Cancelled
        If the user cancels; nothing partial is left in the cache.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    repository, _, revision = repository.partition("@")
    problem: Exception | None = None
    for name in (file_name,) if file_name else FILES:
        cached = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(cached, str):
            return _checked(Path(cached), model_name)
        context.check()
        try:
            with _stoppable():
                path = hf_hub_download(
                    repository, name, revision=revision or None, tqdm_class=_progress_class(context)
                )
            return _checked(Path(path), model_name)
        except EntryNotFoundError as error:
            problem = error
            if isinstance(error, LocalEntryNotFoundError):
                break  # not cached, and the hub did not answer: it would not for another name
        except OfflineError:
            raise
        except Exception as error:  # whatever the HTTP client raises: there are no weights then
            problem = error
            break
    raise OfflineError(
        f"the weights of {model_name} could not be fetched from {repository} ({_reason(problem)}): connect to the "
        "network once, or give a local file with --checkpoint"
    ) from problem


def _reason(error: Exception | None) -> str:
    names = [kind.__name__ for kind in type(error).__mro__]
    status = getattr(getattr(error, "response", None), "status_code", None)
    if "LocalEntryNotFoundError" in names:
        return "the hub cannot be reached and nothing is cached"
    if "GatedRepoError" in names:
        return "their authors give access on request: ask on the hub and log in with `hf auth login`"
    if "RepositoryNotFoundError" in names or status == 404:
        return "the hub has no such file"
    if "Consistency check failed" in str(error):
        return "the download broke off"
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _checked(path: Path, model_name: str) -> Path:
    """Compare a large file with its SHA-256, which the hub's cache names it by, and delete it if it differs."""
    blob = path.resolve()
    if not _SHA256.fullmatch(blob.name):  # a small file, or a system without symbolic links
        return path
    with blob.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != blob.name:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise OfflineError(
            f"the downloaded weights of {model_name} are damaged and were deleted: load the model again to fetch "
            "them anew"
        )
    return path


@contextmanager
def _stoppable() -> Iterator[None]:
    """Download over plain HTTP: the hub's Xet client runs in native threads that cannot be cancelled."""
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_XET
    constants.HF_HUB_DISABLE_XET = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


def _progress_class(context: RunContext) -> type[Any]:
    """Return a tqdm class that reports to `context` instead of the terminal and stops when it is cancelled."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    class Progress(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})
            self.done, self.whole = float(kwargs.get("initial") or 0), float(kwargs.get("total") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            context.check()
            self.done += n or 0
            if self.whole:
                told = f"downloading: {self.done / 1e6:.0f} of {self.whole / 1e6:.0f} MB"
                context.report(min(self.done / self.whole, 1.0), told)
            return None

    return Progress
