"""The small tools that plugins may use, and the types that only name things."""

import hashlib
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
from fake_captioner import FakeCaptioner
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from vizstudio.api import (
    Captioner,
    CheckpointError,
    Dataset,
    DatasetEntry,
    Datasets,
    ImageError,
    ImageTraining,
    Items,
    ModelInfo,
    Observation,
    PluginError,
    Report,
    StoredWeights,
    TrainingError,
    UsageError,
    WeightSource,
    check_images,
    data_folder,
    describe_difference,
    first_line,
    jittered,
    name_some,
    no_such,
    observe,
    open_splits,
    read_stored,
    sha256_of,
    shape_text,
    showing_progress,
)
from vizstudio.commands.program import make_app, run_program
from vizstudio.plugins import load_plugins


def test_read_stored_reads_both_forms_alike_and_says_what_they_hold(tmp_path: Path) -> None:
    state = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}
    save_file(state, tmp_path / "w.safetensors", metadata={"told": "yes"})
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 3}, tmp_path / "w.pth")
    flat, wrapped = (read_stored(tmp_path / name) for name in ("w.safetensors", "w.pth"))
    for stored in (flat, wrapped):
        assert isinstance(stored, StoredWeights)
        assert stored.state.keys() == state.keys()
        assert all(torch.equal(stored.state[key], value) for key, value in state.items())
    assert (flat.metadata, flat.wrapper, wrapped.wrapper) == ({"told": "yes"}, "", "state_dict")
    assert wrapped.beside["epoch"] == 3
    assert flat.file_hash == sha256_of(tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        read_stored(tmp_path / "none.pth")


def test_sha256_of_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"vizstudio" * 5000)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"vizstudio" * 5000).hexdigest()


def test_describe_difference_names_what_is_missing_unexpected_and_of_another_shape() -> None:
    own = {"a": torch.ones(2), "b": torch.ones(3), "c": torch.ones(1)}
    assert describe_difference(own, dict(own)) == ""
    assert describe_difference(own, {"a": torch.ones(2, 4), "c": torch.ones(1), "d": torch.ones(1)}) == (
        "1 missing (b); 1 unexpected (d); 1 of another shape (a is 2×4, not 2)"
    )


def test_words_for_messages() -> None:
    assert name_some([], "missing") == ""
    assert name_some(list("abcde"), "missing") == "5 missing (a, b, c and 2 more)"
    assert (shape_text((768, 256)), shape_text(())) == ("768×256", "a single number")
    assert first_line(ValueError("one\ntwo")) == "one"
    assert first_line(ValueError()) == "ValueError"
    assert (
        no_such("format", "pgn", ("png", "svg")) == "no format 'pgn': did you mean png? choose from png, svg"
    )
    assert no_such("format", "x", ()) == "no format 'x': choose from none"


def test_check_images_names_the_broken_ones_or_leaves_them_out(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    Image.new("RGB", (8, 6), "red").save(good)
    bad.write_bytes(good.read_bytes()[:40])
    shares: list[float] = []
    report: Report = lambda share, message: shares.append(share)  # noqa: E731 - it is the type that is tried
    left_out = check_images([good, bad], True, report)
    assert [*left_out] == [bad]
    assert shares[-1] == 1
    with pytest.raises(ImageError, match=r"bad\.png"):
        check_images([good, bad], False, report)
    with showing_progress() as shown:
        assert check_images([good], False, shown) == {}


def test_jittered_changes_no_more_than_asked_and_the_same_for_the_same_seed() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(60, 190, (20, 20, 3), np.uint8))
    same = jittered(image, 0.0, np.random.default_rng(1))
    assert np.array_equal(same, image)
    one, two = (np.asarray(jittered(image, 0.2, np.random.default_rng(5)), float) for _ in range(2))
    assert np.array_equal(one, two)
    assert 0 < np.abs(one - np.asarray(image, float)).mean() < 0.2 * 255
    grey = Image.new("RGB", (4, 4), (100, 100, 100))
    shades = [np.asarray(jittered(grey, 0.1, np.random.default_rng(seed))).mean() for seed in range(30)]
    assert 89 <= min(shades) < 100 < max(shades) <= 111


def test_observe_gives_the_output_the_calls_and_their_layout() -> None:
    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(3, 8, 4, 4)
            self.mix = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, pixels: torch.Tensor) -> Any:
            tokens = self.embed(pixels).flatten(2).transpose(1, 2)
            return self.mix(tokens, tokens, tokens)[0]

    model, pixels = Attend().eval(), torch.randn(1, 3, 8, 12)
    seen = observe(model, pixels)
    assert isinstance(seen, Observation)
    with torch.no_grad():
        assert torch.allclose(seen.output, model(pixels), atol=1e-6)
    assert [call.name for call in seen.calls] == [call.name for call in seen.layout.calls] == ["mix"]


def test_a_data_set_and_items_are_what_the_loop_reads() -> None:
    data: Dataset = Datasets(load_plugins(True).datasets).open("emoji-scenes", 64, 6, 0, "train")

    class Mains:
        def __len__(self) -> int:
            return len(data)

        def get(self, index: int, rng: np.random.Generator | None) -> Any:
            return torch.tensor(data[index].image).float().mean(), data[index].main

        def name(self, index: int) -> str:
            return str(index)

    items: Items = Mains()
    means = [float(items.get(i, None)[0]) for i in range(len(items))]
    assert means == pytest.approx([float(data[i].image.mean()) for i in range(6)], rel=1e-5)
    with pytest.raises(UsageError, match="no data set 'emoji'"):
        Datasets(load_plugins(True).datasets).open("emoji", 64, 6, 0, "train")


def test_who_writes_captions_is_a_captioner() -> None:
    assert isinstance(FakeCaptioner(), Captioner)
    assert not isinstance(object(), Captioner)


def test_where_weights_come_from() -> None:
    assert get_args(WeightSource) == ("checkpoint", "pretrained", "untrained")
    assert get_type_hints(ModelInfo)["weights"] == WeightSource


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TrainingError("the loss is no number"), 1),
        (UsageError("no such thing"), 2),
        (PluginError("broken"), 1),
    ],
)
def test_each_error_has_its_exit_code_and_one_line(error: Exception, code: int, capsys: Any) -> None:
    app = make_app("program", "A program.")

    @app.meta.default
    def fail(*tokens: str) -> None:
        raise error

    assert run_program(app, []) == code
    assert capsys.readouterr().err == f"program: error: {error}\n"


def test_an_entry_says_which_field_is_unfit() -> None:
    with pytest.raises(PluginError, match=r"DatasetEntry\.summary must be a text"):
        DatasetEntry("dots", "Dots", "", "a:b")


def test_open_splits_gives_every_epoch_new_images_and_a_folder_none(tmp_path: Path) -> None:
    datasets = Datasets(load_plugins(True).datasets)
    given = {"model": "any", "out": tmp_path / "run", "images": 7, "epochs": 3, "val_images": 2}
    config = ImageTraining(data="emoji-scenes", **given)
    opened = open_splits(config, 64, datasets)
    assert opened is not None and [len(part) for part in opened] == [21, 2]
    first, held = (part[0].image for part in opened)
    assert first.shape == held.shape == (64, 64, 3) and not np.array_equal(first, held)
    folder = ImageTraining(data=str(tmp_path), **given)
    assert open_splits(folder, 64, datasets) is None
    assert data_folder(folder, datasets) == tmp_path
    with pytest.raises(UsageError, match="no folder gone, and no data set of that name: known are emoji-"):
        data_folder(ImageTraining(data="gone", **given), datasets)
