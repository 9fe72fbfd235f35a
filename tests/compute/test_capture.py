"""Attention is seen in every way that a module can compute it, equals its own formula, and leaves no trace."""

import gc
import threading
from types import FunctionType, ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vizstudio.compute.capture import capture, describe_failure
from vizstudio.compute.record import fused_call
from vizstudio.core.errors import AttentionError, Cancelled

LENGTH, WIDTH, HEADS = 10, 24, 4
DIM = WIDTH // HEADS


def heads_of(x: Tensor) -> Tensor:
    return x.unflatten(-1, (HEADS, DIM)).transpose(1, 2)


def formula(query: Tensor, key: Tensor, scale: float = DIM**-0.5, bias: Tensor | None = None) -> Tensor:
    scores = torch.einsum("bhid,bhjd->bhij", query, key) * scale
    return (scores if bias is None else scores + bias).softmax(-1)


class Attention(nn.Module):
    """Self-attention whose inner product is written in one of several ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.num_heads, self.way = HEADS, way
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value = map(heads_of, self.qkv(x).chunk(3, -1))
        return query, key, value

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.parts(x)
        return self.attend(q, k, v).transpose(1, 2).flatten(2)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scaled = q * DIM**-0.5
        flat = [t.flatten(0, 1) for t in (scaled, k, v)]
        match self.way:
            case "fused":
                return F.scaled_dot_product_attention(q, k, v)
            case "matmul":
                return (scaled @ k.mT).softmax(-1) @ v
            case "dropout and cast between":
                weights = F.softmax(scaled @ k.mT, dim=-1, dtype=torch.float32).to(v.dtype)
                return torch.matmul(F.dropout(weights, 0.5, training=False), v)
            case "bmm":
                weights = torch.softmax(torch.bmm(flat[0], flat[1].mT), -1)
                return torch.bmm(weights, flat[2]).unflatten(0, (-1, HEADS))
            case "einsum":
                weights = torch.einsum("bhid,bhjd->bhij", scaled, k).softmax(dim=-1)
                return torch.einsum("bhij,bhjd->bhid", weights, v)
            case "transposed":
                weights = (scaled @ k.mT).softmax(-1)
                return (v.mT @ weights.mT).mT
        raise ValueError(self.way)


WAYS = ["fused", "matmul", "dropout and cast between", "bmm", "einsum", "transposed"]


@pytest.fixture
def tokens() -> Tensor:
    return torch.randn(1, LENGTH, WIDTH, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_attention_is_seen(way: str, tokens: Tensor) -> None:
    module = nn.ModuleDict({"block": Attention(way)}).eval()
    with torch.no_grad(), capture(module) as recorder:
        module["block"](tokens)
    (call,) = recorder.calls
    query, key, _ = module["block"].parts(tokens)
    assert (call.name, call.windows, call.heads) == ("block", 1, HEADS)
    call.require_verified()
    rows = call.rows(0, list(range(HEADS)), None)
    torch.testing.assert_close(rows, formula(query, key)[0].detach(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(call.rows(0, [2], [1, 7]), rows[[2]][:, [1, 7]])


def reachable_tensors(root: object) -> list[Tensor]:
    """Return every tensor that is kept alive by an object, however deep; modules and code are not entered."""
    seen, waiting, found = set(), [root], []
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, (nn.Module, type, FunctionType, ModuleType)):
            waiting += [cell.cell_contents for cell in getattr(item, "__closure__", None) or ()]
            continue
        seen.add(id(item))
        if isinstance(item, Tensor):
            found.append(item)
        else:
            waiting += gc.get_referents(item)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_no_attention_matrix_is_kept(way: str) -> None:
    module, length = Attention(way).eval(), 200
    with torch.no_grad(), capture(module) as recorder:
        module(torch.randn(1, length, WIDTH))
    sizes = [tensor.untyped_storage().nbytes() // 4 for tensor in reachable_tensors(recorder.calls)]
    assert sizes, "the inputs at least are kept"
    assert max(sizes) < length * length


class Fused(nn.Module):
    def forward(self, *args: object, **kwargs: object) -> Tensor:
        return F.scaled_dot_product_attention(*args, **kwargs)  # type: ignore[arg-type]


def fused_rows(*args: object, **kwargs: object) -> Tensor:
    module = Fused().eval()
    with torch.no_grad(), capture(module) as recorder:
        module(*args, **kwargs)
    (call,) = recorder.calls
    call.require_verified()
    assert call.max_error < 1e-5
    return call.rows(0, list(range(call.heads)), None)


def qkv(keys: int = LENGTH, key_heads: int = HEADS) -> tuple[Tensor, Tensor, Tensor]:
    make = torch.Generator().manual_seed(1)
    return (
        torch.randn(1, HEADS, LENGTH, DIM, generator=make),
        torch.randn(1, key_heads, keys, DIM, generator=make),
        torch.randn(1, key_heads, keys, DIM, generator=make),
    )


def test_fused_with_a_bias() -> None:
    q, k, v = qkv()
    bias = torch.randn(1, HEADS, LENGTH, LENGTH, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(fused_rows(q, k, v, attn_mask=bias), formula(q, k, bias=bias)[0])


def test_fused_with_a_boolean_mask_that_all_heads_share() -> None:
    q, k, v = qkv(keys=7)
    allowed = torch.rand(LENGTH, 7, generator=torch.Generator().manual_seed(3)) > 0.4
    allowed[:, 0] = True
    bias = torch.zeros(LENGTH, 7).masked_fill(~allowed, -torch.inf)
    rows = fused_rows(q, k, v, allowed)
    torch.testing.assert_close(rows, formula(q, k, bias=bias)[0])
    assert (rows[:, ~allowed] == 0).all()


def test_fused_causal_with_a_scale_of_its_own() -> None:
    q, k, v = qkv()
    bias = torch.full((LENGTH, LENGTH), -torch.inf).triu(1)
    rows = fused_rows(q, k, v, is_causal=True, scale=0.3)
    torch.testing.assert_close(rows, formula(q, k, 0.3, bias)[0])


def test_fused_with_grouped_queries() -> None:
    q, k, v = qkv(key_heads=2)
    rows = fused_rows(q, k, v, enable_gqa=True)
    torch.testing.assert_close(rows, formula(q, k.repeat_interleave(2, 1))[0])


@pytest.mark.parametrize("need_weights", [False, True])
@pytest.mark.parametrize("average", [False, True])
def test_torch_multihead_attention_in_all_its_paths(
    need_weights: bool, average: bool, tokens: Tensor
) -> None:
    module = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
    options = {"need_weights": need_weights, "average_attn_weights": average}
    with torch.no_grad(), capture(module) as recorder:
        out, _ = module(tokens, tokens, tokens, **options)
    with torch.no_grad():
        again, _ = module(tokens, tokens, tokens, **options)
        _, expected = module(tokens, tokens, tokens, average_attn_weights=False)
    (call,) = recorder.calls
    call.require_verified()
    assert call.heads == HEADS
    torch.testing.assert_close(call.rows(0, list(range(HEADS)), None), expected[0])
    torch.testing.assert_close(out, again)


def test_torch_multihead_attention_with_padding_and_mask(tokens: Tensor) -> None:
    module = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
    masks = {
        "key_padding_mask": torch.arange(LENGTH)[None] >= 7,
        "attn_mask": torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1),
    }
    with torch.no_grad(), capture(module) as recorder:
        module(tokens, tokens, tokens, **masks, need_weights=False)
    expected = module(tokens, tokens, tokens, **masks, average_attn_weights=False)[1]
    (call,) = recorder.calls
    call.require_verified()
    rows = call.rows(0, list(range(HEADS)), None)
    torch.testing.assert_close(rows, expected[0].detach())
    assert (rows[..., 7:] == 0).all()


def test_transformer_encoder_does_not_hide_on_its_fast_path(tokens: Tensor) -> None:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 32, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2).eval()
    with torch.inference_mode():
        plain = encoder(tokens)
    with torch.no_grad(), capture(encoder) as recorder:
        seen = encoder(tokens)
    assert [call.name for call in recorder.calls] == ["layers.0.self_attn", "layers.1.self_attn"]
    torch.testing.assert_close(seen, plain, atol=1e-5, rtol=1e-5)
    first = encoder.layers[0].self_attn(tokens, tokens, tokens, average_attn_weights=False)[1]
    torch.testing.assert_close(recorder.calls[0].rows(0, [0, 1, 2, 3], None), first[0].detach())


def test_torchvision_vit_does_not_hide() -> None:
    from torchvision.models import VisionTransformer

    model = VisionTransformer(32, 8, 3, HEADS, WIDTH, 48, num_classes=5).eval()
    with torch.no_grad(), capture(model) as recorder:
        model(torch.randn(1, 3, 32, 32))
    assert len(recorder.calls) == 3
    for call in recorder.calls:
        call.require_verified()
        assert (call.heads, call.queries, call.keys) == (HEADS, 17, 17)
        torch.testing.assert_close(call.rows(0, [0], None).sum(-1), torch.ones(1, 17))


def test_cross_attention_has_its_own_numbers_of_queries_and_keys(tokens: Tensor) -> None:
    layer = nn.TransformerDecoderLayer(WIDTH, HEADS, 32, batch_first=True).eval()
    memory = torch.randn(1, 6, WIDTH)
    with torch.no_grad(), capture(layer) as recorder:
        layer(
            tokens,
            memory,
            tgt_is_causal=True,
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(LENGTH),
        )
    itself, cross = recorder.calls
    assert (itself.queries, itself.keys, cross.queries, cross.keys) == (LENGTH, LENGTH, LENGTH, 6)
    assert (itself.rows(0, [0], None)[0].triu(1) == 0).all()


class HeadMixing(Attention):
    """Talking heads: a matrix over heads before the values."""

    def __init__(self) -> None:
        super().__init__("matmul")
        self.mix = nn.Linear(HEADS, HEADS, bias=False)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        weights = (q * DIM**-0.5 @ k.mT).softmax(-1)
        return self.mix(weights.permute(0, 2, 3, 1)).permute(0, 3, 1, 2) @ v


def test_where_heads_are_mixed_the_softmax_itself_is_shown_and_said_so(tokens: Tensor) -> None:
    module = HeadMixing().eval()
    with torch.no_grad(), capture(module) as recorder:
        module(tokens)
    (call,) = recorder.calls
    q, k, _ = module.parts(tokens)
    assert "before the model mixes its heads" in call.note
    torch.testing.assert_close(call.rows(0, list(range(HEADS)), None), formula(q, k)[0].detach())


class Halving(Attention):
    """Halves its weights after the softmax, so that rows no longer sum to 1."""

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        weights = (q @ k.mT).softmax(-1)[..., :5] * 1.0
        return weights @ v[..., :5, :]


def test_what_is_cut_from_a_softmax_is_no_attention(tokens: Tensor) -> None:
    module = Halving("matmul").eval()
    with torch.no_grad(), capture(module) as recorder:
        module(tokens)
    assert recorder.calls == []


class InPlace(Attention):
    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = F.scaled_dot_product_attention(q, k, v)
        k.zero_()
        return out


def test_inputs_changed_in_place_are_an_error_not_a_wrong_map(tokens: Tensor) -> None:
    module = InPlace("fused").eval()
    with torch.no_grad(), capture(module) as recorder:
        module(tokens)
    with pytest.raises(AttentionError, match="in place"):
        recorder.calls[0].rows(0, [0], None)


def test_the_self_check_catches_a_wrong_output(monkeypatch: pytest.MonkeyPatch) -> None:
    q, k, v = qkv()
    real = F.scaled_dot_product_attention
    monkeypatch.setattr(
        "vizstudio.compute.capture.fused_call",
        lambda frame, out, *args, **kwargs: fused_call(frame, out.roll(1, -2), *args, **kwargs),
    )
    module = Fused().eval()
    with torch.no_grad(), capture(module) as recorder:
        torch.testing.assert_close(module(q, k, v), real(q, k, v))
    assert recorder.calls[0].max_error > 0.1
    with pytest.raises(AttentionError, match="differs from the call's own output"):
        recorder.calls[0].require_verified()


def test_nothing_is_left_behind_even_after_an_error(tokens: Tensor) -> None:
    module = nn.Sequential(Attention("matmul"), Attention("fused")).eval()
    before = torch.backends.mha.get_fastpath_enabled()

    def stop(name: str, share: float) -> None:
        if name == "1":
            raise Cancelled

    with pytest.raises(Cancelled), torch.no_grad(), capture(module, on_module=stop):
        module(tokens)
    for part in module.modules():
        assert not part._forward_hooks and not part._forward_pre_hooks
    assert torch.overrides._get_current_function_mode_stack() == []
    assert torch.backends.mha.get_fastpath_enabled() == before
    with torch.no_grad(), capture(module) as recorder:
        module(tokens)
    assert len(recorder.calls) == 2


def test_another_thread_is_not_recorded(tokens: Tensor) -> None:
    module = Attention("fused").eval()
    with torch.no_grad(), capture(module) as recorder:
        thread = threading.Thread(target=lambda: module(tokens))
        thread.start()
        thread.join()
    assert recorder.calls == []
    assert recorder.stack == []


def test_training_mode_is_refused(tokens: Tensor) -> None:
    with pytest.raises(AttentionError, match="eval"), capture(Attention("fused").train()):
        pass


def test_a_second_run_gives_the_same(tokens: Tensor) -> None:
    module = Attention("matmul").eval()
    rows = []
    for _ in range(2):
        with torch.no_grad(), capture(module) as recorder:
            module(tokens)
        rows.append(recorder.calls[0].rows(0, [0, 1], None))
    assert torch.equal(*rows)


def test_norms_of_chosen_modules() -> None:
    module = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU()).eval()
    tokens = torch.randn(1, LENGTH, WIDTH)
    with torch.no_grad(), capture(module, norms_of=["0"]) as recorder:
        module(tokens)
    expected = module[0](tokens).pow(2).sum(-1).sqrt()[0].detach()
    assert list(recorder.norms) == ["0"]
    torch.testing.assert_close(recorder.norms["0"], expected)


def test_a_model_without_attention_is_told_as_such() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    assert describe_failure(plain).endswith("in Sequential: it is made of Conv2d, ReLU, Sequential")

    class LinearAttention(nn.Module):
        pass

    assert "LinearAttention" in describe_failure(nn.Sequential(LinearAttention()))
