"""The list of models, which is read from timm's sources, against what timm itself registers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import timm

from vizstudio_vit import names
from vizstudio_vit.names import MODULES, ONLY, list_models

# Modules whose source speaks of a softmax or of attention, and that have none from tokens to tokens.
OTHERS = {
    "coat": "factorised: the softmax is over tokens for every channel, and queries never meet keys",
    "edgenext": "cross-covariance: channels attend to channels",
    "efficientvim": "a state space: the softmax weighs tokens for every hidden state",
}
ATTENTION = re.compile(
    r"softmax\(|scaled_dot_product_attention|^from .*\bAttention\w*\b|\bAttention2d\b", re.MULTILINE
)


def test_names_are_those_that_timm_registers() -> None:
    expected = {
        (name, module)
        for module in MODULES
        for name in timm.list_models(module=module)
        if re.search(ONLY.get(module, ""), name)
    }
    shipped = {("demo", "vision_transformer")}
    assert {(listing.name, listing.family) for listing in list_models()} == expected | shipped


def test_every_module_is_there_and_every_pattern_of_use() -> None:
    found = list_models()
    assert {listing.family for listing in found} == set(MODULES)
    assert set(ONLY) <= set(MODULES)
    for module, pattern in ONLY.items():
        listed = [n for n in timm.list_models(module=module) if re.search(pattern, n)]
        assert 0 < len(listed) < len(timm.list_models(module=module))


def test_no_module_with_attention_is_left_out() -> None:
    """Read what timm's other modules are made of; each that looks like attention is explained above."""
    folder = Path(timm.__file__).parent / "models"
    registered = {timm.models._registry._model_to_module[n] for n in timm.list_models()}
    suspects = {
        module
        for module in registered - set(MODULES)
        if ATTENTION.search((folder / f"{module}.py").read_text(encoding="utf-8"))
    }
    assert suspects == set(OTHERS)


def test_tags_are_those_with_published_weights() -> None:
    published = set(timm.list_pretrained())
    told = {
        f"{listing.name}.{tag}"
        for listing in list_models()[1:]
        if listing.summary
        for tag in listing.summary.removeprefix("weights: ").split(", ")
    }
    assert told <= published
    names_told = {listing.name for listing in list_models()}
    known = {name for name in published if name.partition(".")[0] in names_told}
    assert len(told) > 0.9 * len(known)  # some modules make their tags as they are imported
    assert "vit_tiny_patch16_224.augreg_in21k_ft_in1k" in told
    assert "vit_small_patch14_dinov2.lvd142m" in told


def test_listing_imports_neither_torch_nor_timm() -> None:
    code = (
        "import json, sys; from vizstudio_vit.names import list_models; found = len(list_models()); "
        "print(json.dumps([found, [m for m in ('torch', 'timm') if m in sys.modules]]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, imported = json.loads(done.stdout)
    assert found == len(list_models()) and imported == []


def test_without_timm_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "find_spec", lambda _: None)
    with pytest.raises(names.ModelError, match="timm is not installed: `pip install timm`"):
        list_models()


def test_a_module_that_an_older_timm_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MODULES", ("pit", "of_the_future"))
    assert {listing.family for listing in list_models()[1:]} == {"pit"}  # the first is the one that ships
