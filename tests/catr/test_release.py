"""The real download path against a local server that answers as the site of the releases does."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants

from vizstudio.api import Cancelled, ModelRequest, OfflineError, RunContext
from vizstudio_catr import checkpoint, release
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.model import Catr, load
from vizstudio_catr.network import CaptionNetwork

NEWEST = "/0.2/weight493084032.pth"


@dataclass
class Site:
    """A server's files by path, what it was asked, and how it misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    send_only: int | None = None
    status: int = 200


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append(self.path)
            if self.path in site.files and not self.path.startswith("/storage"):  # as GitHub does
                self.send_response(302)
                self.send_header("Location", "/storage" + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = site.files.get(self.path.removeprefix("/storage"))
            self.send_response(site.status if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if content is not None and site.status == 200:
                self.wfile.write(content[: site.send_only])

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A site of its own and an empty cache."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(release, "SITE", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(release, "CHUNK", 20_000)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("VIZSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
    huggingface_hub.close_session()


@pytest.fixture
def weights(
    small: CatrConfig,
    make_network: Callable[..., CaptionNetwork],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> bytes:
    """What a release holds; a small network passes for the published one."""
    config = replace(small, vocab_size=30522)
    monkeypatch.setattr(checkpoint, "CatrConfig", type("Config", (), {"__new__": lambda cls: config}))
    path = tmp_path / "release.pth"
    torch.save({"model": make_network(config).state_dict(), "epoch": 29}, path)
    return path.read_bytes()


def _load(context: RunContext | None = None, name: str = "v3") -> Catr:
    return load(name, ModelRequest(pretrained=True), context or RunContext())


def _left(tmp_path: Path) -> set[str]:
    return {p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()}


def test_the_addresses() -> None:
    site = "https://github.com/saahiluppal/catr/releases/download"
    assert {f"{release.SITE}/{file}" for file in release.FILES.values()} == {
        f"{site}/0.1/weights_9348032.pth",
        f"{site}/0.2/weight389123791.pth",
        f"{site}/0.2/weight493084032.pth",
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [("v1", "/0.1/weights_9348032.pth"), ("v2", "/0.2/weight389123791.pth"), ("v3", NEWEST)],
)
def test_each_release_is_fetched_once(
    name: str, path: str, site: Site, weights: bytes, tmp_path: Path
) -> None:
    site.files[path] = weights
    model = _load(name=name)
    digest = hashlib.sha256(weights).hexdigest()
    assert site.requests == [path, "/storage" + path]
    assert model.info.weights == "pretrained" and model.info.weights_hash == digest
    file = path.rpartition("/")[2]
    assert _left(tmp_path) == {file, f"{file}.sha256"}
    assert any("no digest is published" in note and digest[:12] in note for note in model._notes)
    again = _load(name=name)
    assert len(site.requests) == 2
    assert again.info.weights_hash == digest
    assert any("unchanged since they were fetched" in note for note in again._notes)


def test_the_digest_is_recorded_as_sha256sum_writes_it(site: Site, weights: bytes, tmp_path: Path) -> None:
    site.files[NEWEST] = weights
    _load()
    record = next((tmp_path / "cache").rglob("*.sha256")).read_text(encoding="utf-8")
    assert record == f"{hashlib.sha256(weights).hexdigest()}  weight493084032.pth\n"


def test_progress(site: Site, weights: bytes) -> None:
    site.files[NEWEST] = weights
    told: list[float] = []
    release.fetch("v3", RunContext(report=lambda share, message: told.append(share)))
    assert told == sorted(told) and len(told) >= len(weights) // 20_000 and told[-1] == 1.0


def test_cancel_in_the_middle(site: Site, weights: bytes, tmp_path: Path) -> None:
    site.files[NEWEST] = weights
    shares: list[float] = []

    def stop(share: float, message: str) -> None:
        if message.startswith("downloading"):
            shares.append(share)
            if share > 0.3:
                context.cancel_event.set()

    context = RunContext(report=stop)
    with pytest.raises(Cancelled):
        _load(context)
    assert shares[-1] < 0.9
    assert _left(tmp_path) == set()
    assert _load().info.weights == "pretrained"  # a later load comes to its end


def test_cancelled_before_it_starts(site: Site, weights: bytes) -> None:
    site.files[NEWEST] = weights
    context = RunContext()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        _load(context)
    assert site.requests == []


def _refusal() -> str:
    with pytest.raises(OfflineError) as caught:
        _load()
    told = str(caught.value)
    assert "\n" not in told and "catr:v3" in told
    return told


def test_a_file_that_rotted_is_noticed_and_fetched_anew(site: Site, weights: bytes, tmp_path: Path) -> None:
    site.files[NEWEST] = weights
    _load()
    path = tmp_path / "cache" / "catr" / "weight493084032.pth"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "are damaged and were deleted: load the model again" in _refusal()
    assert _load().info.weights == "pretrained"


def test_a_release_that_was_replaced_is_refused(site: Site, weights: bytes, tmp_path: Path) -> None:
    site.files[NEWEST] = weights
    _load()
    (tmp_path / "cache" / "catr" / "weight493084032.pth").unlink()
    site.files[NEWEST] = weights + b" "
    told = _refusal()
    assert "differ from those fetched before" in told and "delete " in told
    assert _left(tmp_path) == {"weight493084032.pth.sha256"}


def test_a_copy_without_a_record_is_fetched_anew(site: Site, weights: bytes, tmp_path: Path) -> None:
    site.files[NEWEST] = weights
    folder = tmp_path / "cache" / "catr"
    folder.mkdir(parents=True)
    (folder / "weight493084032.pth").write_bytes(b"something else")
    assert _load().info.weights == "pretrained"


def test_a_download_that_breaks_off(site: Site, weights: bytes, tmp_path: Path) -> None:
    site.files[NEWEST] = weights
    site.send_only = len(weights) // 2
    assert "could not be fetched" in _refusal()
    assert _left(tmp_path) == set()


@pytest.mark.parametrize(("status", "told"), [(503, "the server answered 503"), (404, "no such file")])
def test_the_site_refuses(status: int, told: str, site: Site, weights: bytes, tmp_path: Path) -> None:
    if status != 404:
        site.files[NEWEST] = weights
    site.status = status
    assert told in _refusal()
    assert _left(tmp_path) == set()


def test_nobody_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release, "SITE", "http://127.0.0.1:9")  # the discard port, where nothing listens
    told = _refusal()
    assert "the server cannot be reached" in told
    assert "connect to the network once, or give a local file with --checkpoint" in told


def test_offline_mode(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "offline mode is on" in _refusal()
    assert site.requests == []


def test_what_was_fetched_serves_offline(site: Site, weights: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    site.files[NEWEST] = weights
    _load()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert _load().info.weights == "pretrained"
