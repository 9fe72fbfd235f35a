"""From a photo on the command line to files of a caption, with a small CATR model that was never trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import vizstudio
from vizstudio.cli import main
from vizstudio_catr.checkpoint import write_checkpoint
from vizstudio_catr.config import CatrConfig
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.vocabulary import Vocabulary

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "cup", "of", "coffee", "on", "table", "##spoon", "the")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of 2 + 2 layers of 4 heads that knows twelve tokens."""
    config = CatrConfig(
        "resnet18",
        False,
        width=32,
        heads=4,
        encoder_layers=2,
        decoder_layers=2,
        feedforward=64,
        vocab_size=len(WORDS),
        max_positions=12,
        head_width=32,
        image_size=128,
    )
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("catr") / "small.safetensors"
    write_checkpoint(path, CaptionNetwork(config).eval(), Vocabulary(WORDS))
    return path


def test_files_hold_what_python_gives(checkpoint: Path, photos: Path, tmp_path: Path, capsys) -> None:
    photo = photos / "coffee.jpg"
    words = [
        "--prefix",
        "a cup of",
        "--max-tokens",
        "6",
        "--beam",
        "2",
        "--view",
        "caption,step,caption-wall",
    ]
    common = [
        "--model",
        "catr:own",
        "--checkpoint",
        str(checkpoint),
        "--device",
        "cpu",
        "--out",
        str(tmp_path),
    ]
    assert main(["run", str(photo), *common, *words, "--word", "1", "--format", "png,npz,json"]) == 0
    assert "caption: a cup of" in capsys.readouterr().err
    with np.load(tmp_path / "coffee_caption.npz", allow_pickle=False) as archive:
        data = dict(archive)
    facts = json.loads((tmp_path / "coffee_step.json").read_text(encoding="utf-8"))

    model = vizstudio.load_model("catr:own", checkpoint=checkpoint, device="cpu")
    analysis = model.caption(photo, beams=2, prefix="a cup of", max_tokens=6)
    steps = len(analysis.steps)
    assert 3 <= steps <= 6
    assert data["token_ids"].tolist() == [step.token_id for step in analysis.steps]
    assert data["token_ids"][:3].tolist() == [4, 5, 6] and data["forced"].tolist() == [True] * 3 + [False] * (
        steps - 3
    )
    assert data["log_probs"] == pytest.approx([step.log_prob for step in analysis.steps], abs=1e-5)
    rows, cols = data["grid"]
    assert data["cross_attention"].shape == (steps, 2, 4, rows, cols)
    np.testing.assert_allclose(data["cross_attention"].sum(axis=(-1, -2)), 1, atol=1e-5)
    for i, step in enumerate(analysis.steps):
        np.testing.assert_allclose(
            data["cross_attention"][i, 1].mean(axis=0), step.heatmap(1).values, atol=1e-6
        )
    assert facts["caption"]["text"] == analysis.caption.text
    assert [beam["text"] for beam in facts["beams"]] == [c.text for c in analysis.other_captions]
    with Image.open(tmp_path / "coffee_step.png") as picture:
        assert picture.info["Title"].startswith("“cup”")


def test_the_encoder_and_an_animation(checkpoint: Path, photos: Path, tmp_path: Path) -> None:
    common = [
        "--model",
        "catr:own",
        "--checkpoint",
        str(checkpoint),
        "--device",
        "cpu",
        "--out",
        str(tmp_path),
    ]
    photo = str(photos / "rocket.jpg")
    assert (
        main(["run", photo, *common, "--view", "attention,rollout", "--format", "npz", "--query", "0,1"]) == 0
    )
    assert main(["run", photo, *common, "--view", "caption", "--format", "gif", "--max-tokens", "4"]) == 0
    with np.load(tmp_path / "rocket_attention.npz", allow_pickle=False) as data:
        assert data["weights"].shape == (2, 4, data["grid"].prod())
    with Image.open(tmp_path / "rocket_caption.gif") as movie:
        assert 2 <= movie.n_frames <= 5


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--max-tokens", "12"], "a caption of 12 tokens is longer than this model can write: at most 11"),
        (["--prefix", "a zebra"], "the vocabulary has no 'zebra'"),
        (
            ["--prefix", "a cup of coffee", "--max-tokens", "3"],
            "the prefix has 4 tokens, and the caption may have 3",
        ),
    ],
)
def test_what_the_model_cannot_write(
    checkpoint: Path, photos: Path, tmp_path: Path, capsys, words: list[str], sentence: str
) -> None:
    common = [
        "--model",
        "catr:own",
        "--checkpoint",
        str(checkpoint),
        "--device",
        "cpu",
        "--out",
        str(tmp_path),
    ]
    assert main(["run", str(photos / "coffee.jpg"), *common, "--view", "caption", *words]) == 2
    assert sentence in capsys.readouterr().err
