"""Prints how many emoji scenes a core makes in a second, and where the time goes: ``python benchmarks/scenes.py``."""

import argparse
import cProfile
import pstats
import time

from vizstudio_emoji.scenes import Scenes


def rate(size: int, start: int, count: int) -> float:
    """Return scenes per second, in this process."""
    scenes = Scenes(size, start + count, seed=1)
    begin = time.perf_counter()
    for index in range(start, start + count):
        scenes[index]
    return count / (time.perf_counter() - begin)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--profile", action="store_true", help="list the slowest functions at 128 px too")
    arguments = parser.parse_args()
    print(f"first 200 scenes of a process, 128 px: {rate(128, 0, 200):5.0f} images/s (fills the caches)")
    for size in (96, 128, 160, 224):
        speed = rate(size, 10_000, arguments.count)
        print(f"  {size:3} px: {speed:5.0f} images/s on one core (target at 128 px: 300)")
    if arguments.profile:
        with cProfile.Profile() as profile:
            rate(128, 20_000, arguments.count)
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    main()
