"""A loaded model as a whole: what an analysis holds, what is asked of it, cancel and progress."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from vizstudio import load_model
from vizstudio.api import Cancelled, CaptionRequest, ImageSource, RunContext, UsageError, read_image
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.model import Catr

Ask = Callable[..., Any]


def test_an_analysis(model: Catr, photo: ImageSource) -> None:
    analysis = model.analyze(photo, RunContext())
    assert analysis.model_id == "catr:own"
    assert analysis.grid.shape == (4, 6)  # 96 × 64 pixels in cells of 16
    assert [layer.name for layer in analysis.attention.layers] == [
        f"transformer.encoder.layers.{i}.self_attn" for i in range(2)
    ]
    assert analysis.token_norms is not None and analysis.token_norms.shape == (2, 24)
    assert analysis.provenance["image_sha256"] == photo.sha256
    assert analysis.provenance["weights"] == "checkpoint"
    assert set(analysis.timings) == {"preprocess", "forward"}
    assert analysis.caption is None and analysis.continued is not None  # nobody asked for a caption
    assert analysis.predictions == () and analysis.logits is None


def test_encoder_attention_is_that_of_a_plain_computation(model: Catr, photo: ImageSource) -> None:
    import torch

    from vizstudio_catr.preprocess import prepare

    analysis, network = model.analyze(photo, RunContext()), model._network
    seen: list[Any] = []
    module = network.transformer.encoder.layers[1].self_attn
    handle = module.register_forward_pre_hook(lambda m, args: seen.append(args))
    with torch.no_grad():
        network(prepare(photo, 96).pixels)
        query, (keys, _) = seen[0][:2]
        queries = (query @ module.in_proj_weight[:32].T + module.in_proj_bias[:32]).view(1, 24, 4, 8)
        expected = (queries.transpose(1, 2) @ keys.mT / 8**0.5).softmax(-1)[0]
    handle.remove()
    np.testing.assert_allclose(analysis.attention.weights(1), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("width", "height"), [(90, 60), (60, 90), (97, 31), (33, 100), (64, 64), (200, 3), (1, 1)]
)
def test_every_shape_of_photo_has_its_true_grid(width: int, height: int, model: Catr, ask: Ask) -> None:
    photo = read_image(np.random.default_rng(2).integers(0, 256, (height, width, 3), np.uint8))
    analysis = ask(model, photo, max_tokens=2)
    seen = [max(1, int(s * 96 / max(width, height))) for s in (width, height)]
    assert analysis.grid.shape == (-(-seen[1] // 16), -(-seen[0] // 16))
    heatmap = analysis.steps[1].heatmap()
    assert heatmap.grid == analysis.grid
    assert heatmap.values.sum() == pytest.approx(1, abs=1e-5)
    # The last cells may reach beyond the photo, the first begin at its corner.
    left, top, across, down = analysis.grid.rect
    assert (left, top) == (0, 0) and across >= width - 1e-6 and down >= height - 1e-6


def test_position_embedding_is_the_sine_of_the_grid(model: Catr, photo: ImageSource) -> None:
    similarity = model.analyze(photo, RunContext()).position().similarity()
    assert similarity.shape == (4, 6, 4, 6)
    flat = similarity.reshape(24, 24)
    assert (flat.argmax(1) == np.arange(24)).all()


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
def test_other_fits(fit: Any, make_model: Callable[..., Catr], photo: ImageSource, ask: Ask) -> None:
    analysis = ask(make_model(fit=fit), photo, max_tokens=3)
    assert analysis.grid.shape == (6, 6)
    weights = analysis.steps[2].cross.weights(1)[:, 0].reshape(4, 6, 6)
    np.testing.assert_allclose(weights.sum((1, 2)), 1, atol=1e-5)
    assert (weights[:, 4:] == 0).all() == (fit == "pad")
    encoder = analysis.attention.weights(0).reshape(4, 36, 6, 6)
    assert (encoder[..., 4:, :] == 0).all() == (fit == "pad")


def test_another_input_size(make_model: Callable[..., Catr], photo: ImageSource, ask: Ask) -> None:
    assert ask(make_model(input_size=(160, 160)), photo, max_tokens=1).grid.shape == (7, 10)


@pytest.mark.parametrize(("dilation", "shape"), [(True, (4, 6)), (False, (2, 3))])
def test_a_backbone_without_dilation(
    dilation: bool,
    shape: tuple[int, int],
    small: CatrConfig,
    make_model: Callable[..., Catr],
    photo: ImageSource,
    ask: Ask,
) -> None:
    analysis = ask(make_model(replace(small, dilation=dilation)), photo, max_tokens=1)
    assert analysis.grid.shape == shape


@pytest.mark.parametrize("prefix", [None, "", "   "])
def test_an_empty_prefix_is_none(prefix: str | None, model: Catr, photo: ImageSource, ask: Ask) -> None:
    plain = ask(model, photo)
    assert [s.token_id for s in ask(model, photo, prefix=prefix).steps] == [s.token_id for s in plain.steps]
    assert not any(s.forced for s in plain.steps)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"max_tokens": 24}, "caption of 24 tokens is longer than this model can write: at most 23"),
        ({"prefix": "a cat " * 12}, "prefix has 24 tokens, and the caption may have 23"),
        ({"prefix": "a cat on", "max_tokens": 2}, "prefix has 3 tokens, and the caption may have 2"),
        ({"prefix": "a zebra"}, "has no 'zebra'"),
    ],
)
def test_what_cannot_be_written(
    asked: dict[str, Any], message: str, model: Catr, photo: ImageSource, ask: Ask
) -> None:
    with pytest.raises(UsageError, match=message):
        ask(model, photo, **asked)


def test_the_longest_caption(model: Catr, photo: ImageSource, ask: Ask) -> None:
    """Every row of the position table but the last is used, and not one more."""
    full = ask(model, photo, prefix="a cat " * 11)
    assert len(full.steps) == 23 or full.caption.finished
    forced = ask(model, photo, prefix="a cat " * 11 + "on")
    assert len(forced.steps) == 23 and not forced.caption.finished


def test_cancel_between_tokens(model: Catr, photo: ImageSource) -> None:
    told: list[str] = []

    def stop(share: float, message: str) -> None:
        told.append(message)
        if sum(m.startswith("writing") for m in told) == 4:
            context.cancel_event.set()

    context = RunContext(report=stop)
    with pytest.raises(Cancelled):
        model.caption(photo, CaptionRequest(), context)
    assert sum(m.startswith("writing") for m in told) == 4
    assert len(model.caption(photo, CaptionRequest(), RunContext()).steps) > 4


@pytest.mark.parametrize("beams", [1, 3])
def test_cancel_a_branch(beams: int, model: Catr, photo: ImageSource, ask: Ask) -> None:
    context = RunContext()
    context.cancel_event.set()
    analysis = ask(model, photo, beams=beams)
    with pytest.raises(Cancelled):
        analysis.branch(1, 1, context)


def test_cancel_in_the_backbone(model: Catr, photo: ImageSource) -> None:
    told: list[str] = []

    def stop(share: float, message: str) -> None:
        told.append(message)
        if "layer2" in message:
            context.cancel_event.set()

    context = RunContext(report=stop)
    with pytest.raises(Cancelled):
        model.caption(photo, CaptionRequest(), context)
    assert "layer3" not in "".join(told)


def test_progress_rises_and_tells_the_words(model: Catr, photo: ImageSource) -> None:
    told: list[tuple[float, str]] = []
    context = RunContext(report=lambda share, message: told.append((share, message)))
    analysis = model.caption(photo, CaptionRequest(prefix="a cat", max_tokens=6), context)
    shares = [share for share, _ in told]
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] <= 1
    assert "writing: a cat" in [message for _, message in told]
    assert analysis.caption is not None and analysis.caption.text.startswith("a cat")


def test_a_photo_is_encoded_once_until_another_comes(
    model: Catr, photo: ImageSource, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    plain = model._encode
    monkeypatch.setattr(model, "_encode", lambda *args: (encoded.append(1), plain(*args))[1])
    first = ask(model, photo, max_tokens=6)
    beams = ask(model, photo, beams=3, max_tokens=6)
    again = ask(model, photo, max_tokens=6)
    assert len(encoded) == 1 and model.analyze(photo, RunContext()).caption is None and len(encoded) == 1
    assert [s.log_prob for s in again.steps] == [s.log_prob for s in first.steps]
    assert len(beams.other_captions) == 2
    other = read_image(np.zeros((60, 90, 3), np.uint8))
    unlike = ask(model, other, max_tokens=6)
    renamed = ask(model, replace(other, name="copy"), max_tokens=6)
    assert len(encoded) == 3 and renamed.provenance["image"] == "copy"
    assert [s.log_prob for s in unlike.steps] != [s.log_prob for s in first.steps]
    model.forget()
    fresh = ask(model, photo, max_tokens=6)
    assert len(encoded) == 4 and first.branch(2, 1).provenance == first.provenance
    np.testing.assert_allclose(
        [s.log_prob for s in fresh.steps], [s.log_prob for s in first.steps], atol=1e-5
    )


def test_an_analysis_goes_on_although_nothing_was_written(model: Catr, photo: ImageSource, ask: Ask) -> None:
    analysis = model.analyze(photo, RunContext())
    with pytest.raises(UsageError, match="no caption was written yet"):
        analysis.branch(0, 0)
    assert analysis.continued is not None
    written = analysis.continued([], None)
    assert [s.token_id for s in written.steps] == [s.token_id for s in ask(model, photo).steps]


def test_nothing_is_left_on_the_network(model: Catr, photo: ImageSource, ask: Ask) -> None:
    ask(model, photo, beams=2, max_tokens=4)
    for module in model._network.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def test_through_the_registry(make_checkpoint: Callable[..., Any], photo: ImageSource) -> None:
    loaded = load_model("catr:own", checkpoint=make_checkpoint())
    analysis = loaded.caption(photo)
    assert analysis.caption is not None and "caption" in analysis.timings


def test_listing_imports_no_torch() -> None:
    code = (
        "import json, sys\n"
        "from vizstudio.plugins import load_plugins\n"
        "from vizstudio_catr.names import list_models\n"
        "load_plugins()\n"
        "print(json.dumps([[m.name for m in list_models()], "
        "[m for m in ('torch', 'tokenizers', 'huggingface_hub') if m in sys.modules]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == [["demo", "v1", "v2", "v3", "own"], []]
