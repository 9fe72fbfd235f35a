"""The real download path against a local server that answers as the Hugging Face hub does."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import constants
from safetensors.torch import save
from torch import nn

from vizstudio.api import Cancelled, ModelRequest, OfflineError, RunContext
from vizstudio_vit.hub import fetch
from vizstudio_vit.model import load

NAME = "test_vit.r160_in1k"
REPOSITORY = f"timm/{NAME}"
TEMPLATE = "/{repo_id}/resolve/{revision}/{filename}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """A server's files by path, what it was asked, and how it misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    send_only: int | None = None
    replaced: bytes | None = None
    status: int = 200
    address: str = ""

    def publish(self, content: bytes, name: str = "model.safetensors") -> None:
        self.files[f"/{REPOSITORY}/resolve/main/{name}"] = content

    @property
    def downloads(self) -> list[str]:
        return [r for r in self.requests if r.startswith("GET")]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self, with_body: bool) -> None:
            hub.requests.append(f"{self.command} {self.path}")
            content = hub.files.get(self.path)
            self.send_response(404 if content is None and hub.status == 200 else hub.status)
            self.send_header("X-Repo-Commit", COMMIT)
            if content is None:
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if with_body and hub.status == 200:
                self.wfile.write((hub.replaced or content)[: hub.send_only])

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub of its own with an empty cache; huggingface_hub reads both settings as it is imported."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)  # between its retries
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()
    huggingface_hub.close_session()


@pytest.fixture
def weights(make_timm: Callable[..., nn.Module]) -> bytes:
    return save(make_timm("test_vit").state_dict())


def _load(context: RunContext | None = None) -> Any:
    return load(NAME, ModelRequest(pretrained=True), context or RunContext())


def _left(cache: Path) -> list[Path]:
    """Return the files of weights in a cache, whole or in part."""
    return [
        path for kind in ("blobs", "snapshots") for path in cache.glob(f"*/{kind}/**/*") if not path.is_dir()
    ]


def test_weights_are_downloaded_with_progress(
    hub: Hub, weights: bytes, make_timm: Callable[..., nn.Module]
) -> None:
    hub.publish(weights)
    told: list[tuple[float, str]] = []
    model = _load(RunContext(report=lambda fraction, message: told.append((fraction, message))))
    expected = make_timm("test_vit").state_dict()
    for key, value in model._model.state_dict().items():
        np.testing.assert_array_equal(value, expected[key])
    fractions = [fraction for fraction, message in told if message.startswith("downloading")]
    assert fractions and fractions == sorted(fractions) and fractions[-1] == 1.0
    assert model.info.weights == "pretrained"
    assert model.info.weights_hash == hashlib.sha256(weights).hexdigest()
    assert f"published weights {REPOSITORY} from the Hugging Face hub" in model._built.notes
    assert model._built.class_names[281].startswith("tabby")


def test_progress_rises_over_many_chunks(hub: Hub, weights: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    hub.publish(weights)
    told: list[float] = []
    fetch(NAME, REPOSITORY, None, RunContext(report=lambda fraction, _: told.append(fraction)))
    assert len(told) == -(-len(weights) // 100_000)
    np.testing.assert_allclose(np.diff(told)[:-1], 100_000 / len(weights), rtol=1e-6)


def test_the_second_load_asks_nobody(hub: Hub, weights: bytes) -> None:
    hub.publish(weights)
    first = _load()
    asked = list(hub.requests)
    second = _load()
    assert hub.requests == asked
    assert second.info.weights_hash == first.info.weights_hash


def test_the_cache_serves_when_offline(hub: Hub, weights: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.publish(weights)
    _load()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert _load().info.weights == "pretrained"


def test_a_pickle_is_taken_where_there_is_no_safetensors(hub: Hub, save: Any, make_timm: Any) -> None:
    hub.publish(save(make_timm("test_vit").state_dict()).read_bytes(), "pytorch_model.bin")
    assert _load().info.weights == "pretrained"
    assert hub.requests[0].endswith("/model.safetensors")


def test_cancel_in_the_middle(
    hub: Hub, weights: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 100_000)
    hub.publish(weights)
    context = RunContext(report=lambda fraction, message: _cancel_at(0.3, fraction, message, context))
    with pytest.raises(Cancelled):
        _load(context)
    assert len(hub.downloads) == 1
    assert _left(tmp_path / "cache") == []
    assert _load().info.weights == "pretrained"  # a later load starts again and comes to its end


def _cancel_at(limit: float, fraction: float, message: str, context: RunContext) -> None:
    assert fraction < limit + 0.2, "it went on after it was cancelled"
    if message.startswith("downloading") and fraction >= limit:
        context.cancel_event.set()


def test_cancelled_before_it_starts(hub: Hub, weights: bytes) -> None:
    hub.publish(weights)
    context = RunContext()
    context.cancel_event.set()
    with pytest.raises(Cancelled):
        _load(context)
    assert hub.requests == []


def test_the_hubs_settings_are_as_before(hub: Hub, weights: bytes) -> None:
    before = constants.HF_HUB_DISABLE_XET
    hub.publish(weights)
    _load()
    assert before == constants.HF_HUB_DISABLE_XET


def _refusal() -> str:
    with pytest.raises(OfflineError) as caught:
        _load()
    told = str(caught.value)
    assert "\n" not in told and NAME in told
    return told


def test_offline(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    told = _refusal()
    assert "the hub cannot be reached and nothing is cached" in told
    assert "connect to the network once, or give a local file with --checkpoint" in told
    assert hub.requests == []


def test_nobody_answers(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = "http://127.0.0.1:9"  # the discard port, where nothing listens
    monkeypatch.setattr(constants, "ENDPOINT", gone)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", gone + "/{repo_id}/resolve/{revision}/{filename}"
    )
    assert "the hub cannot be reached and nothing is cached" in _refusal()


def test_the_hub_is_down(hub: Hub, weights: bytes) -> None:
    hub.publish(weights)
    hub.status = 503
    assert "the hub cannot be reached and nothing is cached" in _refusal()


def test_no_such_file(hub: Hub) -> None:
    assert "the hub has no such file" in _refusal()
    assert {r.rpartition("/")[2] for r in hub.requests} == {"model.safetensors", "pytorch_model.bin"}


def test_a_download_that_breaks_off(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    hub.publish(weights)
    hub.send_only = len(weights) // 2
    assert "could not be fetched" in _refusal()
    assert _left(tmp_path / "cache") == []


def test_other_bytes_of_the_same_length(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    """The file is named by its hash; what does not have it is deleted, and the next load fetches it anew."""
    hub.publish(weights)
    hub.replaced = weights[:-1] + bytes([weights[-1] ^ 1])
    assert "are damaged and were deleted: load the model again" in _refusal()
    assert _left(tmp_path / "cache") == []
    hub.replaced = None
    assert _load().info.weights == "pretrained"


def test_a_cache_that_rotted(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    hub.publish(weights)
    _load()
    blob = next(p for p in (tmp_path / "cache").rglob("*") if p.is_file() and len(p.name) == 64)
    blob.write_bytes(weights[:1000])
    assert "are damaged and were deleted" in _refusal()
    assert _load().info.weights == "pretrained"


def test_a_model_without_published_weights(hub: Hub) -> None:
    from vizstudio.api import ModelError

    with pytest.raises(
        ModelError, match="no published weights are known on the hub for mobilenetv5_base: give a file"
    ):
        load("mobilenetv5_base", ModelRequest(pretrained=True), RunContext())
    assert hub.requests == []


def test_weights_that_are_published_elsewhere_are_named(hub: Hub) -> None:
    from vizstudio.api import ModelError

    with pytest.raises(
        ModelError, match=r"on the hub for gcvit_xxtiny: download https://github\.com/\S+\.pth"
    ):
        load("gcvit_xxtiny", ModelRequest(pretrained=True), RunContext())
    assert hub.requests == []


def test_a_tag_that_does_not_exist_names_those_that_do() -> None:
    from vizstudio.api import ModelError

    with pytest.raises(ModelError, match="has no weights tagged 'nope': known are r160_in1k"):
        load("test_vit.nope", ModelRequest(pretrained=True), RunContext())


def test_a_pickle_with_code_from_the_hub_is_refused(hub: Hub, tmp_path: Path, save: Any) -> None:
    from vizstudio.api import CheckpointError

    class Attack:
        def __reduce__(self) -> Any:
            return exec, (f"open({str(tmp_path / 'trap')!r}, 'w').close()",)

    hub.publish(save({"model": Attack()}).read_bytes(), "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="wants to call exec"):
        _load()
    assert not (tmp_path / "trap").exists()


def test_the_cache_is_that_of_other_programs(hub: Hub, weights: bytes, tmp_path: Path) -> None:
    """What was downloaded lies where huggingface_hub keeps it."""
    hub.publish(weights)
    path = fetch(NAME, REPOSITORY, None, RunContext())
    assert path.parent.name == COMMIT and path.name == "model.safetensors"
    assert path.is_relative_to(tmp_path / "cache" / f"models--{REPOSITORY.replace('/', '--')}")
    assert path.read_bytes() == weights
