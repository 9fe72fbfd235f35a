"""``LoadedModel.caption``: what reaches the model, and who is blamed."""

import inspect
from dataclasses import fields, replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from fake_captioner import SCRIPT, FakeCaptioner

from vizstudio.api import (
    Analysis,
    Cancelled,
    CaptionRequest,
    ImageError,
    ImageSource,
    PluginError,
    RunContext,
    UsageError,
)
from vizstudio.models import LoadedModel
from vizstudio.placed import PlacedModel
from vizstudio.placement import Placement


def loaded(model: Any = None) -> LoadedModel:
    places = [Placement("cpu", "float32")]
    made = model or FakeCaptioner()
    return LoadedModel(PlacedModel("fake:scripted", "fake", lambda *_: made, places, RunContext()), "fake")


class Odd(FakeCaptioner):
    """Does what it is made with instead of writing a caption."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def caption(self, image: ImageSource, request: CaptionRequest, context: RunContext) -> Analysis:
        return self.act(super().caption(image, request, context), context)


def test_a_caption_and_its_steps(photos: Path) -> None:
    analysis = loaded().caption(photos / "coffee.jpg")
    assert [step.token_id for step in analysis.steps] == [*SCRIPT]
    heatmap = analysis.steps[1].heatmap(layer=-1, head="mean")
    assert heatmap.values.shape == (13, 19)
    branch = analysis.branch(step=3, alternative=2)
    assert [s.token_id for s in branch.steps[:3]] == [*SCRIPT[:3]]


def test_every_field_of_a_request_can_be_given(photos: Path) -> None:
    options = inspect.signature(LoadedModel.caption).parameters
    defaults = {f.name: f.default for f in fields(CaptionRequest)}
    assert {name: options[name].default for name in defaults} == defaults
    other = {
        "beams": 3,
        "prefix": "the",
        "max_tokens": 7,
        "length_penalty": 0.3,
        "seed": 5,
        "alternatives": 4,
    }
    told = loaded().caption(photos / "coffee.jpg", **other).provenance["request"]
    assert told == repr(CaptionRequest(**other))
    told = loaded().caption(photos / "coffee.jpg", temperature=0.4, top_p=0.8).provenance["request"]
    assert told == repr(CaptionRequest(temperature=0.4, top_p=0.8))


def test_bad_values_are_refused_before_the_model_is_asked(photos: Path) -> None:
    model = loaded(Odd(lambda analysis, context: pytest.fail("the model was asked")))
    with pytest.raises(UsageError, match="beams must be at least 1"):
        model.caption(photos / "coffee.jpg", beams=0)
    with pytest.raises(ImageError):
        model.caption(photos / "absent.jpg")


def test_a_model_that_writes_no_captions(photos: Path) -> None:
    class Silent:
        info = FakeCaptioner.info
        analyze = FakeCaptioner.analyze

    assert loaded().can_caption and not loaded(Silent()).can_caption
    with pytest.raises(UsageError, match="fake:scripted writes no captions: choose a model that does"):
        loaded(Silent()).caption(photos / "coffee.jpg")


def test_the_plugin_is_blamed_for_what_its_captioner_does(photos: Path) -> None:
    def fail(analysis: Analysis, context: RunContext) -> Analysis:
        raise IndexError("no such token")

    with pytest.raises(
        PluginError, match=r"plugin 'fake' failed captioning coffee\.jpg \(IndexError: no such"
    ):
        loaded(Odd(fail)).caption(photos / "coffee.jpg")
    for wrong in (lambda analysis, context: None, lambda analysis, context: replace(analysis, caption=None)):
        with pytest.raises(PluginError, match="must return an Analysis with its caption"):
            loaded(Odd(wrong)).caption(photos / "coffee.jpg")


def test_the_context_reaches_the_model(photos: Path) -> None:
    def stop(analysis: Analysis, context: RunContext) -> Analysis:
        context.check()
        return analysis

    stopped = Event()
    stopped.set()
    with pytest.raises(Cancelled):
        loaded(Odd(stop)).caption(photos / "coffee.jpg", context=RunContext(cancel_event=stopped))
    assert loaded(Odd(stop)).caption(photos / "coffee.jpg").caption
