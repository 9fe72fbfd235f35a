"""The network's parts against torch's and torchvision's own, in every size that a configuration allows."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from vizstudio.api import CheckpointError
from vizstudio_catr.backbone import Backbone, sine_positions
from vizstudio_catr.config import BACKBONES, CatrConfig
from vizstudio_catr.network import CaptionNetwork
from vizstudio_catr.transformer import Attention

Make = Callable[..., CaptionNetwork]


def test_a_dilated_backbone_equals_torchvisions() -> None:
    ours = Backbone(CatrConfig(backbone="resnet50")).eval()
    theirs = torchvision.models.resnet50(
        norm_layer=FrozenBatchNorm2d, replace_stride_with_dilation=[False, False, True]
    ).eval()
    state = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    ours.body.load_state_dict(state)
    image, seen = torch.randn(1, 3, 70, 99), []
    theirs.layer4.register_forward_hook(lambda module, args, out: seen.append(out))
    with torch.no_grad():
        theirs(image)
        torch.testing.assert_close(ours(image), seen[0])


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("dilation", [True, False])
def test_every_backbone_has_its_stride(name: str, dilation: bool) -> None:
    backbone = Backbone(CatrConfig(backbone=name, dilation=dilation)).eval()
    with torch.no_grad():
        out = backbone(torch.randn(1, 3, 65, 97))
    stride = 16 if dilation else 32
    assert out.shape == (1, backbone.channels, math.ceil(65 / stride), math.ceil(97 / stride))


@pytest.mark.parametrize(("name", "stages"), [("resnet18", 3), ("resnet50", 2)])
def test_fewer_stages_are_the_first_of_torchvisions(name: str, stages: int) -> None:
    ours = Backbone(CatrConfig(backbone=name, dilation=False, backbone_stages=stages)).eval()
    theirs = torchvision.models.get_model(name, norm_layer=FrozenBatchNorm2d).eval()
    state = {k: v for k, v in theirs.state_dict().items() if k in ours.body.state_dict()}
    ours.body.load_state_dict(state)
    image, seen = torch.randn(1, 3, 70, 99), []
    theirs.get_submodule(f"layer{stages}").register_forward_hook(lambda module, args, out: seen.append(out))
    with torch.no_grad():
        theirs(image)
        torch.testing.assert_close(ours(image), seen[0])


def test_a_narrow_backbone_doubles_its_channels_from_stage_to_stage() -> None:
    backbone = Backbone(CatrConfig(backbone="resnet18", backbone_width=24, backbone_stages=3)).eval()
    widths = [backbone.body.get_submodule(f"layer{n}.0.conv1").weight.shape[0] for n in (1, 2, 3)]
    assert (widths, backbone.channels) == ([24, 48, 96], 96)
    with torch.no_grad():  # the third stage is the last one, and so the dilated one: a cell of 8 pixels
        assert backbone(torch.randn(1, 3, 65, 97)).shape == (1, 96, 9, 13)


def test_sine_positions_by_the_formula() -> None:
    real = torch.ones(1, 5, 7, dtype=torch.bool)
    real[:, 4:], real[:, :, 6:] = False, False
    positions = sine_positions(real, 16)[0].view(5, 7, 16).numpy()
    for row, col, feature in ((0, 0, 0), (2, 3, 1), (3, 5, 6), (1, 4, 8), (3, 0, 11), (2, 2, 15)):
        place, whole = (row + 1, 4) if feature < 8 else (col + 1, 6)
        angle = place / whole * 2 * math.pi / 10000 ** (2 * (feature % 8 // 2) / 8)
        expected = math.sin(angle) if feature % 2 == 0 else math.cos(angle)
        assert positions[row, col, feature] == pytest.approx(expected, abs=1e-5)


def test_attention_equals_torchs_own(small: CatrConfig) -> None:
    ours, theirs = Attention(small).eval(), nn.MultiheadAttention(small.width, small.heads, batch_first=True)
    nn.init.xavier_uniform_(ours.in_proj_weight)
    theirs.load_state_dict(ours.state_dict())
    query, key, value = torch.randn(3, 2, 6, small.width).unbind()
    real = torch.rand(2, 6) > 0.3
    with torch.no_grad():
        expected = theirs.eval()(query, key, value, key_padding_mask=~real)[0]
        mixed = ours(query, ours.keys_values(key, value), real[:, None, None])
    torch.testing.assert_close(mixed, expected)


def test_one_token_at_a_time_equals_all_at_once(small: CatrConfig, make_network: Make) -> None:
    network, tokens = make_network(small), torch.randint(0, 50, (2, 9))
    with torch.no_grad():
        image = network.readable(network(torch.randn(2, 3, 48, 80)))
        whole, kept = network.read(tokens, image)
        past = None
        for i in range(9):
            state, past = network.read(tokens[:, i : i + 1], image, past)
            torch.testing.assert_close(state[:, 0], whole[:, i], atol=1e-5, rtol=1e-5)
    assert past is not None
    for (keys, values), (all_keys, all_values) in zip(past, kept, strict=True):
        torch.testing.assert_close(keys, all_keys, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(values, all_values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (1, 1), (2, 1), (3, 5), (8,), (9,)])
def test_scores_are_those_of_plain_layers(
    shape: tuple[int, ...], small: CatrConfig, make_network: Make
) -> None:
    network, states = make_network(small), torch.randn(*shape, small.width)
    with torch.no_grad():
        expected = states
        for number, layer in enumerate(network.mlp.layers):
            expected = layer(expected.relu() if number else expected)
        torch.testing.assert_close(network.scores(states), expected, atol=1e-5, rtol=1e-5)


def test_padding_is_not_looked_at(small: CatrConfig, make_network: Make) -> None:
    """What lies under the mask does not matter beyond the reach of the backbone's kernels."""
    network = make_network(replace(small, backbone="resnet18"))
    real = torch.zeros(1, 96, 96, dtype=torch.bool)
    real[:, :40, :90] = True
    encoded = network(torch.randn(1, 3, 96, 96), real)
    assert encoded.real is not None
    cells = encoded.real.view(6, 6)
    assert cells[:3].all() and not cells[3:].any()
    memory = encoded.memory.clone()
    memory[:, 18:] = 1e4
    tokens = torch.randint(0, 50, (1, 4))
    with torch.no_grad():
        one = network.read(tokens, network.readable(encoded))[0]
        other = network.read(tokens, network.readable(replace(encoded, memory=memory)))[0]
    torch.testing.assert_close(one, other)


def test_dropout_works_in_training_only(small: CatrConfig, make_network: Make) -> None:
    network, image, tokens = make_network(small), torch.randn(1, 3, 48, 48), torch.randint(0, 50, (1, 5))

    def states() -> torch.Tensor:
        with torch.no_grad():
            return network.read(tokens, network.readable(network(image)))[0]

    assert torch.equal(states(), states())
    network.train()
    assert not torch.allclose(states(), states())


def test_configuration_round_trip(small: CatrConfig) -> None:
    assert CatrConfig.from_json(small.to_json()) == small
    assert CatrConfig.from_json("{}") == CatrConfig()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "is no JSON object"),
        ('{"depth": 3}', "unknown names: depth"),
        ('{"width": "wide"}', "width must be of type int, not 'wide'"),
        ('{"width": 30}', "width of 30 does not divide by 4 and by 8 heads"),
        ('{"heads": 0}', "heads must be at least 1"),
        ('{"dropout": 1.0}', "dropout must be from 0 to below 1"),
        ('{"backbone_stages": 5}', "2 to 4 stages, not 5"),
        ('{"backbone": "vgg"}', "no backbone 'vgg': known are resnet18"),
        ('{"dilation": 1}', "dilation must be of type bool"),
    ],
)
def test_an_unfit_configuration(text: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        CatrConfig.from_json(text)


def test_untrained_weights_give_numbers(small: CatrConfig) -> None:
    network = CaptionNetwork(replace(small, backbone="resnet50")).eval()
    with torch.no_grad():
        states, _ = network.read(torch.tensor([[2]]), network.readable(network(torch.randn(1, 3, 96, 96))))
    assert np.isfinite(network.scores(states).detach().numpy()).all()
