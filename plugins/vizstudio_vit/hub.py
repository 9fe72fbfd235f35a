"""Fetches published weights from the Hugging Face hub, with progress and cancel, and says so when it cannot."""

from pathlib import Path
from typing import Any

from vizstudio.api import OfflineError, RunContext

FILES = ("model.safetensors", "pytorch_model.bin")


def fetch(model_name: str, repository: str, file_name: str | None, context: RunContext) -> Path:
    """Return the local path of a model's published weights, downloading them unless they are cached.

    Raises
    ------
    OfflineError
        If they are not cached and the hub cannot be reached or does not have them.
    Cancelled
        If the user cancels; a partial download is continued next time.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    repository, _, revision = repository.partition("@")
    problem: Exception | None = None
    for name in (file_name,) if file_name else FILES:
        cached = try_to_load_from_cache(repository, name, revision=revision or None)
        if isinstance(cached, str):
            return Path(cached)
        try:
            return Path(
                hf_hub_download(
                    repository, name, revision=revision or None, tqdm_class=_progress_class(context)
                )
            )
        except LocalEntryNotFoundError as error:
            problem = error
            break
        except (EntryNotFoundError, HfHubHTTPError, OSError) as error:
            problem = error
    raise OfflineError(
        f"the weights of {model_name} could not be fetched from {repository} ({_reason(problem)}): connect to the "
        "network once, or give a local file with --checkpoint"
    ) from problem


def _reason(error: Exception | None) -> str:
    if type(error).__name__ == "LocalEntryNotFoundError":
        return "the hub cannot be reached and nothing is cached"
    return (str(error).splitlines() or [type(error).__name__])[0]


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
                context.report(min(self.done / self.whole, 1.0), f"downloading {self.done / 1e6:.0f} MB")
            return None

    return Progress
