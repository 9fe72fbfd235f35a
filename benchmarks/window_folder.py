"""A folder of many photos in the window's list of sources."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from window_tools import gap_row, longest_gap

from vizstudio.gui.main_window import MainWindow

IMAGES = 500
SIZE = (1600, 1200)  # of each
GAP_AIM = 50


def folders(window: MainWindow, rounds: int) -> None:
    """Open a folder until its images are listed and the thumbnails in sight are there; then scroll through it."""
    sources = window.sources
    gallery, tree = sources.gallery, sources.tree

    def idle() -> bool:
        return gallery.work.number is None

    opened, scrolled = [], []
    with tempfile.TemporaryDirectory() as folder:
        noise = np.random.default_rng(0).integers(0, 256, (SIZE[1] // 8, SIZE[0] // 8, 3), np.uint8)
        photo = Path(folder) / "photo.jpg"
        Image.fromarray(noise).resize(SIZE, Image.Resampling.BICUBIC).save(photo, quality=90)
        for i in range(rounds):
            inside = Path(folder) / f"photos {i}"
            inside.mkdir()
            for j in range(IMAGES):
                (inside / f"photo {j:03}.jpg").hardlink_to(photo)
            opened.append(longest_gap(lambda p=inside: sources.open([p]), idle))  # type: ignore[misc]
            bar = tree.verticalScrollBar()
            bar.setValue(0)

            def done(bar=bar) -> bool:  # type: ignore[no-untyped-def]
                bar.setValue(min(bar.value() + 45, bar.maximum()))
                return bar.value() == bar.maximum() and idle()

            scrolled.append(longest_gap(lambda: None, done))
            gallery.remove(inside)
    gap_row(f"a folder of {IMAGES} photos opened", opened, GAP_AIM)
    gap_row("scrolling through it", scrolled, GAP_AIM)
