"""Writes the best weights of a training run into the models that ship, in float16.

usage: python scripts/bundle_model.py RUN NAME

RUN is the folder that `vizstudio-train` wrote, NAME such as ``vit_demo``: the weights go to
``resources/models/NAME.safetensors`` with what the checkpoint tells of classes, vocabulary and preprocessing.
"""

import argparse
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

from vizstudio.core.files import write_atomic

MODELS = Path(__file__).parent.parent / "resources" / "models"


def main() -> None:
    """Bundle one model and print how large it is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    given = parser.parse_args()
    with safe_open(given.run / "best.safetensors", "pt") as file:
        metadata = file.metadata()
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, not a dict
    half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    for key, value in half.items():
        if not torch.isfinite(value).all():
            raise SystemExit(f"{key} does not fit into float16")
    content = save(half, metadata)
    write_atomic(MODELS / f"{given.name}.safetensors", content)
    print(f"{given.name}: {len(content) / 1e6:.2f} MB, {sum(v.numel() for v in half.values()):,} numbers")


if __name__ == "__main__":
    main()
