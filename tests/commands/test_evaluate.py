"""``vizstudio-train evaluate`` with models whose scores are known, and with real ones that know nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_pointer
import numpy as np
import pytest
from fake_pointer import CAPTION, Shapes
from PIL import Image

from vizstudio.core.pointing_figure import pointing_scene
from vizstudio.core.scene import ACCENT, MUTED, STRONG, Box, Dot, Text
from vizstudio.train_cli import main

PLUGIN = """
from vizstudio.api import DatasetEntry, ModelEntry, hookimpl

@hookimpl
def register_models(registry):
    load, names = "fake_pointer:load", "fake_pointer:list_models"
    registry.add(ModelEntry("pointer", "Pointers", load=load, names=names))

@hookimpl
def register_datasets(registry):
    for name in ("Shapes", "Bare"):
        registry.add(DatasetEntry(name.lower(), name, summary="Two shapes.", open=f"fake_pointer:{name}"))
"""
COUNT = 7


@pytest.fixture(autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install models and data sets of known scores as a plugin, in a folder of the test's own."""
    site = tmp_path_factory.mktemp("site")
    info = site / "fake_pointers-1.0.dist-info"
    info.mkdir()
    (site / "fake_pointers.py").write_text(PLUGIN, encoding="utf-8")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-pointers\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text("[vizstudio.plugins]\npointer = fake_pointers\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    return site


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """``evaluate(name, *words)``: run the command on the shapes, and return its JSON."""

    def evaluate(name: str, *words: str) -> dict[str, Any]:
        out = tmp_path / "scores.json"
        asked = ["evaluate", f"pointer:{name}", "--data", "shapes", "--count", str(COUNT), "--out", str(out)]
        assert main([*asked, *words]) == 0
        return json.loads(out.read_text(encoding="utf-8"))

    return evaluate


def areas(number: int, count: int = COUNT) -> list[float]:
    """Return the share of each photo that an object covers."""
    data = Shapes(96, count, 0, "val")
    return [float(data[i].masks[number].mean()) for i in range(count)]


def means(layers: list[dict[str, Any]], measure: str) -> list[float]:
    return [layer[measure]["mean_of_heads"]["mean"] for layer in layers]


def heads(layers: list[dict[str, Any]], measure: str) -> list[list[float]]:
    return [[head["mean"] for head in layer[measure]["heads"]] for layer in layers]


def test_nouns_score_by_the_maps_of_the_steps_that_wrote_them(evaluate) -> None:
    nouns = evaluate("captions")["nouns"]
    chance = np.mean([areas(0), areas(1)])
    assert (nouns["count"], nouns["captions"], nouns["cut_off"]) == (2 * COUNT, COUNT, 0)
    assert nouns["chance"]["mean"] == pytest.approx(chance, abs=1e-6)
    # In layer 0 the first head is right, the second never; their mean is as strong on the ground.
    assert heads(nouns["layers"], "pointing")[0] == [1, 0]
    assert heads(nouns["layers"], "mass")[0] == [1, 0]
    assert (means(nouns["layers"], "pointing")[0], means(nouns["layers"], "mass")[0]) == (0.5, 0.5)
    assert nouns["layers"][0]["best_head"] == 0
    # In layer 1 it is one token late: only the second piece of "skateboard" finds the bar.
    assert heads(nouns["layers"], "pointing")[1] == [0.25, 0]
    assert means(nouns["layers"], "mass")[1] == 0.125
    # Layer 2 looks everywhere.
    assert means(nouns["layers"], "mass")[2] == pytest.approx(chance, abs=1e-6)
    assert nouns["layers"][0]["pointing"]["heads"][0]["error"] == 0


def test_one_token_late_is_the_map_of_the_step_that_read_the_noun(evaluate) -> None:
    nouns = evaluate("captions")["nouns"]
    late = nouns["one_token_late"]
    assert heads(late, "pointing")[:2] == [[0.25, 0], [1, 0]]
    assert means(late, "mass")[:2] == [0.125, 0.5]
    assert [gain["mean"] for gain in nouns["pointing_gain"]] == [0.5, -0.5, 0]


def test_a_noun_at_the_end_of_a_cut_caption_has_no_map_one_token_late_and_is_counted_apart(evaluate) -> None:
    nouns = evaluate("cut")["nouns"]
    assert (nouns["count"], nouns["cut_off"]) == (COUNT, COUNT)
    assert nouns["chance"]["mean"] == pytest.approx(np.mean(areas(0)), abs=1e-6)


def test_captions_are_compared_with_the_data_sets(evaluate, monkeypatch: pytest.MonkeyPatch) -> None:
    told = evaluate("captions")["captions"]
    assert (told["exact"]["mean"], told["word_error_rate"], told["log_prob_per_token"]) == (1, 0, -0.5)
    assert told["tokens"] == COUNT * 7
    monkeypatch.setattr(fake_pointer, "CAPTION", CAPTION.replace("and", "above"))

    class Alternating(Shapes):
        def __getitem__(self, index: int) -> Any:
            sample = super().__getitem__(index)
            text = CAPTION if index % 2 else sample.caption
            return type(sample)(sample.image, sample.masks, sample.classes, text)

    monkeypatch.setattr(fake_pointer, "Shapes", Alternating)
    told = evaluate("captions")["captions"]
    assert told["exact"]["mean"] == pytest.approx(4 / 7, abs=1e-6)  # of indices 0 to 6 four are even
    assert told["word_error_rate"] == pytest.approx(3 / 35, abs=1e-6)  # a word of five in three captions


def test_the_class_token_scores_by_the_main_objects_mask(evaluate) -> None:
    told = evaluate("classes")
    assert told["classes"]["accuracy"] == {"mean": 1, "error": 0}
    assert told["captions"] is None and told["nouns"] is None
    found = told["main_object"]
    assert found["queries"] == ["the class token"]
    assert means(found["layers"], "pointing") == [1, 0]
    assert means(found["layers"], "mass") == [1, 0]  # though 0.6 of the row is on the class token
    assert found["chance"]["mean"] == pytest.approx(np.mean(areas(0)), abs=1e-6)
    assert found["chance"]["error"] == pytest.approx(np.std(areas(0), ddof=1) / COUNT**0.5, abs=1e-6)
    # Twice a half stays, a half of 0.4 goes on: of what rollout holds on the photo, the layers have shares by hand.
    ground, square = 0.5 * 0.4, (0.5 + 0.5 * 0.6) * 0.5 * 0.4
    assert found["rollout"]["mass"]["mean"] == pytest.approx(square / (ground + square), abs=1e-6)
    assert found["rollout"]["pointing"]["mean"] == 0


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("classes", "Where the class token looks, against"),
        ("patches", "Where the average patch looks (there is no class token), against"),
        ("mixed", "Where the average patch (layer 0) and the class token (layer 1) look, against"),
    ],
)
def test_it_says_whose_maps_were_measured(name: str, heading: str, evaluate, capsys) -> None:
    found = evaluate(name)["main_object"]
    assert heading in capsys.readouterr().out
    assert means(found["layers"], "pointing") == [1, 0]
    assert means(found["layers"], "mass") == [1, 0]
    assert (found["rollout"] is None) == (name == "mixed")


def test_a_model_of_other_classes_is_measured_without_accuracy(evaluate, capsys) -> None:
    told = evaluate("strangers")
    assert told["classes"] is None
    assert means(told["main_object"]["layers"], "pointing") == [1, 0]
    sentence = "accuracy is left out: the model's 2 classes (x, y) are not the data set's 3 (square, skateboard, cloud)"
    assert told["notes"] == [sentence]
    assert f"note: {sentence}" in capsys.readouterr().err


def test_the_same_options_give_the_same_bytes_and_another_seed_other_photos(evaluate, tmp_path: Path) -> None:
    first = evaluate("captions")
    content = (tmp_path / "scores.json").read_bytes()
    assert evaluate("captions") == first
    assert (tmp_path / "scores.json").read_bytes() == content
    other = evaluate("captions", "--seed", "5")
    assert other["data_sha256"] != first["data_sha256"]
    assert other["options"] == {**first["options"], "seed": 5}


def test_the_json_says_what_the_numbers_depend_on(evaluate, capsys) -> None:
    told = evaluate("captions", "--json")
    assert json.loads(capsys.readouterr().out) == told
    assert told["options"] == {
        "model": "pointer:captions", "checkpoint": None, "pretrained": False, "data": "shapes", "split": "val",
        "count": COUNT, "size": 96, "seed": 0, "device": "cpu",
    }  # fmt: skip
    assert told["weights"] == {"source": "untrained", "sha256": "none", "parameters": 7}
    assert told["provenance"] == {"pointer": "1.0"}
    assert told["versions"].keys() == {"vizstudio", "python", "numpy", "pillow"}


def test_tables_fit_80_columns(evaluate, capsys) -> None:
    for name in ("captions", "classes"):
        evaluate(name)
        lines = capsys.readouterr().out.splitlines()
        rows = [line for line in lines if line.startswith(("Layer  ", "0 ", "1 ", "chance ", "rollout "))]
        assert len(rows) > 3
        assert max(map(len, rows)) <= 80
    whole = ["100.0", "±", "0.0"]
    assert ["0", *whole, *whole, "(0)", *whole] in [line.split() for line in rows]


def test_the_conclusion_is_of_the_best_layer(evaluate, capsys) -> None:
    chance = 100 * np.mean([areas(0), areas(1)])
    evaluate("captions")
    out = capsys.readouterr().out
    assert "Layer 0 points best: 50.0 %, 50.0 ± 0.0 points better than one token late" in out
    assert f"and {50 - chance:.1f} better than chance." in out


def test_a_picture_holds_every_curve(evaluate, tmp_path: Path) -> None:
    png, svg = tmp_path / "pointing.png", tmp_path / "pointing.svg"
    told = evaluate("captions", "--picture", str(png))
    evaluate("captions", "--picture", str(svg))
    with Image.open(png) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
    chance = told["nouns"]["chance"]["mean"]
    assert f"chance {chance:.1%}" in svg.read_text(encoding="utf-8")
    items = pointing_scene(told, "subject").items
    floor, top = (next(i.y for i in items if isinstance(i, Text) and i.text == t) for t in ("0%", "20%"))

    def shares(colour: str) -> list[float]:
        dots = [i for i in items if isinstance(i, Dot) and i.fill == colour and i.radius == 4]
        return [0.2 * (floor - dot.y) / (floor - top) for dot in sorted(dots, key=lambda dot: dot.x)][1:]

    nouns = told["nouns"]
    assert shares(STRONG) == pytest.approx(
        means(nouns["layers"], "pointing")
    )  # the first dot is the legend's
    assert shares(ACCENT)[-3:] == pytest.approx(means(nouns["one_token_late"], "pointing"))
    (line,) = [i for i in items if isinstance(i, Box) and i.fill == MUTED]
    assert 0.2 * (floor - line.y - 0.5) / (floor - top) == pytest.approx(chance, abs=0.005)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pointer:captions", "--data", "bare"], "the data set bare has no masks of objects to measure by"),
        (["pointer:nothing", "--data", "shapes"], "neither names classes nor writes captions"),
        (["pointer:wide", "--data", "shapes"], "the input of pointer:wide has 96×64 pixels: give --size"),
        (["pointer:captions", "--data", "shape"], "no data set 'shape': did you mean shapes?"),
        (["pointers:captions"], "no model family 'pointers': did you mean pointer?"),
        (["captions"], "no model 'captions': did you mean pointer:captions?"),
        (["pointer:captions", "--count", "0"], "--count 0 is no number of images"),
        (["pointer:captions", "--size", "3"], "no scenes of 3 pixels"),
        (["pointer:captions", "--seed", "-1"], "must not be negative"),
        (["pointer:captions", "--checkpoint", "nowhere.pth"], "no checkpoint at nowhere.pth"),
        (["pointer:captions", "--picture", "a.gif"], "--picture a.gif must end in .png or .svg"),
        (["pointer:captions", "--out", "."], "--out . is a folder"),
    ],
)
def test_what_cannot_be_is_one_sentence(words: list[str], sentence: str, capsys) -> None:
    assert main(["evaluate", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert sentence in captured.err


def test_captions_that_name_nothing_leave_no_picture(tmp_path: Path, evaluate, monkeypatch, capsys) -> None:
    monkeypatch.setattr(fake_pointer, "TOKENS", ("a", "b", "c", "d", "e", "f", "g"))
    picture = tmp_path / "a.png"
    told = evaluate("captions")["nouns"]
    assert (told["count"], told["chance"], told["layers"]) == (0, None, [])
    assert "name none: there is no map to measure" in capsys.readouterr().out
    asked = ["evaluate", "pointer:captions", "--data", "shapes", "--count", "2", "--picture", str(picture)]
    assert main(asked) == 2
    assert "is not drawn: the captions name no object" in capsys.readouterr().err
    assert not picture.exists()


def test_ctrl_c_ends_it_with_130_and_writes_nothing(tmp_path: Path, monkeypatch, capsys) -> None:
    looked = []

    def interrupted(pixels: np.ndarray) -> list[int]:
        looked.append(1)
        if len(looked) > 3:
            raise KeyboardInterrupt
        return [0, 1, 2]

    monkeypatch.setattr(fake_pointer, "spots_of", interrupted)
    out = tmp_path / "out.json"
    assert main(["evaluate", "pointer:classes", "--data", "shapes", "--out", str(out)]) == 130
    assert not out.exists()
    assert "cancelled" in capsys.readouterr().err


def in_a_process(site: Path, *words: str) -> dict[str, Any]:
    path = os.pathsep.join(
        [str(site), str(Path(fake_pointer.__file__).parent), os.environ.get("PYTHONPATH", "")]
    )
    done = subprocess.run(
        [sys.executable, "-m", "vizstudio.train_cli", "evaluate", *words, "--json", "--device", "cpu"],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def near_chance(found: dict[str, Any], layers: list[dict[str, Any]]) -> bool:
    """Return whether the mean of heads has about as much of its mass on objects as they cover of the photo."""
    chance = found["chance"]["mean"]
    return all(abs(value - chance) < 0.25 * chance for value in means(layers, "mass"))


def test_an_untrained_vit_is_at_chance(site: Path) -> None:
    told = in_a_process(site, "vit:test_vit", "--count", "20")
    assert told["options"]["size"] == 160
    assert told["classes"] is None and "accuracy is left out" in " ".join(told["notes"])
    found = told["main_object"]
    assert found["count"] == 20
    assert near_chance(found, found["layers"])
    assert "torch" in told["provenance"]


def test_an_untrained_catr_is_at_chance_at_every_alignment(site: Path, tmp_path: Path) -> None:
    import torch

    from vizstudio_catr.checkpoint import write_checkpoint
    from vizstudio_catr.config import CatrConfig
    from vizstudio_catr.network import CaptionNetwork
    from vizstudio_catr.vocabulary import Vocabulary

    words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "square", "cloud")
    config = CatrConfig(
        backbone="resnet18", width=32, heads=4, encoder_layers=1, decoder_layers=2, feedforward=32,
        vocab_size=len(words), max_positions=9, head_width=32, image_size=96,
    )  # fmt: skip
    torch.manual_seed(0)
    network, path = CaptionNetwork(config).eval(), tmp_path / "own.safetensors"
    with torch.no_grad():
        last = [m for m in network.modules() if isinstance(m, torch.nn.Linear)][-1]
        assert last.out_features == len(words)
        last.bias[:] = 50.0 * (torch.arange(len(words)) == words.index("square"))  # it writes nothing else
    write_checkpoint(path, network, Vocabulary(words))
    told = in_a_process(
        site, "catr:own", "--checkpoint", str(path), "--data", "shapes", "--count", "10", "--size", "96"
    )
    nouns = told["nouns"]
    assert told["captions"]["exact"]["mean"] == 0
    assert (nouns["count"], nouns["cut_off"]) == (70, 10)  # of 8 nouns each, the last is cut off
    assert near_chance(nouns, nouns["layers"]) and near_chance(nouns, nouns["one_token_late"])
