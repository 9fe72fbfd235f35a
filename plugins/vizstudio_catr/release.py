"""Fetches the authors' published weights, with progress and cancel, and says so when it cannot."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
from huggingface_hub import get_session

from vizstudio.api import ModelError, OfflineError, RunContext, first_line, sha256_of, write_atomic

SITE = "https://github.com/saahiluppal/catr/releases/download"
FILES = {
    "v1": "0.1/weights_9348032.pth",
    "v2": "0.2/weight389123791.pth",
    "v3": "0.2/weight493084032.pth",
}
CHUNK = 1 << 20
CONNECT_SECONDS, SILENCE_SECONDS = 10.0, 60.0


def cache_folder() -> Path:
    """Return where fetched weights are kept, below the folder ``VIZSTUDIO_CACHE_DIR`` if that is set."""
    folder = os.environ.get("VIZSTUDIO_CACHE_DIR") or platformdirs.user_cache_dir("vizstudio", False)
    return Path(folder) / "catr"


def fetch(name: str, context: RunContext) -> tuple[Path, str]:
    """Return the local file of a published model, downloading it unless it is there, and a note on its hash.

    The authors publish no digests, so the one of the first download is recorded beside the file, and the file
    has to have it ever after.

    Raises
    ------
    ModelError
        If there is no such published model.
    OfflineError
        If the file is not there and cannot be fetched, or is not the one that was fetched at first.
    Cancelled
        If the user cancels; nothing partial is left.
    """
    if name not in FILES:
        raise ModelError(
            f"catr:{name} has no published weights: choose {_choices()}, or give --checkpoint FILE"
        )
    path = cache_folder() / Path(FILES[name]).name
    record = path.with_name(path.name + ".sha256")
    if path.is_file() and record.is_file():
        digest = sha256_of(path)
        if digest != record.read_text(encoding="utf-8").split()[0]:
            path.unlink()
            raise OfflineError(
                f"the stored weights of catr:{name} are damaged and were deleted: load the model again to fetch "
                "them anew"
            )
        return (
            path,
            f"published weights {FILES[name]}, unchanged since they were fetched (SHA-256 {digest[:12]}…)",
        )
    digest = _download(f"{SITE}/{FILES[name]}", path, name, context)
    if record.is_file() and record.read_text(encoding="utf-8").split()[0] != digest:
        path.unlink()
        raise OfflineError(
            f"the weights of catr:{name} differ from those fetched before (SHA-256 {digest}): if the authors "
            f"replaced them, delete {record}"
        )
    write_atomic(record, f"{digest}  {path.name}\n".encode())
    return (
        path,
        f"published weights {FILES[name]}; no digest is published, SHA-256 {digest[:12]}… was recorded",
    )


def _choices() -> str:
    return ", ".join(f"catr:{name}" for name in FILES)


def _download(url: str, path: Path, name: str, context: RunContext) -> str:
    """Write what `url` gives to `path`, whole or not at all; return its SHA-256."""
    context.check()
    digest = hashlib.sha256()
    try:
        with _written_whole(path) as file, _answer(url) as answer:
            whole = int(answer.headers.get("content-length") or 0)
            for chunk in answer.iter_bytes(CHUNK):
                context.check()
                file.write(chunk)
                digest.update(chunk)
                _report(file.tell(), whole, context)
            if whole and file.tell() != whole:
                raise ConnectionError("the download broke off")
    except Exception as error:  # whatever the HTTP client or the disk raises: there are no weights then
        raise OfflineError(
            f"the weights of catr:{name} could not be fetched from {url} ({_reason(error)}): connect to the network "
            "once, or give a local file with --checkpoint"
        ) from error
    return digest.hexdigest()


@contextmanager
def _answer(url: str) -> Iterator[Any]:
    """Ask with the client of the Hugging Face hub's downloads: the user's proxies and certificates hold."""
    timeout = (CONNECT_SECONDS, SILENCE_SECONDS, SILENCE_SECONDS, CONNECT_SECONDS)
    with get_session().stream("GET", url, follow_redirects=True, timeout=timeout) as answer:
        answer.raise_for_status()
        yield answer


@contextmanager
def _written_whole(path: Path) -> Iterator[Any]:
    """Open a file that takes its place at the end, or is gone if anything is raised, be it a cancel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            yield file
        except BaseException:
            file.close()
            temporary.unlink()
            raise
    temporary.replace(path)


def _report(done: int, whole: int, context: RunContext) -> None:
    if whole:
        context.report(min(done / whole, 1.0), f"downloading: {done / 1e6:.0f} of {whole / 1e6:.0f} MB")


def _reason(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return "there is no such file" if status == 404 else f"the server answered {status}"
    if type(error).__name__ in ("ConnectError", "ConnectTimeout"):
        return "the server cannot be reached"
    if "offline mode" in str(error):
        return "offline mode is on"
    return first_line(error)
