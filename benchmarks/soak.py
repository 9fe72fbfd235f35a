"""Uses the real window with small models at random for a while: memory, threads, widgets and hooks have to stay flat.

    python benchmarks/soak.py [--minutes 30] [--seed 0]

Every minute is a line of the table. At the end the medians of the last fifth are compared with those of the second
fifth, the first being the warm-up; the exit code is 1 if one has grown by over 5 %, if an error was not caught, or if
the window showed something that was not so. Without a display it runs offscreen, and always without the network.
"""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "gui" / "fakes"))

import numpy as np
import psutil
from overheard import Overheard
from PIL import Image
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication
from random_user import RandomUser, Things, settle
from studio_truth import check_now, check_session, check_settled

from vizstudio.entries import ModelListing
from vizstudio.gui.app import make_application
from vizstudio.gui.heap import give_back
from vizstudio.gui.main_window import MainWindow
from vizstudio.gui.shelf import ModelShelf
from vizstudio.plugins import PluginHost, load_plugins
from vizstudio.resources import resource_path
from vizstudio.settings import Settings, log_path, write_settings

NAMES = {"vit": ("demo", "vit_tiny_patch16_224", "vit_tiny_patch16_384"), "catr": ("demo",)}
BUDGET = 30  # megabytes: less than two of the models take
FLAT = 0.05
BOUNDED = ("modules", "results")  # as many as models are kept and tabs show something of: they come and go
SETTLED, REOPENED = 25, 300  # actions between two looks
MINUTE = 60.0


def vit_names() -> list[ModelListing]:
    """Return the small ones, so that no other is chosen from a list."""
    return [ModelListing(name, "named" if name == "demo" else "published") for name in NAMES["vit"]]


def catr_names() -> list[ModelListing]:
    """Return the one that ships."""
    return [ModelListing(name, "named") for name in NAMES["catr"]]


@dataclass
class Measured:
    """What is there at one moment: megabytes, and numbers of things."""

    megabytes: float
    threads: int
    widgets: int
    objects: int
    hooks: int
    modules: int
    results: int


def measure(window: MainWindow) -> Measured:
    """Count, after garbage was collected and what was freed was given back, as the next run would."""
    gc.collect()
    give_back()
    kinds: Counter[str] = Counter()
    hooks, loaded = 0, sys.modules.get("torch.nn")  # torch is imported by the first run
    for found in gc.get_objects():
        kind = type(found)  # asking some objects for their class is a warning
        kinds[kind.__name__] += 1
        if loaded is not None and issubclass(kind, loaded.Module):
            kinds["module"] += 1
            hooks += len(found._forward_hooks) + len(found._forward_pre_hooks) + len(found._backward_hooks)
    return Measured(
        megabytes=psutil.Process().memory_info().rss / 1e6,
        threads=threading.active_count(),
        widgets=len(QApplication.allWidgets()),
        objects=len(window.findChildren(QObject)),
        hooks=hooks,
        modules=kinds["module"],
        results=kinds["Result"],
    )


def small_host() -> PluginHost:
    """Return the plugins that ship, with the small models alone and without training, which would start processes."""
    loaded, host = load_plugins(safe_mode=True), PluginHost()
    for entry in loaded.models.entries():
        host.models.add(replace(entry, names=f"{__name__}:{entry.id}_names"), loaded.models.owner(entry.id))
    for kind in ("exporters", "reductions"):
        for added in getattr(loaded, kind).entries():
            getattr(host, kind).add(added, "builtin")
    return host


def make_things(folder: Path, seed: int) -> Things:
    """Write photos of many sizes and files that are none."""
    draw, photos = np.random.default_rng(seed), folder / "photos"
    photos.mkdir()  # what is exported lies elsewhere: it is written over, which a photo in view must not be
    files = sorted(resource_path("photos").glob("*.jpg")) + sorted(resource_path("scenes").glob("*.jpg"))
    for high, wide in ((37, 411), (900, 640), (1, 1), (224, 224), (1500, 1100)):
        files.append(photos / f"{wide}x{high}.png")
        Image.fromarray(draw.integers(0, 256, (high, wide, 3), np.uint8)).save(files[-1])
    for name in ("garbage.png", "garbage.jpg", "garbage.safetensors", "garbage.vizsession", "garbage.bin"):
        files.append(photos / name)
        files[-1].write_bytes(draw.bytes(2000))
    (folder / "out").mkdir()
    models = [f"{scheme}:{name}" for scheme, names in NAMES.items() for name in names]
    return Things(files, [photos, resource_path("photos")], [*models, "vit:none"], folder / "out")


def use(
    window: MainWindow, host: PluginHost, user: RandomUser, heard: list[str], seconds: float
) -> Iterator[Measured]:
    """Do random things until something is heard; give what is measured every minute."""
    start = last = time.monotonic()
    while time.monotonic() < start + seconds:
        user.act()
        assert not heard, "\n".join(heard)
        check_now(window)
        if user.count % SETTLED == 0:
            settle(window)
            shelf: ModelShelf = window.controller.shelf
            shelf.budget = BUDGET * 2**20  # the user may have chosen another
            shelf.trim()
            check_settled(window)
        if user.count % REOPENED == 0:
            check_session(window, host, user.things.out / "kept.vizsession")
        if time.monotonic() > last + MINUTE:
            last += MINUTE
            settle(window)
            yield measure(window)


def verdict(table: list[Measured]) -> list[str]:
    """Return what has grown from the second fifth to the last."""
    fifth = max(1, len(table) // 5)
    told = []
    for field in fields(Measured):
        early = statistics.median(getattr(row, field.name) for row in table[fifth : 2 * fifth])
        late = statistics.median(getattr(row, field.name) for row in table[-fifth:])
        print(f"{field.name}: {early:.0f} in the second fifth, {late:.0f} in the last")
        if field.name not in BOUNDED and late > early * (1 + FLAT):
            told.append(f"{field.name} grew from {early:.0f} to {late:.0f}")
    return told


def soak(minutes: float, seed: int, folder: Path) -> list[str]:
    """Use a window; returns what is wrong."""
    os.environ["VIZSTUDIO_CONFIG_DIR"] = str(folder / "config")
    write_settings(Settings(memory=BUDGET))
    make_application()
    host, table, wrong = small_host(), list[Measured](), list[str]()
    window = MainWindow(host, "cpu")
    window.show()
    window.models.list()
    user = RandomUser(window, make_things(folder, seed), seed)
    print("".join(f"{name:>11}" for name in ("minute", "actions", *(f.name for f in fields(Measured)))))
    with Overheard() as overheard, user.answering():
        try:
            for row in use(window, host, user, overheard.heard, 60 * minutes):
                table.append(row)
                values = (len(table), user.count, *(getattr(row, f.name) for f in fields(Measured)))
                print("".join(f"{value:11.0f}" for value in values), flush=True)
        except AssertionError as error:
            wrong.append(f"{error}; the last actions:\n" + "\n".join(user.log))
    window.close()
    if log_path().exists():
        wrong.append(log_path().read_text(encoding="utf-8"))
    return wrong + (verdict(table) if len(table) >= 5 else [])


def main() -> None:
    """Soak and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        wrong = soak(options.minutes, options.seed, Path(folder))
    print("\n".join(wrong) if wrong else "all flat")
    sys.stdout.flush()
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
