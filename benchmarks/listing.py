"""Prints how long the commands that only list take, as a user waits for them: ``python benchmarks/listing.py``."""

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = (["plugins"], ["plugins", "--json"], ["models"], ["models", "--json"], ["run", "--help"])


def measure(command: list[str], runs: int) -> list[float]:
    """Return the wall seconds of each run, in a process of its own; the first, which fills caches, is dropped."""
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    runs = parser.parse_args().runs
    print(f"median and longest of {runs} runs, in seconds (target: under 1)")
    for words in (["-c", "pass"], *(["-m", "vizstudio", *command] for command in COMMANDS)):
        seconds = measure([sys.executable, *words], runs)
        print(f"  python {' '.join(words):32} {statistics.median(seconds):6.3f} {max(seconds):6.3f}")


if __name__ == "__main__":
    main()
