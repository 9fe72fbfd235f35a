"""Every line of docs/architectures.md, measured again; and the maps against matrices that the model itself made."""

import re
from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from vizstudio.api import AttentionCall, observe
from vizstudio.compute.calls import FusedCall

ROOT = Path(__file__).parents[2]
LINES = [
    line
    for line in (ROOT / "docs" / "architectures.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| `")
]
NAMES = [re.findall(r"`(\w+)`", line)[0] for line in LINES]
SHOWN = [name for name, line in zip(NAMES, LINES, strict=True) if "| none |" not in line]


def test_the_document_covers_the_families() -> None:
    assert len(SHOWN) >= 40
    assert len(NAMES) == len(set(NAMES))


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = spec_from_file_location("list_architectures", ROOT / "scripts" / "list_architectures.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES, ids=NAMES)
def test_a_line_of_the_document_is_true(line: str, script: ModuleType) -> None:
    assert script.describe(re.findall(r"`(\w+)`", line)[0]) == line


def make(name: str, like: nn.Module | None = None) -> nn.Module:
    """Return a fused model, or with `like` an unfused one that shares its weights."""
    timm.layers.set_fused_attn(like is None)
    try:
        torch.manual_seed(0)
        model = timm.create_model(name).eval()
    finally:
        timm.layers.set_fused_attn(True)
    if like is not None:
        model.load_state_dict(like.state_dict(), assign=True)
    return model


class Unfused:
    """The matrices that a model hands to its own attention dropout, when it multiplies them itself."""

    def __init__(self, model: nn.Module) -> None:
        self.matrices: dict[str, Tensor] = {}
        self.hooks = [
            module.register_forward_pre_hook(self._keep(name.rpartition(".")[0]))
            for name, module in model.named_modules()
            if name.endswith("attn_drop") and isinstance(module, nn.Dropout)
        ]

    def _keep(self, owner: str):  # type: ignore[no-untyped-def]
        def keep(module: nn.Module, args: tuple[Tensor]) -> None:
            self.matrices.setdefault(owner, args[0].detach())

        return keep


class FusedOutputs(TorchFunctionMode):
    """Values and outputs of every fused call, to be multiplied anew."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if func is F.scaled_dot_product_attention:
            self.seen.append((args[2], out))
        return out


def first_and_last_of_each_kind(calls: Sequence[AttentionCall]) -> list[int]:
    """Return the numbers of the calls to compare; all of a kind are computed alike."""
    kinds: dict[object, list[int]] = {}
    for number, call in enumerate(calls):
        kinds.setdefault((type(call.module), call.windows, call.heads, call.queries, call.keys), []).append(
            number
        )
    return sorted({number for numbers in kinds.values() for number in (numbers[0], numbers[-1])})


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_maps_equal_what_the_model_computes_itself(name: str) -> None:
    model = make(name)
    image = torch.randn(1, *model.pretrained_cfg["input_size"], generator=torch.Generator().manual_seed(1))
    seen = observe(model, image)
    unfused = make(name, like=model)
    kept, outputs = Unfused(unfused), FusedOutputs()
    with torch.no_grad():
        unfused(image)
        with outputs:
            model(image)
    fused = iter(outputs.seen)
    again = [next(fused) if isinstance(call, FusedCall) else None for call in seen.calls]
    names = [call.name for call in seen.calls]
    for number in first_and_last_of_each_kind(seen.calls):
        call, layout = seen.calls[number], seen.layout.calls[number]
        if layout.refusal:
            continue
        call.require_verified()
        rows = call.rows(call.windows - 1, list(range(call.heads)), None)
        torch.testing.assert_close(rows.sum(-1), torch.ones(rows.shape[:-1]), atol=1e-5, rtol=0)
        if again[number] is not None:
            value, out = (layout.split(tensor)[-1] for tensor in again[number])
            torch.testing.assert_close(rows @ value, out, atol=1e-5, rtol=1e-4)
        matrix = kept.matrices.get(call.name)
        if matrix is not None and names.count(call.name) == 1 and not call.note:
            torch.testing.assert_close(rows, layout.split(matrix)[-1], atol=1e-5, rtol=1e-3)
