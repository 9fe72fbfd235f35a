"""A caption in files of numbers."""

import csv
import io
import json
import math

import numpy as np
import pytest
from fake_captioner import HEADS, LAYERS, SCRIPT, VOCABULARY

from vizstudio.core import export
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import render
from vizstudio.core.images import ImageSource
from vizstudio.core.state import CAPTION, ViewState
from vizstudio.core.types import Analysis

STEPS = {
    "token_ids": (11,), "log_probs": (11,), "entropies": (11,), "forced": (11,), "taken": (11,), "tokens": (11,),
    "words": (10,), "word_of_step": (11,), "grid": (2,), "rect": (4,),
}  # fmt: skip
OWN = {
    "caption": {"cross_attention": (11, LAYERS, HEADS, 13, 19)},
    "step": {"heatmap": (13, 19)},
    "caption-mean": {"heatmap": (13, 19)},
    "caption-wall": {"heatmaps": (LAYERS, HEADS, 13, 19), "weights": (LAYERS, HEADS, 247)},
    "caption-entropy": {},
}


@pytest.mark.parametrize("view", CAPTION)
def test_keys_of_the_archive_are_a_contract(captioned: Analysis, photo: ImageSource, view: str) -> None:
    figure = render(captioned, photo, ViewState(view=view))
    with np.load(io.BytesIO(export.to_npz(figure, captioned)), allow_pickle=False) as archive:
        data = dict(archive)
    assert {key: values.shape for key, values in data.items()} == {**STEPS, **OWN[view]}
    assert data["token_ids"].tolist() == [*SCRIPT]
    assert data["words"].tolist() == [word.text for word in captioned.caption.words]
    assert data["word_of_step"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9]
    assert data["log_probs"] == pytest.approx([step.log_prob for step in captioned.steps], rel=1e-6)
    assert data["log_probs"].dtype == np.float32


def test_cross_attention_of_a_step_is_of_the_token_that_it_writes(
    captioned: Analysis, photo: ImageSource
) -> None:
    maps = render(captioned, photo, ViewState(view="caption")).data["cross_attention"]
    assert maps.dtype == np.float32
    for i, step in enumerate(captioned.steps):
        assert VOCABULARY[SCRIPT[i]].removeprefix("##") == step.text
        for layer in range(LAYERS):
            np.testing.assert_array_equal(maps[i, layer].reshape(HEADS, -1), step.cross.matrices[layer][:, 0])
    np.testing.assert_allclose(maps.sum(axis=(-1, -2)), 1, atol=1e-5)


@pytest.mark.parametrize("view", ["caption", "caption-entropy"])
def test_csv_is_a_line_per_step(captioned: Analysis, photo: ImageSource, view: str) -> None:
    content = export.to_csv(render(captioned, photo, ViewState(view=view)), captioned)
    lines = list(csv.DictReader(io.StringIO(content.decode("utf-8"))))
    assert [line["token"] for line in lines] == [step.text for step in captioned.steps]
    assert [int(line["word"]) for line in lines] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9]
    for line, step in zip(lines, captioned.steps, strict=True):
        assert (int(line["index"]), int(line["token_id"])) == (step.index, step.token_id)
        assert float(line["probability"]) == pytest.approx(math.exp(float(line["log_prob"])), rel=1e-6)
        assert float(line["entropy"]) == pytest.approx(step.entropy, rel=1e-6)
        assert line["forced"] == line["taken"] == "0"


def test_csv_of_one_word_is_a_line_per_cell_and_a_wall_has_none(
    captioned: Analysis, photo: ImageSource
) -> None:
    content = export.to_csv(render(captioned, photo, ViewState(view="step")), captioned)
    assert len(content.decode().splitlines()) == 1 + 13 * 19
    with pytest.raises(UsageError, match="the view caption-wall is no single map, so there is no CSV"):
        export.to_csv(render(captioned, photo, ViewState(view="caption-wall")), captioned)


def test_json_has_the_steps_their_alternatives_and_the_beams(captioned: Analysis, photo: ImageSource) -> None:
    figure = render(captioned, photo, ViewState(view="step", word=-2, layer=1))
    facts = json.loads(export.to_json(figure, captioned), parse_constant=lambda name: pytest.fail(name))
    assert (facts["view"], facts["layer"], facts["word"]) == ("step", 1, 8)
    assert [layer["name"] for layer in facts["layers"]] == [f"decoder.{i}.cross" for i in range(LAYERS)]
    caption = facts["caption"]
    assert caption["text"] == "a woman in an orange suit with a skateboard"
    assert caption["finished"] is True
    assert caption["log_prob"] == pytest.approx(sum(step["log_prob"] for step in caption["steps"]))
    assert [step["token_id"] for step in caption["steps"]] == [*SCRIPT]
    assert [beam["text"] for beam in facts["beams"]] == [c.text for c in captioned.other_captions]
    for found, step in zip(caption["steps"], captioned.steps, strict=True):
        assert [a["token_id"] for a in found["alternatives"]] == [a.token_id for a in step.alternatives]
        assert found["probability"] == pytest.approx(math.exp(step.log_prob))


def test_json_of_the_encoder_tells_the_caption_too(captioned: Analysis, photo: ImageSource) -> None:
    facts = json.loads(export.to_json(render(captioned, photo, ViewState()), captioned))
    assert [layer["name"] for layer in facts["layers"]] == ["encoder.0.self", "encoder.1.self"]
    assert facts["word"] is None
    assert len(facts["caption"]["steps"]) == 11
