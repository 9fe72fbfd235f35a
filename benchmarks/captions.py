"""Writing a caption by recomputing all for every token, by encoding once, and from a cache.

usage: python benchmarks/captions.py [--tokens N…] [--rounds N] [--device cpu|cuda] [--photo FILE]

The same random weights and the same photo; each way writes greedily, token by token, and they have to agree on
every token and its log-probability. The last way is what the plugin does, attention of every step included.
Random weights hardly ever end a caption; should they, the benchmark says so and stops. Timings are taken in turn,
round by round, in one process; a ratio is one of medians. Peak memory is taken in a process of its own for each.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from capture import in_turn, resident, surroundings
from torch import Tensor

from vizstudio.api import CaptionRequest, ImageSource, ModelRequest, RunContext, read_image
from vizstudio.resources import resource_path
from vizstudio_catr.model import Catr, load
from vizstudio_catr.preprocess import prepare

WAYS = ("all again for every token", "encoded once, no cache", "encoded once, cached (the plugin)")
TOKENS = (12, 60)
Written = list[tuple[int, float]]
"""Tokens and their log-probabilities."""
Way = Callable[[], Written]


def again(model: Catr, image: ImageSource, count: int) -> Written:
    """Run backbone, encoder and all positions of the decoder for every token, as the reference does."""
    network, device = model._network, model.info.device
    pixels = prepare(image, network.config.image_size).pixels.to(device)
    tokens = torch.zeros(1, network.config.max_positions, dtype=torch.int64, device=device)
    tokens[0, 0] = model._vocabulary.start
    found: Written = []
    with torch.no_grad():
        for place in range(count):
            states, _ = network.read(tokens, network.readable(network(pixels)))
            found.append(most_probable(network.scores(states)[0, place]))
            tokens[0, place + 1] = found[-1][0]
    return found


def without_cache(model: Catr, image: ImageSource, count: int) -> Written:
    """Encode once; let the decoder read the whole caption so far for every token."""
    network, device = model._network, model.info.device
    tokens = [model._vocabulary.start]
    found: Written = []
    with torch.no_grad():
        encoded = network.readable(network(prepare(image, network.config.image_size).pixels.to(device)))
        for _ in range(count):
            states, _ = network.read(torch.tensor([tokens], device=device), encoded)
            found.append(most_probable(network.scores(states[:, -1])[0]))
            tokens.append(found[-1][0])
    return found


def cached(model: Catr, image: ImageSource, count: int) -> Written:
    """Do what the plugin does with a photo that it has not seen before."""
    model.forget()
    analysis = model.caption(image, CaptionRequest(max_tokens=count), RunContext(model.info.device))
    return [(step.token_id, step.log_prob) for step in analysis.steps]


def most_probable(scores: Tensor) -> tuple[int, float]:
    """Return the most probable token and its log-probability."""
    best = scores.log_softmax(-1).max(-1)
    return int(best.indices), float(best.values)


def require_the_same(results: dict[str, Written], count: int) -> float:
    """Return the largest difference of a log-probability; stop if a token differs or a caption ended early."""
    first = results[WAYS[0]]
    for name, written in results.items():
        if [token for token, _ in written] != [token for token, _ in first]:
            raise SystemExit(f"{name}: wrote other tokens than {WAYS[0]}, so there is nothing to compare")
        if len(written) < count:
            raise SystemExit(f"{name}: the caption ended after {len(written)} of {count} tokens")
    pairs = [zip(first, written, strict=True) for written in results.values()]
    return max(abs(one[1] - other[1]) for pair in pairs for one, other in pair)


def ways(model: Catr, image: ImageSource, count: int) -> dict[str, Way]:
    """Return every way as a function without arguments."""
    functions = (again, without_cache, cached)
    return {name: lambda f=f: f(model, image, count) for name, f in zip(WAYS, functions, strict=True)}  # type: ignore[misc]


def peak_memory(which: str, model: Catr, image: ImageSource, count: int) -> float:
    """Return by how many MB a caption raises the peak above the loaded model; run in a process of its own."""
    write = ways(model, image, count)[which]
    write()  # what is allocated once and kept
    if model.info.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        write()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew
    before = resident("VmRSS")
    write()
    return resident("VmHWM") - before


def measured_apart(which: str, given: argparse.Namespace, count: int) -> float:
    """Return `peak_memory` of a fresh process."""
    command = [sys.executable, __file__, "--peak", which, "--tokens", str(count)]
    command += ["--device", given.device, "--photo", str(given.photo)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=surroundings())
    return float(done.stdout.split()[-1])


def compare(model: Catr, image: ImageSource, count: int, given: argparse.Namespace) -> None:
    """Print one table."""
    calls = ways(model, image, count)
    worst = require_the_same({name: call() for name, call in calls.items()}, count)
    times = in_turn(calls, given.rounds, given.device)
    memory = {which: measured_apart(which, given, count) for which in WAYS}
    print(f"\n{count} tokens; log-probabilities differ by at most {worst:.1e}")
    for name, taken in times.items():
        ratio = times[WAYS[0]] / taken
        print(f"  {name:36} {taken * 1e3:10.1f} ms   {ratio:6.1f} × as fast   peak {memory[name]:7.0f} MB")


def main() -> None:
    """Print a table for each number of tokens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", nargs="+", type=int, default=TOKENS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--photo", type=Path, default=resource_path("photos/astronaut.jpg"))
    parser.add_argument("--peak", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    model, image = load("own", ModelRequest(), RunContext(given.device)), read_image(given.photo)
    if given.peak:
        print(peak_memory(given.peak, model, image, given.tokens[0]))
        return
    where = (
        torch.cuda.get_device_name()
        if given.device.startswith("cuda")
        else f"{torch.get_num_threads()} threads"
    )
    pixels = prepare(image, model.info.input_size[0]).pixels
    print(f"torch {torch.__version__}, {where}; {image.name}, {pixels.shape[-1]}×{pixels.shape[-2]} pixels")
    for count in given.tokens:
        compare(model, image, count, given)


if __name__ == "__main__":
    main()
