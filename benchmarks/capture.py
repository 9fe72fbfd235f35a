"""Capture against a plain forward pass and timm's own extraction; maps from what was kept; the position grid.

usage: python benchmarks/capture.py [--models NAME…] [--rounds N] [--device cpu|cuda]

Timings of one table are taken in turn, round by round, in one process; a ratio is one of medians. Peak memory
is taken in a process of its own for each way.
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from timm.utils import AttentionExtract

from vizstudio import load_model
from vizstudio.api import AttentionTrace, ImageFit, Observation, observe
from vizstudio.core import maps
from vizstudio.core.figures import render
from vizstudio.core.images import read_image
from vizstudio.core.overlay import colorize, mosaic, value_range
from vizstudio.core.state import ViewState

WAYS = ("plain forward", "forward with capture", "timm's extraction, unfused")


def build(name: str, device: str, fused: bool = True) -> torch.nn.Module:
    """Return an untrained model; timm's extraction sees nothing unless attention is unfused."""
    timm.layers.set_fused_attn(fused)
    torch.manual_seed(0)
    model = timm.create_model(name).eval().to(device)
    timm.layers.set_fused_attn(True)
    return model


def an_input(model: torch.nn.Module, device: str) -> torch.Tensor:
    """Return one random image of the model's own size."""
    size = model.pretrained_cfg["input_size"]
    return torch.randn(1, *size, generator=torch.Generator().manual_seed(0)).to(device)


def way(name: str, which: str, device: str) -> Callable[[], object]:
    """Return one forward pass as a function without arguments."""
    model = build(name, device, fused=which != WAYS[2])
    pixels = an_input(model, device)
    if which == WAYS[1]:
        layout = observe(model, pixels).layout
        return lambda: observe(model, pixels, layout)
    run: Callable[..., object] = AttentionExtract(model, method="hook") if which == WAYS[2] else model

    def forward() -> object:
        with torch.no_grad():
            return run(pixels)

    return forward


def seconds(call: Callable[[], object], device: str) -> float:
    """Return how long one call takes, results included."""
    start = time.perf_counter()
    kept = call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    took = time.perf_counter() - start
    del kept
    return took


def in_turn(calls: dict[str, Callable[[], object]], rounds: int, device: str) -> dict[str, float]:
    """Return the median time of each call, taken in turn after two rounds to warm up."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    gc.disable()
    for i in range(rounds + 2):
        for name, call in calls.items():
            took = seconds(call, device)
            if i >= 2:
                times[name].append(took)
    gc.enable()
    return {name: statistics.median(taken) for name, taken in times.items()}


def peak_memory(name: str, which: str, device: str) -> float:
    """Return by how many MB one forward pass raises the peak, results kept; run in a process of its own."""
    forward = way(name, which, device)
    forward()  # what is allocated once and kept
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        kept = forward()
        del kept
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew
    before = resident("VmRSS")
    kept = forward()
    del kept
    return resident("VmHWM") - before


def resident(what: str) -> float:
    """Return a line of Linux's process status in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(what)) / 1e3


def surroundings() -> dict[str, str]:
    """Return an environment in which glibc gives every large block back at once: the peak is that of one pass."""
    return {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def measured_apart(name: str, which: str, device: str) -> float:
    """Return `peak_memory` of a fresh process."""
    command = [sys.executable, __file__, "--peak", which, "--models", name, "--device", device]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=surroundings())
    return float(done.stdout.split()[-1])


def table(title: str, rows: dict[str, float], base: str, memory: dict[str, float] | None = None) -> None:
    """Print times with their ratio to the row named `base`."""
    print(f"\n{title}")
    for name, taken in rows.items():
        extra = f"   peak {memory[name]:7.0f} MB" if memory else ""
        print(f"  {name:44} {taken * 1e3:10.2f} ms   {taken / rows[base]:8.3f} ×{extra}")


def forward_passes(name: str, rounds: int, device: str) -> None:
    """Compare the three ways to run a model."""
    times = in_turn({which: way(name, which, device) for which in WAYS}, rounds, device)
    memory = {which: measured_apart(name, which, device) for which in WAYS}
    table(f"{name} on {device}: one image", times, WAYS[0], memory)


def trace_of(seen: Observation, size: tuple[int, int]) -> AttentionTrace:
    """Return what a forward pass left behind."""
    fit = ImageFit.resized(size, size, size)
    layers = [seen.layout.layer(i, call, fit) for i, call in enumerate(seen.calls)]
    return AttentionTrace(layers, list(seen.calls))


def questions(name: str, rounds: int, device: str) -> None:
    """Time what is asked of a finished analysis."""
    model = build(name, device)
    pixels = an_input(model, device)
    trace = trace_of(observe(model, pixels), (pixels.shape[-1], pixels.shape[-2]))
    count = len(trace.layers)

    def forward() -> object:
        with torch.no_grad():
            return model(pixels)

    def wall() -> list[np.ndarray]:
        stacks = [maps.all_heads(trace, layer, "cls") for layer in range(count)]
        return [colorize(m, "viridis", *value_range(m, from_zero=True)) for stack in stacks for m in stack]

    calls = {
        "plain forward": forward,
        "one map (last layer, mean of heads)": lambda: maps.attention_heatmap(trace, -1, "mean", "cls"),
        "one map (last layer, head 3)": lambda: maps.attention_heatmap(trace, -1, 2, "cls"),
        f"wall of {count} × {trace.layers[0].heads} coloured maps": wall,
        "rollout through all layers": lambda: maps.rollout(trace, "cls"),
    }
    table(f"{name} on {device}: from what was kept", in_turn(calls, rounds, device), "plain forward")


def position_grid(name: str, rounds: int) -> None:
    """Compare one composed picture with a matplotlib subplot per panel."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    image = read_image(np.zeros((64, 64, 3), np.uint8))
    analysis = load_model(f"vit:{name}", device="cpu").analyze(image)
    similarity = analysis.position().similarity()
    rows, cols = similarity.shape[:2]

    def ours() -> np.ndarray:
        panels = analysis.position().similarity()
        return colorize(mosaic(panels), "viridis", *value_range(panels))

    def page() -> np.ndarray:
        return render(analysis, image, ViewState(view="position")).scene.rasterize()

    def subplots() -> object:
        figure, axes = pyplot.subplots(rows, cols, figsize=(12, 12))
        for axis, panel in zip(axes.ravel(), similarity.reshape(-1, rows, cols), strict=True):
            axis.imshow(panel)
            axis.set_axis_off()
        figure.canvas.draw()
        pyplot.close(figure)
        return figure

    slow = {f"matplotlib, {rows * cols} subplots": seconds(subplots, "cpu")}
    times = in_turn({"ours, composed and coloured": ours, "ours, a whole page": page}, rounds, "cpu")
    table(
        f"{name}: the position grid of {rows}×{cols} panels", {**times, **slow}, "ours, composed and coloured"
    )


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["vit_base_patch16_384", "vit_tiny_patch16_224"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--peak", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        print(peak_memory(given.models[0], given.peak, given.device))
        return
    where = (
        torch.cuda.get_device_name()
        if given.device.startswith("cuda")
        else f"{torch.get_num_threads()} threads"
    )
    print(f"torch {torch.__version__}, timm {timm.__version__}, {where}")
    for name in given.models:
        forward_passes(name, given.rounds, given.device)
        questions(name, given.rounds, given.device)
    position_grid(given.models[0], given.rounds)


if __name__ == "__main__":
    main()
