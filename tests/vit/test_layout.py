"""Where tokens lie, against an experiment: change the pixels of one cell and see which token answers.

The experiment knows nothing of how places are followed. The row of a query's weights changes most where the
query itself changed, so the token of the changed cell is the one whose row changes most.
"""

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn

from vizstudio.api import (
    AttentionError,
    AttentionTrace,
    GeometryError,
    ImageFit,
    ModelLayout,
    PatchGrid,
    observe,
)

# Name, layers to try, input (width, height) or None for the model's own, cells that the stem's kernels may reach.
CASES = [
    ("vit_tiny_patch16_224", [0, 1], None, 0),
    ("vit_tiny_patch16_224", [0], (160, 96), 0),
    ("vit_small_patch14_reg4_dinov2", [0], (182, 140), 0),
    ("vit_tiny_r_s16_p8_224", [0], None, 1),
    ("flexivit_small", [0], (144, 96), 0),
    ("naflexvit_base_patch16_gap", [0], (128, 96), 0),
    ("vit_tiny_patch16_dinov3_qkvb", [0], None, 0),
    ("swin_tiny_patch4_window7_224", [0, 1, 2], (112, 112), 0),
    ("swinv2_tiny_window8_256", [0, 1], (128, 128), 0),
    ("swinv2_cr_tiny_224", [0, 1], (112, 112), 0),
    ("maxvit_pico_rw_256", [0, 1], (128, 128), 1),
    ("hiera_tiny_224", [0, 2], (128, 128), 1),
    ("sam2_hiera_tiny", [0], (128, 128), 2),
    ("twins_svt_small", [0], None, 0),
    ("mobilevit_xxs", [0], None, 1),
    ("efficientvit_m0", [0], None, 2),
    ("levit_128s", [0], None, 1),
    ("pit_ti_224", [0], None, 1),
    ("pvt_v2_b0", [0], (128, 128), 1),
    ("pvt_v2_b0", [0], (122, 94), 1),
    ("mvitv2_tiny", [0], (128, 128), 2),
    ("crossvit_tiny_240", [0, 3], None, 1),
    ("nest_tiny", [0], (128, 128), 0),
    ("tiny_vit_5m_224", [0], None, 1),
    ("gcvit_xxtiny", [0], (224, 224), 1),
    ("halonet26t", [0], None, 1),
    ("tnt_s_legacy_patch16_224", [1], None, 0),
    ("davit_tiny", [0], (112, 112), 1),
    ("convit_tiny", [0], None, 0),
    ("xcit_nano_12_p8_224", [0], None, 1),
]


def build(name: str, size: tuple[int, int] | None) -> tuple[nn.Module, Tensor, ImageFit]:
    torch.manual_seed(0)
    if size is None:
        model = timm.create_model(name)
        width = height = model.pretrained_cfg["input_size"][-1]
    else:
        width, height = size
        free = any(part in name for part in ("pvt", "davit", "gcvit", "sam2_hiera", "naflex"))
        model = timm.create_model(name, **({} if free else {"img_size": (height, width)}))
    # Patches stand out and the class token and positions stay small, so that a change is felt.
    image = torch.randn(1, 3, height, width)
    return model.eval(), image, ImageFit.resized((width, height), (width, height), (width, height))


def rows_of(
    model: nn.Module, image: Tensor, fit: ImageFit, layer: int, known: ModelLayout | None = None
) -> tuple[np.ndarray, AttentionTrace]:
    seen = observe(model, image, known)
    layers, calls = [], []
    for number, call in enumerate(seen.calls):
        try:
            layers.append(seen.layout.layer(number, call, fit))
            calls.append(call)
        except AttentionError:
            continue
    trace = AttentionTrace(layers, calls)
    return trace.weights(layer), trace


def change(image: Tensor, grid: PatchGrid, row: int, col: int) -> Tensor:
    left, top, width, height = (round(v) for v in grid.cell_rect(row, col))
    changed = image.clone()
    changed[..., top : top + height, left : left + width] += 4 * torch.randn(3, 1, 1) + 2
    return changed


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layers", "size", "reach"), CASES, ids=[f"{c[0]}-{c[2]}" for c in CASES])
def test_the_token_of_a_changed_cell_answers(
    name: str, layers: list[int], size: tuple[int, int] | None, reach: int
) -> None:
    model, image, fit = build(name, size)
    known = observe(model, image).layout
    for layer in layers:
        before, trace = rows_of(model, image, fit, layer, known)
        about = trace.layers[layer]
        if about.queries.grid is None:  # class attention: the keys answer instead
            axis, sums = about.keys, (0, 1)
        else:
            axis, sums = about.queries, (0, 2)
        assert axis.grid is not None
        rows, cols = axis.grid.shape
        for row, col in [(0, 0), (rows // 2, cols // 3), (rows - 2, cols - 1)]:
            after, _ = rows_of(model, change(image, axis.grid, row, col), fit, layer, known)
            answer = np.abs(after - before).sum(axis=sums)[axis.num_prefix_tokens :]
            found = divmod(int(answer.argmax()), cols)
            assert max(abs(found[0] - row), abs(found[1] - col)) <= reach, (layer, (row, col), found)


def test_swin_windows_are_blocks_and_shifted_ones_wrap_around() -> None:
    model, image, fit = build("swin_tiny_patch4_window7_224", None)
    weights, trace = rows_of(model, image, fit, 0)
    shifted = trace.weights(1)
    cells = np.arange(56 * 56).reshape(56, 56)
    inside = weights[0, cells[10, 12]].reshape(56, 56) > 0
    assert inside[7:14, 7:14].all() and inside.sum() == 49
    inside = shifted[0, cells[10, 12]].reshape(56, 56) > 1e-12
    assert inside[10:17, 10:17].all() and inside.sum() == 49
    corner = shifted[0, cells[1, 1]].reshape(56, 56) > 1e-12
    assert corner[:3, :3].all() and corner.sum() == 9, (
        "masked: the other corners are in the window but not seen"
    )


def test_a_known_layout_gives_the_same_as_following_places_again() -> None:
    model, image, fit = build("swin_tiny_patch4_window7_224", None)
    first = observe(model, image)
    second = observe(model, image, first.layout)
    for number, (a, b) in enumerate(zip(first.calls, second.calls, strict=True)):
        one, two = first.layout.layer(number, a, fit), second.layout.layer(number, b, fit)
        assert one.name == two.name and np.array_equal(one.keys.index, two.keys.index)
        assert torch.equal(a.rows(0, [0], [3]), b.rows(0, [0], [3]))


def test_following_places_changes_nothing_in_the_output() -> None:
    for name in ("swin_tiny_patch4_window7_224", "levit_128s", "crossvit_tiny_240"):
        model, image, _ = build(name, None)
        with torch.no_grad():
            plain = model(image)
        assert torch.equal(observe(model, image).output, plain)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("xcit_nano_12_p8_224", "channels"),
        ("coat_tiny", "compares no queries with keys"),
        ("edgenext_xx_small", "channels"),
        ("lambda_resnet26t", "compares no queries with keys"),
    ],
)
def test_what_is_no_attention_between_tokens_is_refused_by_name(name: str, reason: str) -> None:
    model, image, fit = build(name, None)
    seen = observe(model, image)
    with pytest.raises(AttentionError, match=reason):
        seen.layout.layer(0, seen.calls[0], fit)


def test_tokens_pooled_across_rows_have_no_place() -> None:
    model, image, fit = build("nextvit_small", None)
    seen = observe(model, image)
    layer = seen.layout.layer(0, seen.calls[0], fit)
    assert layer.keys.grid is None and "place on the image is not known" in layer.note


def test_shared_queries_of_gcvit_are_not_drawn_as_if_they_had_one_place() -> None:
    model, image, fit = build("gcvit_xxtiny", None)
    seen = observe(model, image)
    layer = seen.layout.layer(1, seen.calls[1], fit)
    assert layer.queries.grid is None and layer.keys.grid is not None


def test_names_of_tokens_off_the_image() -> None:
    model, image, fit = build("vit_small_patch14_reg4_dinov2", (140, 140))
    seen = observe(model, image)
    assert seen.layout.layer(0, seen.calls[0], fit).queries.labels == ("cls", "reg1", "reg2", "reg3", "reg4")
    model, image, fit = build("deit_tiny_distilled_patch16_224", None)
    seen = observe(model, image)
    assert seen.layout.layer(0, seen.calls[0], fit).keys.labels == ("cls", "dist")
    model, image, fit = build("vit_base_patch16_siglip_224", None)
    seen = observe(model, image)
    assert seen.layout.layer(12, seen.calls[12], fit).queries.labels == ("probe",)


def test_one_image_at_a_time() -> None:
    model, image, _ = build("vit_tiny_patch16_224", None)
    with pytest.raises(GeometryError, match="one image"):
        observe(model, image.repeat(2, 1, 1, 1))
