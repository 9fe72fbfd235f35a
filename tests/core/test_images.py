"""Every kind of bad and unusual image; each says what is wrong, or what was done to it."""

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from vizstudio.core.errors import ImageError
from vizstudio.core.images import ImageSource, list_images, read_image

RGB = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def test_a_png_is_read_as_it_is(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    source = read_image(path)
    assert np.array_equal(source.pixels, RGB)
    assert (source.name, source.size, source.path, source.notes) == ("a.png", (40, 30), path, ())
    assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_image(str(path)).sha256 == source.sha256
    assert read_image(source) is source


def test_pixels_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        read_image(RGB.copy()).pixels[0, 0, 0] = 1


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ImageError, match=r"^empty\.jpg is empty: it has no bytes, get the file again$"):
        read_image(tmp_path / "empty.jpg")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".gif", ".bmp"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.97])
def test_truncated_file(tmp_path: Path, suffix: str, share: float) -> None:
    path = save(tmp_path / f"cut{suffix}", Image.fromarray(np.tile(RGB, (6, 6, 1))))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ImageError, match=rf"^cut\{suffix} is (truncated|damaged|not an image)"):
        read_image(path)


@pytest.mark.parametrize("content", [b"hello", b"\x00" * 500, b"%PDF-1.7 \n", b"<svg/>"])
def test_a_file_that_is_no_image(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notes.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"^notes\.png is not an image that can be read: give a PNG"):
        read_image(tmp_path / "notes.png")


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"no image at .*nothing\.png: check the path"):
        read_image(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match="is a folder: name an image in it"):
        read_image(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path: Path, suffix: str) -> None:
    values = np.linspace(0, 65535, 1200).reshape(30, 40).astype(np.uint16)
    source = read_image(save(tmp_path / f"deep{suffix}", Image.fromarray(values)))
    assert np.abs(source.pixels.astype(int) - (values / 257)[..., None]).max() <= 0.5 + 1e-9
    assert source.notes == ("16-bit values scaled to 8 bits",)


def test_floating_point_tiff(tmp_path: Path) -> None:
    values = np.linspace(-3, 7, 1200).reshape(30, 40).astype(np.float32)
    source = read_image(save(tmp_path / "f.tif", Image.fromarray(values)))
    assert source.pixels.min() == 0 and source.pixels.max() == 255
    assert source.notes == ("floating-point values -3 to 7 scaled to 8 bits",)
    values[3, 3] = np.nan
    with pytest.raises(ImageError, match=r"f\.tif holds values that are not numbers: mask them first"):
        read_image(save(tmp_path / "f.tif", Image.fromarray(values)))


def test_32_bit_integers_beyond_16_bits(tmp_path: Path) -> None:
    values = np.full((4, 4), 70000, np.int32)
    with pytest.raises(ImageError, match=r"i\.tif has values beyond 16 bits"):
        read_image(save(tmp_path / "i.tif", Image.fromarray(values)))


def test_cmyk(tmp_path: Path) -> None:
    flat = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # magenta and yellow ink: red
    source = read_image(save(tmp_path / "print.tif", flat))
    assert source.pixels[0, 0].tolist() == [255, 0, 0]
    assert source.notes == ("converted from CMYK",)


def test_palette_with_alpha(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    source = read_image(save(tmp_path / "p.png", image, transparency=0))
    assert source.pixels.tolist() == [[[255, 255, 255], [200, 100, 50]]]
    assert source.notes == ("transparency laid over white",)


def test_half_transparent_pixels_are_laid_over_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (1, 1), (0, 0, 0, 128))
    source = read_image(save(tmp_path / "a.png", image))
    assert source.pixels[0, 0].tolist() == [127, 127, 127]
    opaque = read_image(save(tmp_path / "b.png", Image.new("RGBA", (1, 1), (1, 2, 3, 255))))
    assert opaque.notes == () and opaque.pixels[0, 0].tolist() == [1, 2, 3]


def test_grey_with_alpha(tmp_path: Path) -> None:
    source = read_image(save(tmp_path / "la.png", Image.new("LA", (1, 1), (80, 0))))
    assert source.pixels[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_the_first_frame_of_an_animation(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if suffix == ".webp" else {}
    path = save(tmp_path / f"moving{suffix}", frames[0], save_all=True, append_images=frames[1:], **options)
    source = read_image(path)
    assert source.pixels[4, 4].tolist() == [255, 0, 0]
    assert source.notes[0] == "first of 3 frames"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    """Undo by hand what a camera says it did; all eight orientations."""
    undone = {
        1: RGB,
        2: RGB[:, ::-1],
        3: RGB[::-1, ::-1],
        4: RGB[::-1],
        5: RGB.transpose(1, 0, 2),
        6: np.rot90(RGB, -1),
        7: RGB[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(RGB, 1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = read_image(save(tmp_path / "turned.png", Image.fromarray(RGB), exif=exif))
    assert np.array_equal(source.pixels, undone[orientation])
    assert bool(source.notes) == (orientation != 1)


def test_one_pixel(tmp_path: Path) -> None:
    source = read_image(save(tmp_path / "dot.png", Image.new("RGB", (1, 1), (1, 2, 3))))
    assert source.size == (1, 1) and source.pixels.tolist() == [[[1, 2, 3]]]


def test_20000_by_3_pixels(tmp_path: Path) -> None:
    wide = np.random.default_rng(1).integers(0, 256, (3, 20000, 3), np.uint8)
    source = read_image(save(tmp_path / "wide.png", Image.fromarray(wide)))
    assert source.size == (20000, 3) and np.array_equal(source.pixels, wide)


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few bytes that claims to be enormous."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\x00" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(11_000, 10_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bomb(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(*size))
    with pytest.raises(ImageError, match=r"^bomb\.png (has .* pixels|is too large).*: scale it down first$"):
        read_image(tmp_path / "bomb.png")


def test_the_limit_can_be_set(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(RGB))
    assert read_image(path, max_pixels=1200).size == (40, 30)
    with pytest.raises(ImageError, match=r"has 40×30 pixels, more than the 0\.001199 million allowed"):
        read_image(path, max_pixels=1199)


def test_a_colour_profile_is_converted(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = read_image(save(tmp_path / "s.png", Image.fromarray(RGB), icc_profile=lab))
    assert np.array_equal(same.pixels, RGB) and same.notes == ()
    broken = read_image(save(tmp_path / "b.png", Image.fromarray(RGB), icc_profile=b"nonsense"))
    assert broken.notes == ("its colour profile could not be used",)


def test_pillow_image_equals_its_file(tmp_path: Path) -> None:
    image = Image.fromarray(RGB).convert("RGBA")
    image.putalpha(100)
    path = save(tmp_path / "a.png", image)
    given, read = read_image(image), read_image(path)
    assert np.array_equal(given.pixels, read.pixels) and given.notes == read.notes
    assert (given.name, given.path) == ("image", None)


@pytest.mark.parametrize(
    "array",
    [RGB, RGB.astype(np.float32) / 255, RGB.astype(np.float64) / 255, RGB.astype(np.uint16) * 257],
    ids=["uint8", "float32", "float64", "uint16"],
)
def test_arrays_of_every_type_give_the_same_pixels(array: np.ndarray) -> None:
    source = read_image(array)
    assert np.array_equal(source.pixels, RGB)
    assert source.path is None and source.sha256 == read_image(RGB).sha256


def test_arrays_of_one_and_four_channels() -> None:
    grey = RGB[..., 0]
    assert np.array_equal(read_image(grey).pixels, np.repeat(grey[..., None], 3, axis=2))
    assert np.array_equal(read_image(grey[..., None]).pixels, read_image(grey).pixels)
    assert read_image(grey > 100).pixels.max() == 255
    alpha = np.dstack([RGB, np.zeros((30, 40), np.uint8)])
    assert read_image(alpha).pixels.min() == 255
    assert read_image(RGB[:, ::-1]).pixels[0, 0].tolist() == RGB[0, -1].tolist()  # not contiguous


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (np.zeros((3,), np.uint8), r"give \(height, width\)"),
        (np.zeros((3, 4, 2), np.uint8), r"give \(height, width\)"),
        (np.zeros((3, 30, 40), np.uint8), r"give \(height, width\)"),
        (np.zeros((0, 4, 3), np.uint8), r"give \(height, width\)"),
        (np.zeros((2, 3, 4, 3), np.uint8), r"give \(height, width\)"),
        (np.zeros((3, 4), np.int64), "give uint8, uint16, bool, or floats"),
        (np.full((3, 4), 255.0), "values outside 0 to 1"),
        (np.full((3, 4), -0.1), "values outside 0 to 1"),
        (np.full((3, 4), np.nan), "values outside 0 to 1"),
        (np.zeros((3, 4), object), "give uint8, uint16, bool, or floats"),
    ],
)
def test_arrays_that_are_no_image(array: np.ndarray, what: str) -> None:
    with pytest.raises(ImageError, match=what):
        read_image(array)


def test_a_source_needs_rgb() -> None:
    with pytest.raises(ImageError, match="pixels must be uint8"):
        ImageSource(np.zeros((3, 4), np.uint8), "x", None, "")


def test_listing_images(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.png", "a.JPG", "sub/c.webp", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    found = list_images([tmp_path / "notes.txt", tmp_path])
    assert [p.name for p in found] == [
        "notes.txt",
        "a.JPG",
        "b.png",
        "c.webp",
    ]  # a file named is taken as it is
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match=r"no image in the folder .*empty"):
        list_images([tmp_path / "empty"])
    with pytest.raises(ImageError, match=r"no image at .*gone"):
        list_images([tmp_path / "gone"])


def test_reading_leaves_warnings_and_limits_alone(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    read_image(tmp_path / "a.png")
    assert before == Image.MAX_IMAGE_PIXELS
