"""Maps of attention against plain NumPy on full matrices."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core import maps
from vizstudio.core.errors import GeometryError, UsageError
from vizstudio.core.geometry import ImageFit, PatchGrid, TokenAxis
from vizstudio.core.types import AttentionLayer


@pytest.mark.parametrize(
    ("labels", "query", "tokens"),
    [
        (("cls",), None, [0]),
        (("cls",), "cls", [0]),
        (("cls", "reg1", "reg2"), "reg2", [2]),
        (("cls", "reg1"), (0, 0), [2]),
        (("cls",), (2, 3), [12]),
        ((), (1, 2), [6]),
        (("cls",), 5, [5]),
        ((), None, list(range(12))),
        (("reg1",), None, list(range(1, 13))),
        (("cls", "reg1"), "mean", list(range(2, 14))),
    ],
)
def test_what_a_query_stands_for(grid: PatchGrid, labels: tuple, query: object, tokens: list[int]) -> None:
    assert maps.query_tokens(TokenAxis(labels, grid), query) == tokens


def test_a_lone_query_is_the_default(grid: PatchGrid) -> None:
    assert maps.query_tokens(TokenAxis(("latent",)), None) == [0]


@pytest.mark.parametrize("query", ["dist", "3", (3, 0), (0, 4), (-1, 0), 13, -1])
def test_a_query_that_is_not_there(grid: PatchGrid, query: object) -> None:
    with pytest.raises(UsageError, match=r"^no query .*: choose cls, mean, a patch from 0,0 to 2,3$"):
        maps.query_tokens(TokenAxis(("cls",), grid), query)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (None, "the class token"),
        ("reg2", "register 2"),
        ("mean", "the average patch"),
        ((1, 2), "patch 1,2"),
        (3, "patch 0,0"),
    ],
)
def test_what_a_query_is_called(grid: PatchGrid, query: object, name: str) -> None:
    assert maps.query_name(TokenAxis(("cls", "reg1", "reg2"), grid), query) == name


@pytest.mark.parametrize(("query", "text"), [(None, "default"), ((3, 5), "3,5"), ("cls", "cls"), (7, "7")])
def test_how_a_query_is_typed(query: object, text: str) -> None:
    assert maps.format_query(query) == text


@pytest.mark.parametrize("labels", [(), ("cls",), ("cls", "reg1", "reg2")])
@pytest.mark.parametrize("query", ["mean", (2, 1)])
@pytest.mark.parametrize("head", [0, 1, "mean", "max", "min"])
def test_heatmap_equals_the_row_of_the_full_matrix(
    make_attention: Callable, labels: tuple, query: object, head: object
) -> None:
    attention = make_attention(labels=labels)
    prefix = len(labels)
    full = attention.matrices[1]
    row = full[:, prefix:].mean(axis=1) if query == "mean" else full[:, prefix + 2 * 4 + 1]
    fused = row[head] if isinstance(head, int) else getattr(np, head)(row, axis=0)
    heatmap = maps.attention_heatmap(attention, 1, head, query)
    assert np.allclose(heatmap.values, fused[prefix:].reshape(3, 4), atol=1e-7)
    if head in ("max", "min"):
        assert heatmap.prefix_mass is None  # such a row does not sum to 1, so it has no share
    else:
        assert heatmap.prefix_mass == pytest.approx(fused[:prefix].sum(), abs=1e-6)
        assert heatmap.values.sum() + heatmap.prefix_mass == pytest.approx(1, abs=1e-5)


def test_layers_count_from_the_end_too(make_attention: Callable) -> None:
    attention = make_attention(layers=3)
    last = maps.attention_heatmap(attention, -1)
    assert np.array_equal(last.values, maps.attention_heatmap(attention, 2).values)
    for layer in (3, -4):
        with pytest.raises(UsageError, match=f"layer {layer} does not exist: this model has layers 0 to 2"):
            maps.attention_heatmap(attention, layer)


@pytest.mark.parametrize("head", [2, -1])
def test_a_head_that_is_not_there(make_attention: Callable, head: int) -> None:
    with pytest.raises(UsageError, match=f"head {head} does not exist: this layer has heads 0 to 1"):
        maps.attention_heatmap(make_attention(), 0, head)


def test_a_reduction_that_is_not_there(make_attention: Callable) -> None:
    with pytest.raises(UsageError, match="no head 'median': give a number, or mean, max, min"):
        maps.attention_heatmap(make_attention(), 0, "median")


def test_hidden_tokens_are_empty_and_nothing_else_changes(make_attention: Callable) -> None:
    attention = make_attention()
    whole = maps.attention_heatmap(attention, 0)
    hidden = maps.attention_heatmap(attention, 0, hide=[1 + 6, 1 + 11])
    empty = np.isnan(hidden.values)
    assert np.argwhere(empty).tolist() == [[1, 2], [2, 3]]
    assert np.array_equal(hidden.values[~empty], whole.values[~empty])
    assert hidden.prefix_mass == whole.prefix_mass
    assert np.array_equal(maps.attention_heatmap(attention, 0).values, whole.values)  # nothing was kept


def test_other_windows_have_no_value(windowed: object) -> None:
    heatmap = maps.attention_heatmap(windowed, 0, 1, (0, 3))
    assert np.isnan(heatmap.values[:, :2]).all()
    expected = windowed.matrices[0][1, 3].reshape(3, 4)[:, 2:]
    assert np.allclose(heatmap.values[:, 2:], expected)
    assert heatmap.values[:, 2:].sum() == pytest.approx(1, abs=1e-5)
    stack = maps.all_heads(windowed, 0, (0, 3), hide=[2])
    assert np.isnan(stack[:, 0, 2]).all() and np.isnan(stack[:, :, :2]).all()
    assert np.isfinite(maps.attention_heatmap(windowed, 0, "mean", "mean").values).all()


def test_all_heads_are_the_single_heads(make_attention: Callable) -> None:
    attention = make_attention(heads=3)
    stack = maps.all_heads(attention, 1, (1, 1))
    for head in range(3):
        assert np.array_equal(stack[head], maps.attention_heatmap(attention, 1, head, (1, 1)).values)


def test_keys_that_lie_nowhere_are_not_drawn(make_attention: Callable) -> None:
    attention = make_attention(layers=1)
    axis = TokenAxis(tuple(f"w{i}" for i in range(13)), note="text tokens")
    attention.layers = (AttentionLayer("cross.0", "cross", 2, axis, axis),)
    with pytest.raises(
        GeometryError, match=r"attention of cross\.0 cannot be drawn on the image: text tokens"
    ):
        maps.attention_heatmap(attention, 0, "mean", "w3")


def reference_rollout(matrices: list[np.ndarray], fuse: Callable) -> np.ndarray:
    """Multiply full matrices, as Abnar and Zuidema write it: Ã(l) = A(l) Ã(l - 1)."""
    joint = np.eye(matrices[0].shape[-1])
    for full in matrices:
        mixed = fuse(full.astype(np.float64), axis=0) + np.eye(full.shape[-1])
        joint = (mixed / mixed.sum(axis=-1, keepdims=True)) @ joint
    return joint


@pytest.mark.parametrize("head", ["mean", "max", "min"])
@pytest.mark.parametrize("labels", [(), ("cls", "reg1")])
def test_rollout_is_the_product_of_all_layers(make_attention: Callable, head: str, labels: tuple) -> None:
    attention = make_attention(layers=5, heads=3, labels=labels)
    fuse = getattr(np, head)
    # max and min rows do not sum to 1: the residual is mixed in at half the weight before normalising
    joint = reference_rollout(attention.matrices, fuse)
    prefix = len(labels)
    patch = maps.rollout(attention, (1, 2), head)
    row = joint[prefix + 6]
    assert np.allclose(patch.values, row[prefix:].reshape(3, 4), atol=1e-6)
    assert patch.prefix_mass == pytest.approx(row[:prefix].sum(), abs=1e-5)
    assert patch.values.sum() + patch.prefix_mass == pytest.approx(1, abs=1e-5)
    average = maps.rollout(attention, "mean", head)
    assert np.allclose(average.values, joint[prefix:, prefix:].mean(axis=0).reshape(3, 4), atol=1e-6)


def test_rollout_up_to_a_layer_and_of_one_head(make_attention: Callable) -> None:
    attention = make_attention(layers=4)
    joint = reference_rollout(attention.matrices[:2], lambda full, axis: full[1])
    assert np.allclose(maps.rollout(attention, "cls", 1, 1).values, joint[0, 1:].reshape(3, 4), atol=1e-6)


def test_rollout_stops_at_windows(windowed: object, make_attention: Callable) -> None:
    with pytest.raises(UsageError, match=r"and layers\.0\.attn does not: 2 windows of 3×2"):
        maps.rollout(windowed, (0, 0))
    cross = make_attention(layers=1)
    cross.layers = (replace(cross.layers[0], kind="cross"),)
    with pytest.raises(UsageError, match="rollout needs self-attention, and this model has none"):
        maps.rollout(cross)


def test_cells_on_padding(grid: PatchGrid) -> None:
    assert not maps.on_padding(grid).any()
    fit = ImageFit.resized((100, 50), (64, 32), (64, 64), (0, 16), "pad")
    padded = PatchGrid(4, 4, (16.0, 16.0), fit)
    assert maps.on_padding(padded).tolist() == [[True] * 4, [False] * 4, [False] * 4, [True] * 4]
    sideways = PatchGrid(4, 4, (16.0, 16.0), ImageFit.resized((50, 100), (32, 64), (64, 64), (16, 0), "pad"))
    assert np.array_equal(maps.on_padding(sideways), maps.on_padding(padded).T)


def test_outliers_are_patches_far_above_the_median() -> None:
    norms = np.array([900, 1.0, 2, 3, 6.1, 2, 8])
    assert maps.outlier_tokens(norms, 1).tolist() == [6]  # the median of the patches is 2.5
    assert maps.outlier_tokens(norms, 1, factor=2).tolist() == [4, 6]
    assert maps.outlier_tokens(norms, 0).tolist() == [0]
    assert maps.outlier_tokens(np.ones(5), 1).size == 0


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.data())
def test_the_cell_at_the_same_place(
    rows: int, cols: int, new_rows: int, new_cols: int, data: st.DataObject
) -> None:
    fit = ImageFit((97, 61), (480, 480), (480 / 97, 480 / 61))
    old = PatchGrid(rows, cols, (480 / cols, 480 / rows), fit)
    new = PatchGrid(new_rows, new_cols, (480 / new_cols, 480 / new_rows), fit)
    query = (data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, cols - 1)))
    row, col = maps.at_same_place(query, TokenAxis(("cls",), old), TokenAxis((), new))
    left, top, width, height = old.cell_rect(*query)
    new_left, new_top, new_width, new_height = new.cell_rect(row, col)
    assert new_left - 1e-6 <= left + width / 2 <= new_left + new_width + 1e-6
    assert new_top - 1e-6 <= top + height / 2 <= new_top + new_height + 1e-6


def test_a_token_number_is_the_same_token_in_a_layer_of_another_grid() -> None:
    fit = ImageFit((8, 8), (8, 8), (1, 1))
    fine, coarse = PatchGrid(4, 4, (2, 2), fit), PatchGrid(2, 2, (4, 4), fit)
    first, second = TokenAxis((), fine), TokenAxis(("cls",), coarse)
    assert maps.at_same_place(15, first, second) == (1, 1)
    assert maps.at_same_place(1, second, first) == (1, 1)  # patch 0,0, in whose middle patch 1,1 begins
    assert maps.at_same_place(0, second, first) == "cls"


@pytest.mark.parametrize("query", [None, "cls", "mean", 3])
def test_other_queries_are_the_same_in_every_layer(grid: PatchGrid, query: object) -> None:
    assert maps.at_same_place(query, TokenAxis(("cls",), grid), TokenAxis(("cls",), grid)) == query
