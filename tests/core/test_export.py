"""What must be in the files of each format."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from vizstudio.core import export
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import VIEWS, render
from vizstudio.core.images import ImageSource
from vizstudio.core.state import CAPTION, ViewState
from vizstudio.core.types import Analysis


def load(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return dict(archive)


COMMON = {"logits": (5,), "probabilities": (5,), "labels": (5,), "grid": (2,), "rect": (4,)}


@pytest.mark.parametrize(
    ("view", "own"),
    [
        ("attention", {"weights": (3, 2, 13), "heatmap": (3, 4)}),
        ("heads", {"weights": (3, 2, 13), "heatmaps": (2, 3, 4)}),
        ("wall", {"weights": (3, 2, 13), "heatmaps": (3, 2, 3, 4)}),
        ("pins", {"heatmaps": (1, 3, 4)}),
        ("position", {"similarity": (3, 4, 3, 4)}),
        ("panel", {"heatmap": (3, 4)}),
        ("position-norm", {"heatmap": (3, 4)}),
        ("position-pca", {"pca": (3, 4, 3), "variance": (3,)}),
        (
            "position-distance",
            dict.fromkeys(("distance", "pairs", "mean", "lower", "upper", "horizontal", "vertical"), (4,)),
        ),
        ("entropy", {"entropy": (3, 2)}),
        ("distance", {"distance": (3, 2)}),
        ("norms", {"norms": (3, 13), "outliers": (1,), "heatmap": (3, 4)}),
        ("predictions", {}),
    ],
)
def test_keys_of_the_archive_are_a_contract(
    analysis: Analysis, image: ImageSource, view: str, own: dict
) -> None:
    figure = render(analysis, image, ViewState(view=view))
    data = load(export.to_npz(figure, analysis))
    assert {key: values.shape for key, values in data.items()} == {**COMMON, **own}
    for key, values in figure.data.items():
        assert np.array_equal(data[key], values, equal_nan=values.dtype.kind == "f")
    assert data["rect"] == pytest.approx(analysis.grid.rect)  # left, top, width, height in the original
    assert data["labels"].tolist() == [f"class <{i}> & é" for i in range(5)]
    assert data["logits"].dtype == np.float32


def test_every_view_has_its_contract() -> None:
    marks = test_keys_of_the_archive_are_a_contract.pytestmark
    assert {case[0] for case in marks[0].args[1]} == set(VIEWS) - set(CAPTION)


def test_a_model_without_classes_has_no_such_keys(analysis: Analysis, image: ImageSource) -> None:
    plain = replace(analysis, predictions=(), logits=None)
    data = load(export.to_npz(render(plain, image, ViewState()), plain))
    assert set(data) == {"weights", "heatmap", "grid", "rect"}


def test_an_archive_never_pickles(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState())
    odd = replace(figure, data={**figure.data, "odd": np.array([{}], object)})
    with pytest.raises(UsageError, match="no plain numbers for odd"):
        export.to_npz(odd, analysis)


def test_png_holds_the_picture_and_where_it_came_from(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(layer=1, query=(1, 2)))
    picture = Image.open(io.BytesIO(export.to_png(figure, analysis)))
    assert picture.format == "PNG" and picture.mode == "RGB"
    assert np.array_equal(np.asarray(picture), figure.scene.rasterize()[..., :3])
    assert picture.text["Title"] == figure.title
    assert picture.text["Description"] == figure.explanation
    about = json.loads(picture.text["vizstudio"])
    assert (about["view"], about["layer"], about["query"]) == ("attention", 1, "1,2")
    assert about["provenance"]["weights_hash"] == "abc"


def test_png_at_twice_the_size(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState())
    once, twice = (Image.open(io.BytesIO(export.to_png(replace(figure, scale=s), analysis))) for s in (1, 2))
    assert twice.size == (2 * once.width, 2 * once.height)
    shrunk = np.asarray(twice.resize(once.size, Image.Resampling.BOX)).astype(float)
    assert np.abs(shrunk - np.asarray(once)).mean() < 4


def test_svg_is_utf8_with_title_and_description(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="predictions"))
    text = export.to_svg(figure, analysis).decode("utf-8")
    assert "<title>Predictions · vit:fake · photo.jpg</title>" in text
    assert "class &lt;0&gt; &amp; é" in text


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"))))


def test_csv_is_a_line_per_cell(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(hide_outliers=True))
    lines = rows(export.to_csv(figure, analysis))
    assert len(lines) == 12
    for line in lines:
        row, col = int(line["row"]), int(line["col"])
        place = [float(line[k]) for k in ("left", "top", "width", "height")]
        assert place == pytest.approx(analysis.grid.cell_rect(row, col), rel=1e-5)
        if (row, col) == (1, 2):
            assert line["value"] == ""  # hidden
        else:
            assert float(line["value"]) == pytest.approx(figure.data["heatmap"][row, col], rel=1e-7)


def test_csv_of_predictions(analysis: Analysis, image: ImageSource) -> None:
    lines = rows(export.to_csv(render(analysis, image, ViewState(view="predictions")), analysis))
    assert [(int(x["index"]), x["label"]) for x in lines] == [
        (p.index, p.label) for p in analysis.predictions
    ]
    assert sum(float(x["probability"]) for x in lines) == pytest.approx(1)


def test_csv_of_similarity_over_distance(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(view="position-distance"))
    lines = rows(export.to_csv(figure, analysis))
    for name in ("distance", "pairs", "mean", "lower", "upper", "horizontal", "vertical"):
        read = [float(line[name] or "nan") for line in lines]
        assert read == pytest.approx(figure.data[name], rel=1e-7, nan_ok=True)
    assert lines[-1]["vertical"] == "" and lines[0]["vertical"] != ""


@pytest.mark.parametrize("view", ["heads", "wall", "position", "position-pca", "entropy"])
def test_what_is_no_single_map_has_no_csv(analysis: Analysis, image: ImageSource, view: str) -> None:
    with pytest.raises(UsageError, match=f"the view {view} is no single map, so there is no CSV: choose npz"):
        export.to_csv(render(analysis, image, ViewState(view=view)), analysis)


def test_json_says_what_is_shown_and_of_what(analysis: Analysis, image: ImageSource) -> None:
    figure = render(analysis, image, ViewState(head=1))
    about = json.loads(export.to_json(figure, analysis))
    assert (about["title"], about["head"], about["query"]) == (figure.title, 1, "default")
    assert about["prefix_mass"] == pytest.approx(float(analysis.attention.matrices[2][1, 0, 0]))
    assert about["grid"] == [3, 4] and about["rect"] == pytest.approx(list(analysis.grid.rect))
    assert [p["label"] for p in about["predictions"]] == [p.label for p in analysis.predictions]
    assert [layer["name"] for layer in about["layers"]] == [f"blocks.{i}.attn" for i in range(3)]
    assert about["layers"][0]["max_error"] == 1e-6
    assert about["timings"] == {"forward": 0.5}
    assert about["panel"] is None
    panel = render(analysis, image, ViewState(view="panel", panel=(2, 1)))
    assert json.loads(export.to_json(panel, analysis))["panel"] == [2, 1]


@pytest.mark.parametrize("view", [name for name in VIEWS if name not in CAPTION])
def test_json_of_every_view_has_no_nan(analysis: Analysis, image: ImageSource, view: str) -> None:
    figure = render(analysis, image, ViewState(view=view, hide_outliers=True))
    json.loads(export.to_json(figure, analysis), parse_constant=lambda name: pytest.fail(name))
