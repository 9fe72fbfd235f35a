"""Small pictures of images, and the images below a folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vizstudio.core.errors import ImageError
from vizstudio.core.images import images_below, list_images, read_image
from vizstudio.core.thumbnails import thumbnail


def test_a_thumbnail_is_the_image_made_small(photos: Path) -> None:
    made = thumbnail(photos / "chelsea.jpg", 64)
    image = read_image(photos / "chelsea.jpg")
    assert made.dtype == np.uint8 and max(made.shape[:2]) == 64
    assert made.shape[1] / made.shape[0] == pytest.approx(image.size[0] / image.size[1], rel=0.03)
    wanted = np.asarray(image.pil().resize((made.shape[1], made.shape[0]), Image.Resampling.BOX), np.float64)
    assert np.abs(made - wanted).mean() < 5  # of 255


def test_a_small_image_is_not_enlarged(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "small.png")
    assert np.array_equal(thumbnail(tmp_path / "small.png", 64), pixels)


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [
        ("L", 200, (200, 200, 200)),
        ("P", 0, (0, 0, 0)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("I;16", 40000, (156, 156, 156)),
    ],
)
def test_every_kind_of_image_has_one(
    tmp_path: Path, mode: str, colour: object, seen: tuple[int, ...]
) -> None:
    Image.new(mode, (300, 100), colour).save(tmp_path / "image.png")  # type: ignore[arg-type]
    made = thumbnail(tmp_path / "image.png", 60)
    assert made.shape == (20, 60, 3) and tuple(int(v) for v in made[10, 30]) == seen


def test_a_photo_taken_sideways_stands_upright(tmp_path: Path) -> None:
    image = Image.new("RGB", (200, 100), "white")
    image.paste("black", (0, 0, 100, 100))
    exif = image.getexif()
    exif[0x0112] = 6  # the top of the picture is on its right
    image.save(tmp_path / "turned.jpg", exif=exif)
    made = thumbnail(tmp_path / "turned.jpg", 50)
    assert made.shape == (50, 25, 3) and made[5].max() < 40 and made[-5].min() > 215


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_image_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=r"bad\.png"):
        thumbnail(path, 64)
    with pytest.raises(ImageError, match="check the path"):
        thumbnail(tmp_path / "none.png", 64)


def test_images_below_a_folder(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.jpg", "sub/c.webp", "sub/notes.txt", ".hidden/d.png", ".e.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    looked: list[int] = []
    found = images_below(tmp_path, lambda: looked.append(1))
    assert found == [tmp_path / "a.jpg", tmp_path / "b.PNG", tmp_path / "sub" / "c.webp"]
    assert len(looked) == 2 and list_images([tmp_path]) == found
    with pytest.raises(ImageError, match="no image in the folder"):
        images_below(_empty(tmp_path))


def _empty(where: Path) -> Path:
    folder = where / "empty"
    folder.mkdir()
    return folder


def test_a_search_ends_when_it_is_told_to(tmp_path: Path) -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        images_below(tmp_path, stop)
