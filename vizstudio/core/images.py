"""Reads images as the user sees them: upright, 8-bit RGB; says what it changed, refuses what it cannot read."""

import hashlib
import io
import os
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from vizstudio.core.errors import ImageError

MAX_PIXELS = 100_000_000
ORIENTATION_TAG = 0x0112
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")


@dataclass(frozen=True, eq=False)
class ImageSource:
    """An image ready to be analysed.

    Parameters
    ----------
    pixels : (height, width, 3) uint8
        Upright sRGB; read-only.
    name : str
        The file's name, or what it was made from.
    path : Path or None
        Where it came from.
    sha256 : str
        Of the file's bytes, or of the pixels where there is no file.
    notes : tuple of str
        What was done to it that changes how it looks.
    """

    pixels: np.ndarray
    name: str
    path: Path | None
    sha256: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ImageError(f"{self.name}: pixels must be uint8 (height, width, 3), got {self.pixels.shape}")
        self.pixels.setflags(write=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def pil(self) -> Image.Image:
        """Return it as a Pillow image."""
        return Image.fromarray(self.pixels)


def read_image(
    source: "str | Path | Image.Image | np.ndarray | ImageSource", *, max_pixels: int = MAX_PIXELS
) -> ImageSource:
    """Read a file, a Pillow image or an array.

    Parameters
    ----------
    source : path, Pillow image, array or ImageSource
        Arrays are (height, width), (height, width, 1), (…, 3) or (…, 4); uint8, uint16, bool, or floats
        in [0, 1].
    max_pixels : int
        A larger image is refused from its header, before it is decoded.

    Raises
    ------
    ImageError
        One sentence with the image's name, what is wrong, and what to do.
    """
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        pixels, notes = to_rgb(source, "image")
        return ImageSource(pixels, "image", None, _hash_pixels(pixels), notes)
    path = Path(source)
    content = _read_bytes(path)
    pixels, notes = _decode(content, path.name, max_pixels)
    return ImageSource(pixels, path.name, path, hashlib.sha256(content).hexdigest(), notes)


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise ImageError(f"{path} is a folder: name an image in it")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"no image at {path}: check the path") from None
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}") from error
    if not content:
        raise ImageError(f"{path.name} is empty: it has no bytes, get the file again")
    return content


def _decode(content: bytes, name: str, max_pixels: int) -> tuple[np.ndarray, tuple[str, ...]]:
    # Pillow's own limit raises in Image.open at twice its bound and warns below it; ours is checked from the
    # header in both cases, and the warning is taken only in this thread's own copy of the filters.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
    except Image.DecompressionBombError as error:
        raise ImageError(f"{name} is too large to be decoded safely: scale it down first") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name} is not an image that can be read: give a PNG, JPEG, TIFF or WebP"
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ImageError(f"{name} is damaged: {error}") from error
    with image:
        if image.width * image.height > max_pixels:
            raise ImageError(
                f"{name} has {image.width}×{image.height} pixels, more than the {max_pixels / 1e6:g} million "
                "allowed: scale it down first"
            )
        try:
            image.load()
            return to_rgb(image, name)
        except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
            raise ImageError(f"{name} is truncated or damaged: {error}") from error


def to_rgb(image: Image.Image, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return an opened image upright as (height, width, 3) uint8 sRGB, and what was done to it.

    Raises
    ------
    ImageError
        If its values are not those of a picture.
    """
    notes = []
    frames = getattr(image, "n_frames", 1)
    if frames > 1:
        notes.append(f"first of {frames} frames")
    profile = image.info.get("icc_profile")
    if image.getexif().get(ORIENTATION_TAG, 1) in range(2, 9):
        image = ImageOps.exif_transpose(image)
        notes.append("turned upright as its EXIF orientation says")
    if image.mode in DEEP_MODES:
        pixels, note = _from_deep(np.asarray(image), image.mode, name)
        return pixels, (*notes, note)
    if image.mode == "CMYK":
        notes.append("converted from CMYK")
    if profile:
        image, note = _to_srgb(image, profile)
        notes += [note] if note else []
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if np.asarray(rgba)[..., 3].min() < 255:
            notes.append("transparency laid over white")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB")), tuple(notes)


def _from_deep(values: np.ndarray, mode: str, name: str) -> tuple[np.ndarray, str]:
    """Scale 16-bit, 32-bit or floating-point grey values to 8 bits, without clipping."""
    values = values.astype(np.float64)
    if mode == "F":
        if not np.isfinite(values).all():
            raise ImageError(f"{name} holds values that are not numbers: mask them first")
        low, high = float(values.min()), float(values.max())
        if low >= 0 and high <= 1:
            low, high, note = 0.0, 1.0, "floating-point values scaled to 8 bits"
        else:
            note = f"floating-point values {low:g} to {high:g} scaled to 8 bits"
    else:
        low, high, note = 0.0, 65535.0, "16-bit values scaled to 8 bits"
        if values.min() < 0 or values.max() > 65535:
            raise ImageError(f"{name} has values beyond 16 bits: save it with 8 or 16 bits a channel")
    grey = np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2), note


def _to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str]:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        described = ImageCms.getProfileDescription(source).strip()
        if "srgb" in described.lower():
            return image, ""
        mode = "RGBA" if image.mode in ("RGBA", "LA", "PA") else "RGB"
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image, "its colour profile could not be used"
    return (converted or image), f"converted from colour profile {described}"


def _from_array(array: np.ndarray) -> ImageSource:
    what = f"an array of shape {array.shape} and type {array.dtype}"
    channels = 1 if array.ndim == 2 else array.shape[2] if array.ndim == 3 else 0
    if channels not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(f"{what} is no image: give (height, width), or (height, width, 1, 3 or 4)")
    notes: tuple[str, ...] = ()
    if array.dtype == np.uint16:
        values, notes = np.round(array / 257.0).astype(np.uint8), ("16-bit values scaled to 8 bits",)
    elif array.dtype == np.bool_:
        values = array.astype(np.uint8) * 255
    elif np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise ImageError(f"{what} has values outside 0 to 1: scale it first, or give uint8")
        values = np.round(array * 255.0).astype(np.uint8)
    elif array.dtype == np.uint8:
        values = array
    else:
        raise ImageError(f"{what} is no image: give uint8, uint16, bool, or floats from 0 to 1")
    values = values.reshape(*array.shape[:2], channels)
    image = Image.fromarray(values[..., 0] if channels == 1 else np.ascontiguousarray(values))
    pixels, more = to_rgb(image, "array")
    return ImageSource(pixels, "array", None, _hash_pixels(pixels), notes + more)


def _hash_pixels(pixels: np.ndarray) -> str:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def images_below(folder: Path, check: Callable[[], None] | None = None) -> list[Path]:
    """Return every image below a folder, sorted; hidden files and folders are left out.

    Parameters
    ----------
    folder : Path
        Where to look.
    check : callable, optional
        Called in each folder; what it raises ends the search.

    Raises
    ------
    ImageError
        If the folder cannot be read, or there is no image below it.
    """
    suffixes = set(Image.registered_extensions())
    found: list[Path] = []

    def unreadable(error: OSError) -> None:
        if Path(error.filename or "") == folder:  # folders below that are closed to the user are passed over
            raise ImageError(f"the folder {folder} cannot be read: {error.strerror or error}")

    for where, folders, files in os.walk(folder, onerror=unreadable):
        if check is not None:
            check()
        folders[:] = [name for name in folders if not name.startswith(".")]
        shown = (Path(where, name) for name in files if not name.startswith("."))
        found += [path for path in shown if path.suffix.lower() in suffixes]
    if not found:
        raise ImageError(f"no image in the folder {folder}: give one with PNG, JPEG or other images")
    return sorted(found)


def list_images(paths: Iterable[str | Path], check: Callable[[], None] | None = None) -> list[Path]:
    """Return files as they are and every image below folders, sorted by name within each folder.

    `check` is called in each folder; what it raises ends the search.

    Raises
    ------
    ImageError
        If a path does not exist or a folder holds no image.
    """
    found: list[Path] = []
    for given in map(Path, paths):
        if given.is_dir():
            found += images_below(given, check)
        elif given.exists():
            found.append(given)
        else:
            raise ImageError(f"no image at {given}: check the path")
    return found
