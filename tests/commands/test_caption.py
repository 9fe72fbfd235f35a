"""``vizstudio run`` with a model that writes captions, and with one that does not."""

import json
from pathlib import Path

import numpy as np
import pytest
from fake_captioner import SCRIPT
from PIL import Image

from vizstudio.cli import main

PLUGIN = """
from vizstudio.api import ModelEntry, hookimpl

@hookimpl
def register_models(registry):
    load, names = "fake_captioner:load", "fake_captioner:list_models"
    registry.add(ModelEntry("fake", "Scripted", load=load, names=names))
"""


@pytest.fixture(autouse=True)
def _captioner(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the scripted captioner as a plugin, in a folder of the test's own."""
    site = tmp_path_factory.mktemp("site")
    info = site / "fake_captions-1.0.dist-info"
    info.mkdir()
    (site / "fake_captions.py").write_text(PLUGIN, encoding="utf-8")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-captions\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text("[vizstudio.plugins]\nfake = fake_captions\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def run(photos: Path, tmp_path: Path) -> object:
    """Run the command on a photo; returns the exit code."""

    def run(*words: str, model: str = "fake:scripted", photo: str = "coffee.jpg") -> int:
        common = ["--model", model, "--device", "cpu", "--out", str(tmp_path)]
        return main(["run", str(photos / photo), *common, *words])

    return run


def facts(folder: Path, view: str = "caption") -> dict:
    return json.loads((folder / f"coffee_{view}.json").read_text(encoding="utf-8"))


def test_every_view_of_a_caption_in_every_format_that_holds_it(run, tmp_path: Path, capsys) -> None:
    views = "caption,step,caption-mean,caption-wall,caption-entropy,attention"
    assert run("--view", views, "--word", "8", "--format", "png,svg,npz,json") == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 6 * 4
    assert "caption: a woman in an orange suit with a skateboard" in captured.err
    with np.load(tmp_path / "coffee_caption.npz", allow_pickle=False) as archive:
        data = dict(archive)
    assert data["token_ids"].tolist() == [*SCRIPT]
    assert data["cross_attention"].shape == (11, 3, 4, 13, 19)
    assert facts(tmp_path, "step")["word"] == 8
    assert facts(tmp_path, "attention")["layer"] == 1


def test_an_animation_of_the_caption(run, tmp_path: Path) -> None:
    assert run("--view", "caption", "--format", "gif,webp") == 0
    for kind in ("gif", "webp"):
        with Image.open(tmp_path / f"coffee_caption.{kind}") as movie:
            assert (movie.format, movie.n_frames) == (kind.upper(), 11)


def test_options_reach_the_model(run, tmp_path: Path) -> None:
    words = ("--prefix", "the front", "--max-tokens", "5", "--beam", "3", "--length-penalty", "0.5")
    assert run("--view", "caption", "--format", "json", *words) == 0
    told = facts(tmp_path)
    assert told["caption"]["token_ids"][:2] == [10, 12] and len(told["caption"]["token_ids"]) == 5
    assert [step["forced"] for step in told["caption"]["steps"]] == [True, True, False, False, False]
    assert told["caption"]["finished"] is False
    assert len(told["beams"]) == 2
    request = told["provenance"]["request"]
    assert "beams=3" in request and "length_penalty=0.5" in request and "temperature=None" in request
    assert (
        run("--view", "caption", "--format", "json", "--temperature", "0.7", "--top-p", "0.9", "--seed", "4")
        == 0
    )
    request = facts(tmp_path)["provenance"]["request"]
    assert "temperature=0.7, top_p=0.9, seed=4" in request


def test_an_option_alone_asks_for_a_caption(run, tmp_path: Path) -> None:
    assert run("--format", "json", "--prefix", "a") == 0
    assert facts(tmp_path, "attention")["caption"]["token_ids"] == [*SCRIPT]
    assert run("--format", "json") == 0
    assert facts(tmp_path, "attention")["caption"] is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--beam", "4"],
            "--beam is for models that write captions, and vit:vit_tiny_patch16_224 writes none",
        ),
        (["--word", "0"], "--word is for models that write captions"),
        (["--prefix", "a woman"], "--prefix is for models that write captions"),
        (["--view", "caption"], "the view caption is for models that write captions"),
        (["--view", "attention,caption-wall"], "the view caption-wall is for models that write captions"),
    ],
)
def test_a_model_without_captions(run, tmp_path: Path, capsys, words: list[str], sentence: str) -> None:
    assert run(*words, model="vit:vit_tiny_patch16_224") == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--beam", "0"], "beams must be at least 1, not 0"),
        (["--max-tokens", "-3"], "max tokens must be at least 1, not -3"),
        (["--temperature", "-1"], "temperature must be above 0, not -1.0"),
        (["--temperature", "1", "--top-p", "2"], "top-p must be above 0 and at most 1, not 2.0"),
        (["--temperature", "1", "--beam", "2"], "beam search takes no temperature: choose one of the two"),
        (["--top-p", "0.9"], "--top-p is for tokens drawn at random: give --temperature too"),
        (["--seed", "1"], "--seed is for tokens drawn at random: give --temperature too"),
        (["--length-penalty", "2"], "--length-penalty ranks beams: give --beam too"),
        (["--beam", "two"], "see `vizstudio run --help`"),
        (["--view", "step", "--word", "10"], "word 10 does not exist: the caption has words 0 to 9, or -10 to -1"),
        (["--view", "caption", "--layer", "3"], "layer 3 does not exist: the decoder has layers 0 to 2"),
        (["--prefix", "zebra"], "the vocabulary has no word 'zebra'"),
        (["--view", "step", "--format", "gif"], "the view step does not move, so there is no GIF: choose png"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_sentence(
    run, tmp_path: Path, capsys, words: list[str], sentence: str
) -> None:
    assert run(*words) == 2
    told = capsys.readouterr().err
    assert sentence in told and len(told.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_word_that_one_caption_lacks_does_not_stop_the_others(run, photos, tmp_path: Path, capsys) -> None:
    code = main(
        ["run", str(photos / "coffee.jpg"), str(photos / "rocket.jpg"), "--model", "fake:scripted", "--view",
         "caption,step", "--word", "10", "--out", str(tmp_path)]
    )  # fmt: skip
    assert code == 1
    assert {p.name for p in tmp_path.iterdir()} == {"coffee_caption.png", "rocket_caption.png"}
    told = capsys.readouterr().err
    assert "caption: coffee.jpg: a woman in an orange suit with a skateboard" in told
    assert "caption: rocket.jpg: a woman" in told
    assert "and 1 more: word 10 does not exist" in told


def test_the_help_lists_views_formats_and_options_of_captions(capsys) -> None:
    assert main(["run", "--help"]) == 0
    told = capsys.readouterr().out
    for name in (
        "--beam",
        "--prefix",
        "--max-tokens",
        "--temperature",
        "--top-p",
        "--seed",
        "--word",
        "Captions",
    ):
        assert name in told
    for name in ("caption-wall", "caption-entropy", "gif", "webp", "mp4"):
        assert f"\n  {name} " in told


def test_a_beam_and_a_branch(run, tmp_path: Path) -> None:
    assert run("--view", "caption", "--format", "json", "--beam", "3") == 0
    beams = facts(tmp_path)["beams"]
    assert run("--view", "caption", "--format", "json", "--beam", "3", "--rank", "2") == 0
    told = facts(tmp_path)
    assert told["caption"]["text"] == beams[1]["text"]
    before = told["caption"]["token_ids"]
    assert run("--view", "caption", "--format", "json", "--beam", "3", "--rank", "2", "--branch", "2,1") == 0
    left = facts(tmp_path)["caption"]
    assert left["token_ids"][:2] == before[:2] and left["token_ids"][2] != before[2]
    assert [step["taken"] for step in left["steps"]][:3] == [False, False, True]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rank", "1"], "beam 1 does not exist: there are 0 to 0"),
        (["--branch", "3"], "--branch '3' is no branch: give STEP,ALTERNATIVE, such as 3,1"),
        (["--branch", "99,0"], "step 99 does not exist"),
        (["--branch", "0,99"], "alternative 99 does not exist"),
    ],
)
def test_captions_that_there_are_not(run, capsys, words: list[str], told: str) -> None:
    assert run("--view", "caption", *words) == 2
    assert told in capsys.readouterr().err
