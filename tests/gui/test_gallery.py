"""The gallery without Qt: what is listed, what is remembered, in which order thumbnails are made."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest
from gui_fakes import ManualJobs
from PIL import Image

from vizstudio.gui import gallery as module
from vizstudio.gui.gallery import BATCH, IN_SIGHT, Gallery, Section


class Kept:
    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}

    def load(self, name: str) -> list[str]:
        return self.texts.get(name, [])

    def save(self, name: str, texts: list[str]) -> None:
        self.texts[name] = texts


class View:
    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.came: list[Path] = []
        self.broken: list[str] = []

    def show_sections(self, sections: Sequence[Section]) -> None:
        self.sections = list(sections)

    def show_thumbnails(self, paths: Iterable[Path]) -> None:
        self.came += paths

    def show_broken(self, error: BaseException, details: str) -> None:
        self.broken.append(str(error))


class Hall:
    """A gallery with its surroundings."""

    def __init__(self, kept: Kept | None = None, shipped: dict[str, list[Path]] | None = None) -> None:
        self.kept, self.view, self.jobs = kept or Kept(), View(), ManualJobs()
        self.gallery = Gallery(self.view, self.jobs, shipped or {}, self.kept)
        self.gallery.start()

    def work(self, jobs: int | None = None) -> int:
        """Run what was asked for, at most so many jobs; return how many."""
        done = 0
        while (number := self.gallery.work.number) is not None and done != jobs:
            self.gallery.work.on_finished(number, self.jobs.run(number))
            done += 1
        return done

    def names(self) -> list[tuple[str, list[str]]]:
        return [(s.name, [p.name for p in s.paths]) for s in self.view.sections]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with twenty images of different grey, and one that is none."""
    made = tmp_path / "photos"
    made.mkdir()
    for i in range(20):
        Image.new("RGB", (300, 200), (10 * i,) * 3).save(made / f"{i:02}.png")
    (made / "99.png").write_bytes(b"no image")
    return made


def test_a_folder_is_searched_by_the_worker(folder: Path) -> None:
    hall = Hall()
    hall.gallery.add([folder])
    (section,) = hall.view.sections
    assert (section.kind, section.state, section.paths) == ("folder", "looking", ())
    assert hall.work() == 1
    (section,) = hall.view.sections
    assert section.state == "ready" and section.paths == tuple(sorted(folder.glob("*.png")))


def test_files_and_folders_are_remembered(folder: Path) -> None:
    hall = Hall()
    hall.gallery.add([folder / "03.png", folder, folder / "01.png"])
    hall.gallery.note(folder / "02.png")
    hall.gallery.note(folder / "01.png")  # stays where it is
    again = Hall(hall.kept)
    assert [p.name for p in again.gallery.recent] == ["02.png", "03.png", "01.png"]
    again.work()
    assert [name for name, _ in again.names()] == ["recent", "photos"] and len(again.names()[1][1]) == 21
    again.gallery.add([folder / "01.png"])
    assert again.gallery.recent[0].name == "01.png" and len(again.gallery.recent) == 3


def test_what_ships_is_not_remembered(photos: Path) -> None:
    hall = Hall(shipped={"photos": [photos / "chelsea.jpg"]})
    hall.gallery.note(photos / "chelsea.jpg")
    hall.gallery.add([photos / "chelsea.jpg"])
    assert hall.gallery.recent == () and hall.names() == [("photos", ["chelsea.jpg"])]


def test_removing_touches_nothing_on_disk(folder: Path) -> None:
    hall = Hall()
    hall.gallery.add([folder, folder / "00.png", folder / "01.png"])
    hall.gallery.remove(folder)  # while it is searched
    hall.work()
    hall.gallery.remove(folder / "00.png")
    assert hall.names() == [("recent", ["01.png"])] and (folder / "00.png").exists()
    hall.gallery.clear_recent()
    assert hall.names() == [] and Hall(hall.kept).gallery.recent == ()


def test_thumbnails_asked_for_last_come_first(folder: Path) -> None:
    hall = Hall()
    paths = sorted(folder.glob("*.png"))
    assert [hall.gallery.thumbnail(path) for path in paths] == [None] * 21
    hall.work(2)  # the first job was begun when only the first was asked for
    assert hall.view.came[0] == paths[0] and set(hall.view.came[1:]) == set(paths[-BATCH:])
    hall.work()
    made = hall.gallery.thumbnail(paths[7])
    assert made is not None and made.shape == (85, 128, 3) and (made == 70).all()
    assert hall.gallery.thumbnail(paths[-1]) is None and "99.png" in hall.gallery.problem(paths[-1])
    assert hall.gallery.work.number is None  # what cannot be read is not tried again and again


def test_what_was_scrolled_past_is_not_made(folder: Path) -> None:
    hall = Hall()
    many = [folder / f"none{i}.png" for i in range(500)]
    for path in many:
        hall.gallery.thumbnail(path)
    hall.work()
    assert (
        len(hall.view.came) == IN_SIGHT + 1 and many[-1] in hall.view.came and many[9] not in hall.view.came
    )


def test_few_thumbnails_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 4)
    hall = Hall()
    paths = sorted(folder.glob("*.png"))[:10]
    for path in paths:
        hall.gallery.thumbnail(path)
        hall.work()
    there = [path for path in paths if hall.gallery._thumbnails.pictures.get(path) is not None]
    assert there == paths[-4:]


def test_a_changed_file_gets_a_new_thumbnail(folder: Path) -> None:
    hall = Hall()
    path = folder / "05.png"
    hall.gallery.thumbnail(path)
    hall.work()
    Image.new("RGB", (300, 200), "white").save(path)
    hall.gallery.add([path])
    assert hall.gallery.thumbnail(path) is None
    hall.work()
    made = hall.gallery.thumbnail(path)
    assert made is not None and made.min() == 255
    Image.new("RGB", (300, 200), "black").save(path)
    hall.gallery.refresh()
    assert hall.gallery.thumbnail(path) is None
    hall.work()
    again = hall.gallery.thumbnail(path)
    assert isinstance(again, np.ndarray) and again.max() == 0


def test_an_empty_folder_says_so_and_a_search_that_breaks_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = Hall()
    hall.gallery.add([tmp_path])
    hall.work()
    assert "no image in the folder" in hall.view.sections[0].problem
    hall.gallery.refresh()
    number = hall.gallery.work.number
    assert number is not None
    hall.gallery.work.on_failed(number, RuntimeError("a fuse blew"), "…")
    assert hall.view.broken == ["a fuse blew"] and hall.gallery.work.number is None
    assert hall.view.sections[0].problem == "a fuse blew"


def test_the_modules_need_no_qt() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import vizstudio.gui.gallery; sys.exit(any(m.startswith('PySide') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
