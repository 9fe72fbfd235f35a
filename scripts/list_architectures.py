"""Writes docs/architectures.md: what is shown of one model of every family, measured by running each.

usage: python scripts/list_architectures.py [NAME…]
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np

from vizstudio import load_model
from vizstudio.api import AttentionLayer, VizstudioError

DOCUMENT = Path(__file__).parents[1] / "docs" / "architectures.md"
# The smallest model of each family, and of each way in which a family differs.
NAMES = """
    vit_tiny_patch16_224 vit_small_patch14_reg4_dinov2 vit_base_patch16_siglip_224 vit_base_patch16_clip_224
    vit_tiny_r_s16_p8_224 vit_relpos_small_patch16_224 vit_relpos_base_patch16_clsgap_224 vit_srelpos_small_patch16_224
    flexivit_small naflexvit_base_patch16_gap samvit_base_patch16_224 deit_tiny_patch16_224
    deit_tiny_distilled_patch16_224 deit3_small_patch16_224 beit_base_patch16_224 eva02_tiny_patch14_224
    vit_small_patch16_rope_224 vit_small_patch16_rope_mixed_224 vit_tiny_patch16_dinov3_qkvb cait_xxs24_224
    convit_tiny crossvit_tiny_240 pit_ti_224 tnt_s_legacy_patch16_224 swin_tiny_patch4_window7_224
    swinv2_tiny_window8_256 swinv2_cr_tiny_224 maxvit_pico_rw_256 coatnet_nano_rw_224 mvitv2_tiny hiera_tiny_224
    sam2_hiera_tiny pvt_v2_b0 twins_pcpvt_small twins_svt_small nest_tiny gcvit_xxtiny davit_tiny tiny_vit_5m_224
    levit_128s efficientformer_l1 efficientformerv2_s0 efficientvit_m0 visformer_tiny vitamin_small_224 volo_d1_224
    xcit_nano_12_p8_224 mobilevit_xxs fastvit_sa12 nextvit_small mobilenetv4_hybrid_medium botnet26t_256 halonet26t
    resnet50_clip coat_tiny mobilevitv2_050 edgenext_xx_small efficientvit_b0 lambda_resnet26t poolformer_s12
    mixer_s32_224 convnext_atto
"""
HEADING = """# Supported architectures

One model of each family that timm brings, run with untrained weights. Written by
`python scripts/list_architectures.py`; the tests measure every line again.

*Shown* counts attention calls. Each is verified by multiplying its weights with its values and comparing with
what the model itself computed. *Windows* are laid back on the image. A call without a place can be asked for
its weights, but is not drawn on the photo.

| Model | Shown | Where tokens lie | Tokens off the image | Position embedding | Not shown |
| --- | --- | --- | --- | --- | --- |
"""


def describe(name: str) -> str:
    """Return a line of the table."""
    gradient = np.linspace(0, 1, 96 * 80 * 3, dtype=np.float32).reshape(80, 96, 3)
    try:
        analysis = load_model(f"vit:{name}").analyze(gradient)
    except VizstudioError as error:
        return f"| `{name}` | none | – | – | – | {error} |"
    layers = analysis.attention.layers
    places = Counter(_place(layer) for layer in layers)
    off_image = dict.fromkeys(label for layer in layers for label in _tokens_off_the_image(layer))
    embedding = analysis.position_embedding
    left_out = [note for note in analysis.notes if "left out" in note]
    cells = [
        f"`{name}`",
        str(len(layers)),
        "; ".join(f"{count} × {place}" if len(places) > 1 else place for place, count in places.items()),
        ", ".join(off_image) or "–",
        embedding.kind if embedding else "–",
        left_out[0] if left_out else "",
    ]
    return "| " + " | ".join(cells) + " |"


def _tokens_off_the_image(layer: AttentionLayer) -> tuple[str, ...]:
    if layer.keys.grid is None:
        return ()
    asked = layer.queries.labels if layer.queries.num_tokens == 1 else ()
    return (*layer.keys.labels, *asked)


def _place(layer: AttentionLayer) -> str:
    """Return in a few words where a call's queries and keys lie."""
    if layer.keys.grid is None:
        return "unknown"
    keys = f"{layer.keys.grid.rows}×{layer.keys.grid.cols}"
    windows = len(layer.keys.index)
    within = f" in {windows} windows" if windows > 1 else ""
    if layer.queries.grid is None:
        asked = "one query" if layer.queries.num_tokens == 1 else "queries of no known place"
        return f"{asked} over {keys}{within}"
    queries = f"{layer.queries.grid.rows}×{layer.queries.grid.cols}"
    return (keys if queries == keys else f"{queries} over {keys}") + within


def main() -> None:
    """Write the document, or print the lines of the models named."""
    if names := sys.argv[1:]:
        print("\n".join(map(describe, names)))
        return
    lines = []
    for name in NAMES.split():
        lines.append(describe(name))
        print(lines[-1], flush=True)
    DOCUMENT.parent.mkdir(exist_ok=True)
    DOCUMENT.write_text(HEADING + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
