"""Captions of a whole batch are those that the studio's own decoding writes, token by token."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_captions import task_of
from torch.utils.data import default_collate

from vizstudio.api import CaptionRequest, ModelRequest, RunContext
from vizstudio_catr.checkpoint import Loaded
from vizstudio_catr.model import Catr
from vizstudio_catr.network import CaptionNetwork
from vizstudio_train_catr.recipe import Captioning


def varied(task: Captioning, seed: int) -> Captioning:
    """Give the network weights whose words vary with the image, and end after a while."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in task.model.named_parameters():
            if parameter.ndim > 1:
                gain = 3.0 if "in_proj" in name or "mlp" in name else 1.4
                parameter.normal_(0, gain / parameter[0].numel() ** 0.5 if "embedd" not in name else 1.0)
        task.model.mlp.layers[-1].bias[task.vocabulary.end] = 2.5
    task.model.eval()
    return task


@pytest.mark.parametrize("seed", range(4))
def test_a_batch_is_written_as_the_studio_writes_each_photo(seed: int, table: Path) -> None:
    task = varied(task_of(table, val_share=0.5), seed)
    found: dict[int, Any] = {}
    batch = default_collate([task.val.get(i, None) for i in range(len(task.val))])
    first = [i for i, references in enumerate(batch.references) if references]
    assert len(first) == 12
    with torch.no_grad():
        for i, written in zip(first, task.write(task.model, batch, first), strict=True):
            found[int(batch.image[i])] = written
    plain = CaptionNetwork(task.model.config).eval()
    plain.load_state_dict(task.model.state_dict())
    loaded = Loaded(plain, task.vocabulary, "")
    studio = Catr("catr:own", loaded, "checkpoint", ModelRequest(fit="pad"), "cpu")
    for image, written in found.items():
        photo, _ = task.data.val.read(image)
        caption = studio.caption(photo, CaptionRequest(), RunContext()).caption
        assert caption is not None
        assert [step.token_id for step in caption.steps] == [*written.tokens]
        np.testing.assert_allclose([s.log_prob for s in caption.steps], written.log_probs, atol=1e-4)
        assert caption.text == task.text(written)
        assert caption.finished == (written.tokens[-1] == task.vocabulary.end)
    lengths = {len(written.tokens) for written in found.values()}
    assert len(lengths) > 1, lengths  # some end before others


def test_results_count_what_was_written_and_every_token(table: Path) -> None:
    task = varied(task_of(table, val_share=0.5), 0)
    with torch.no_grad():
        for start in range(0, len(task.val), 5):
            items = range(start, min(start + 5, len(task.val)))
            task.evaluate(task.model, default_collate([task.val.get(i, None) for i in items]))
        results = task.results()
        loss = right = count = 0.0
        for i in range(len(task.val)):
            pair = task.val.get(i, None)
            tokens = pair.tokens[: int((pair.tokens != 0).sum())]
            scores = task.model(pair.pixels[None], pair.real[None], tokens[None, :-1])[0].log_softmax(-1)
            loss -= float(scores.gather(1, tokens[1:, None]).sum())
            right += int((scores.argmax(-1) == tokens[1:]).sum())
            count += len(tokens) - 1
    assert results["val_loss"] == pytest.approx(loss / count, rel=1e-4)
    assert results["token_accuracy"] == pytest.approx(right / count)
    assert task.goal == "cider"
    assert {"exact", "bleu1", "bleu2", "bleu3", "bleu4", "rouge_l", "cider"} < results.keys()


def test_a_caption_is_right_if_it_ends_and_has_the_words(table: Path) -> None:
    from vizstudio_train_catr.writing import Written

    task = task_of(table)
    numbers = [*task.vocabulary.spell("a red square"), task.vocabulary.end]

    def is_right(tokens: list[int]) -> bool:
        return task.is_right(Written(tuple(tokens), (0.0,) * len(tokens)), ["red", "A red  square."])

    assert is_right(numbers)
    assert not is_right(numbers[:-1])
    assert not is_right(numbers[1:])
    assert not is_right([task.vocabulary.unknown, *numbers])
