"""The loss of a step against a computation of its own, however the step is divided; norms, frozen parts, rates."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_captions import task_of
from torch.utils.data import default_collate
from torchvision.models import resnet18

from vizstudio.core.errors import CheckpointError, UsageError
from vizstudio.training.engine import make_accelerator, release_accelerator
from vizstudio.training.events import Events
from vizstudio.training.interrupt import Interrupt
from vizstudio.training.loop import Run
from vizstudio_catr.network import CaptionNetwork
from vizstudio_train_catr.recipe import Captioning

Gradients = dict[str, torch.Tensor]


@contextmanager
def run_of(task: Captioning, out: Path) -> Iterator[Run]:
    config = task.config.model_copy(update={"out": out})
    accelerator = make_accelerator(config)
    try:
        run = Run(config, task, accelerator, Events(out, False), Interrupt(False, out / "stop"))
        run.prepare(resume=False)
        run.model.train()
        yield run
    finally:
        release_accelerator(accelerator)


def gradient_of(task: Captioning, out: Path) -> tuple[float, Gradients]:
    """Return the loss and the gradients of the first step as the loop computes them."""
    with run_of(task, out) as run:
        loss, _, _ = run._backward(run._parts(0), len(run.plan.batch(0)))
        return loss, {n: p.grad.clone() for n, p in task.model.named_parameters() if p.grad is not None}


def own_gradient(task: Captioning, out: Path) -> tuple[float, Gradients]:
    """Return them by torch's own mean over the tokens of the whole batch, of captions one by one."""
    with run_of(task, out) as run:
        draws = run.plan.batch(0)
    pairs = [task.train.get(draw.index, np.random.default_rng(draw.key)) for draw in draws]
    scores, targets = [], []
    for pair in pairs:
        tokens = pair.tokens if task.config.count_pad else pair.tokens[: int((pair.tokens != 0).sum())]
        given: Any = CaptionNetwork.forward(task.model, pair.pixels[None], pair.real[None])
        states, _ = task.model.read(tokens[None, :-1], task.model.readable(given))
        scores.append(task.model.scores(states)[0])
        targets.append(tokens[1:])
    smoothing = task.config.label_smoothing
    loss = F.cross_entropy(torch.cat(scores), torch.cat(targets), label_smoothing=smoothing)
    loss.backward()
    return loss.item(), {n: p.grad for n, p in task.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("options", [{}, {"count_pad": True}, {"label_smoothing": 0.1}])
@pytest.mark.parametrize("accumulate", [1, 2, 4])
def test_a_step_has_the_mean_over_all_its_tokens_in_however_many_parts(
    accumulate: int, options: dict[str, Any], table: Path, tmp_path: Path
) -> None:
    frozen = {"backbone_norm": "frozen", "frozen_stages": 0}
    task = task_of(table, accumulate=accumulate, **frozen, **options)
    lengths = {int((task.train.get(d, None).tokens != 0).sum()) for d in range(len(task.train))}
    assert len(lengths) > 2  # captions of different lengths: a mean of means would be another
    loss, gradients = gradient_of(task, tmp_path / "a")
    true_loss, true_gradients = own_gradient(task_of(table, **frozen, **options), tmp_path / "b")
    assert loss == pytest.approx(true_loss, rel=1e-5)
    assert gradients.keys() == true_gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, true_gradients[name], rtol=1e-3, atol=1e-6, msg=name)


def test_pad_counts_only_when_asked(table: Path) -> None:
    batch = default_collate([task_of(table).train.get(i, None) for i in range(8)])
    ignoring, counting = task_of(table), task_of(table, count_pad=True)
    counting.model.load_state_dict(ignoring.model.state_dict())
    for task in (ignoring, counting):
        task.model.eval()
    with torch.no_grad():
        scores = ignoring.model(batch.pixels, batch.real, batch.tokens[:, :-1])
        each = F.cross_entropy(scores.transpose(1, 2), batch.tokens[:, 1:], reduction="none")
        real = batch.tokens[:, 1:] != 0
        torch.testing.assert_close(ignoring.losses(ignoring.model, batch), (each * real).sum(1))
        torch.testing.assert_close(counting.losses(counting.model, batch), each.sum(1))
    assert ignoring.sizes(batch).tolist() == real.sum(1).tolist()
    assert counting.sizes(batch).tolist() == [16.0] * 8


def test_what_comes_later_in_a_caption_changes_nothing_before(table: Path) -> None:
    task = task_of(table)
    pair = task.train.get(1, None)
    tokens = torch.stack([pair.tokens[:-1], pair.tokens[:-1].clone()])
    tokens[1, 4:] = 5
    pixels, real = pair.pixels.expand(2, -1, -1, -1), pair.real.expand(2, -1, -1)
    with torch.no_grad():
        scores = task.model.eval()(pixels, real, tokens)
    torch.testing.assert_close(scores[0, :4], scores[1, :4])
    assert not torch.allclose(scores[0, 4:], scores[1, 4:])


def test_an_image_is_encoded_alike_whatever_is_beside_it(table: Path) -> None:
    task = task_of(table)
    batch = default_collate([task.val.get(i, None) for i in range(len(task.val))])
    assert {tuple(r.any(0).sum().tolist() for r in (one.T, one)) for one in batch.real} != {(48, 48)}
    network = task.model.eval()
    with torch.no_grad():
        together = network(batch.pixels, batch.real)
        for i in range(len(batch.image)):
            alone = network(batch.pixels[i : i + 1], batch.real[i : i + 1])
            torch.testing.assert_close(together.memory[i], alone.memory[0], rtol=1e-4, atol=1e-5)


def test_learning_norms_are_torchs_batch_norm_and_load_into_frozen_ones(table: Path) -> None:
    task = task_of(table)
    body: Any = task.model.backbone[0].body
    theirs = torch.nn.BatchNorm2d(8)
    x = torch.randn(4, 8, 5, 5)
    torch.testing.assert_close(body.bn1.train()(x), theirs.train()(x))
    torch.testing.assert_close(body.bn1.running_var, theirs.running_var)
    torch.testing.assert_close(body.bn1.running_mean, theirs.running_mean)
    torch.testing.assert_close(body.bn1.eval()(x), theirs.eval()(x))
    plain = CaptionNetwork(task.model.config).eval()
    plain.load_state_dict(task.model.state_dict())
    pixels = torch.randn(2, 3, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(plain(pixels).memory, task.model.eval()(pixels).memory)


@pytest.mark.parametrize("norm", ["frozen", "batch"])
@pytest.mark.parametrize("frozen", [0, 1, 2, 3])
def test_frozen_parts_and_their_statistics_stay_and_all_else_learns(
    norm: str, frozen: int, table: Path, tmp_path: Path
) -> None:
    task = task_of(table, backbone_norm=norm, frozen_stages=frozen)
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    with run_of(task, tmp_path / "run") as run:
        parts = run._parts(0)
        for step in range(2):
            run._step(step, parts)
    parts_of = ("conv1", "bn1"), ("layer1",), ("layer2",)
    stay = tuple(f"backbone.0.body.{name}." for part in parts_of[:frozen] for name in part)
    for name, value in task.model.state_dict().items():
        of_norm = name.startswith("backbone.0.body.") and (
            ".bn" in name or "downsample.1" in name or "bn1" in name
        )
        same = name.startswith(stay) if stay else False
        same = same or (of_norm and norm == "frozen")
        # a bias of keys shifts all scores of a query alike, so it has no gradient but what rounding leaves
        if "in_proj_bias" not in name:
            assert torch.equal(value, before[name]) is same, name
    assert all(p.requires_grad is not n.startswith(stay or ("-",)) for n, p in task.model.named_parameters())


def test_groups_have_every_trained_parameter_once_with_its_rate(table: Path) -> None:
    task = task_of(
        table, backbone_norm="frozen", lr=1e-3, backbone_lr=1e-5, weight_decay=0.1, frozen_stages=1
    )
    groups = task.parameter_groups()
    names = {id(p): n for n, p in task.model.named_parameters()}
    learnt = [names[id(p)] for g in groups for p in g["params"]]
    assert sorted(learnt) == sorted(
        n for n, p in task.model.named_parameters() if "conv1.weight" not in n or "layer" in n
    )
    for group in groups:
        for p in group["params"]:
            name = names[id(p)]
            assert group["lr_scale"] == pytest.approx(1e-2 if name.startswith("backbone") else 1)
            spared = p.ndim < 2 or "position" in name
            assert group["weight_decay"] == (0 if spared else 0.1), name
    everything = task_of(table, decay_all=True, weight_decay=0.1).parameter_groups()
    assert {g["weight_decay"] for g in everything} == {0.1}


def test_a_backbone_of_torchvision_is_taken_with_the_stages_there_are(table: Path, tmp_path: Path) -> None:
    theirs = resnet18(weights=None).eval()
    torch.save(theirs.state_dict(), tmp_path / "resnet.pth")
    wide = {"backbone_width": 64, "backbone_stages": 3, "dilation": False}
    task = task_of(table, backbone_weights=tmp_path / "resnet.pth", **wide)
    assert not task.config.learns_norms
    assert task.config.frozen_parts == 2
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(x))))
        expected = theirs.layer3(theirs.layer2(theirs.layer1(expected)))
        torch.testing.assert_close(task.model.eval().backbone(x), expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(
        CheckpointError, match=r"resnet.pth does not fit the backbone resnet18: .* of another shape"
    ):
        task_of(table, backbone_weights=tmp_path / "resnet.pth")


def test_more_frozen_parts_than_there_are_is_an_error(table: Path) -> None:
    with pytest.raises(UsageError, match="frozen_stages is 4, and this backbone has a stem and 2 stages"):
        task_of(table, frozen_stages=4)
    with pytest.raises(UsageError, match="a width of 18 does not divide by 4"):
        task_of(table, width=18)


def test_a_caption_that_is_too_long_is_an_error_that_names_it(table: Path) -> None:
    with pytest.raises(UsageError, match=r"of photos/.* has 12 tokens, .* at most 9: .*--max-positions 13"):
        task_of(table, max_positions=10)


@pytest.mark.parametrize("norm", ["frozen", "batch"])
def test_gradient_checkpointing_changes_nothing(norm: str, table: Path, tmp_path: Path) -> None:
    options = {"backbone_norm": norm, "dropout": 0.3}
    torch.manual_seed(1)
    plain = gradient_of(task_of(table, **options), tmp_path / "a")
    torch.manual_seed(1)
    saving = gradient_of(task_of(table, gradient_checkpointing=True, **options), tmp_path / "b")
    assert plain[0] == saving[0]
    for name, gradient in plain[1].items():
        torch.testing.assert_close(gradient, saving[1][name], msg=name)


def test_images_change_at_random_by_their_draw_and_only_as_asked(table: Path) -> None:
    def get(task: Captioning, seed: int | None) -> torch.Tensor:
        pixels: torch.Tensor = task.train.get(0, None if seed is None else np.random.default_rng(seed)).pixels
        return pixels

    square = next(i for i in range(48) if bool(task_of(table).train.get(i, None).real.all()))
    task = task_of(table, jitter=0.2)
    assert torch.equal(get(task, 1), get(task, 1))
    assert not torch.equal(get(task, 1), get(task, 2))
    still = task_of(table, jitter=0)
    assert torch.equal(get(still, 1), get(still, None))
    mirrored = task_of(table, jitter=0, flip=1)
    own = mirrored.train.get(square, np.random.default_rng(0)).pixels
    torch.testing.assert_close(own, still.train.get(square, None).pixels.flip(2), atol=0.02, rtol=0)
    turned = task_of(table, jitter=0, quarter_turns=True)
    plain = still.train.get(square, None).pixels
    found = set()
    for seed in range(20):
        pixels = turned.train.get(square, np.random.default_rng(seed)).pixels
        found |= {k for k in range(4) if torch.allclose(pixels, plain.rot90(k, (1, 2)), atol=0.05)}
    assert found == {0, 1, 2, 3}


def test_items_can_be_sent_to_a_worker_of_any_system(table: Path) -> None:
    items = task_of(table).train  # its vocabulary has spelled captions already
    sent = pickle.loads(pickle.dumps(items))
    for mine, theirs in zip(items.get(3, None), sent.get(3, None), strict=True):
        assert torch.equal(mine, theirs) if isinstance(mine, torch.Tensor) else mine == theirs
