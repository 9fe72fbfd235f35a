"""Animations: a frame per word, the words so far, and the whole caption at the end."""

import io
import sys
from itertools import pairwise

import numpy as np
import pytest
from fake_captioner import FakeCaptioner
from PIL import Image, ImageSequence

from vizstudio.core import animation, page
from vizstudio.core.caption import CaptionRequest
from vizstudio.core.context import RunContext
from vizstudio.core.errors import UsageError
from vizstudio.core.figures import Figure, render
from vizstudio.core.images import ImageSource, read_image
from vizstudio.core.scene import Picture, Text
from vizstudio.core.state import ViewState
from vizstudio.core.types import Analysis

WORDS = ["a", "woman", "in", "an", "orange", "suit", "with", "a", "skateboard"]


@pytest.fixture
def figure(captioned: Analysis, photo: ImageSource) -> Figure:
    return render(captioned, photo, ViewState(view="caption"))


def test_a_frame_per_word_with_the_words_so_far(figure: Figure, captioned: Analysis) -> None:
    frames = figure.frames()
    assert len(frames) == 11
    for i, frame in enumerate(frames):
        written = [t for t in frame.scene.items if isinstance(t, Text) and t.size == 20]
        assert [t.text for t in written] == [*WORDS, "(end)"][: i + 1] if i < 10 else WORDS
        marked = [t.text for t in written if t.colour == "#ffffff"]
        assert marked == ([[*WORDS, "(end)"][i]] if i < 10 else [])
        if i < 10:
            told = [t.text for t in frame.scene.items if isinstance(t, Text)]
            assert f"probability {page.percent(captioned.caption.words[i].probability)}" in told
    places = [
        {(t.text, t.x, t.y) for t in f.scene.items if isinstance(t, Text) and t.size == 20}
        for f in frames[:10]
    ]
    assert all(a < b for a, b in pairwise(places))  # no word jumps


def test_each_frame_has_the_map_of_its_word(figure: Figure, captioned: Analysis, photo: ImageSource) -> None:
    frames = figure.frames()
    drawn = [next(i for i in f.scene.items if isinstance(i, Picture)).pixels for f in frames]
    assert np.array_equal(drawn[-1], page.photo_at(photo, 560))
    rows, cols = captioned.grid.shape
    for pixels, word in zip(drawn, captioned.caption.words, strict=False):
        row, col = np.unravel_index(word.heatmap().values.argmax(), (rows, cols))
        left, top, width, height = captioned.grid.cell_rect(int(row), int(col))
        scale = 560 / photo.size[0]
        y, x = int((top + height / 2) * scale), int((left + width / 2) * scale)
        colour = pixels[min(y, pixels.shape[0] - 1), min(x, pixels.shape[1] - 1)].astype(int)
        assert colour[0] > 170 and colour[2] < 120  # the yellow end of viridis


def test_a_cut_caption_does_not_claim_to_be_whole(photo: ImageSource) -> None:
    analysis = FakeCaptioner().caption(photo, CaptionRequest(max_tokens=3), RunContext())
    frames = render(analysis, photo, ViewState(view="caption")).frames()
    written = [t.text for t in frames[-1].scene.items if isinstance(t, Text) and t.size == 20]
    assert len(frames) == 4 and written == ["a", "woman", "in", "…"]


@pytest.mark.parametrize(
    ("shape", "prefix"), [((30, 900), None), ((900, 30), "the front of the suit in the suit")]
)
def test_frames_of_thin_photos_hold_what_they_show(shape: tuple[int, int], prefix: str | None) -> None:
    image = read_image(np.full((*shape, 3), 90, np.uint8))
    analysis = FakeCaptioner().caption(image, CaptionRequest(prefix=prefix), RunContext())
    frames = render(analysis, image, ViewState(view="caption")).frames()
    assert len({(f.scene.width, f.scene.height) for f in frames}) == 1
    for item in frames[-1].scene.items:
        assert item.x >= 0 and 0 <= item.y < frames[-1].scene.height - 10
        if isinstance(item, Picture):
            assert item.x + item.width <= frames[-1].scene.width


def decoded(content: bytes) -> list[tuple[np.ndarray, int]]:
    """Return (pixels, milliseconds) of every frame."""
    with Image.open(io.BytesIO(content)) as movie:
        assert movie.info.get("loop") == 0  # for ever
        return [
            (np.asarray(f.convert("RGB")).astype(int), f.info["duration"])
            for f in ImageSequence.Iterator(movie)
        ]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animated_picture_holds_the_frames(figure: Figure, captioned: Analysis, kind: str) -> None:
    content = {"gif": animation.to_gif, "webp": animation.to_webp}[kind](figure, captioned)
    shown, frames = decoded(content), figure.frames()
    assert len(shown) == 11
    assert [ms for _, ms in shown] == [900] * 10 + [3000]
    for (pixels, _), frame in zip(shown, frames, strict=True):
        wanted = frame.scene.rasterize()[..., :3].astype(int)
        assert np.abs(pixels - wanted).mean() < 4
        assert np.abs(pixels - wanted)[:10].max() <= 1  # paper stays white


def test_a_video_holds_the_frames(figure: Figure, captioned: Analysis) -> None:
    av = pytest.importorskip("av", reason="PyAV is not installed: pip install vizstudio[video]")
    content = animation.to_mp4(figure, captioned)
    with av.open(io.BytesIO(content)) as movie:
        stream = movie.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate) == ("h264", 10)
        shown = [(float(f.pts * f.time_base), f.to_ndarray(format="rgb24")) for f in movie.decode(stream)]
    frames = figure.frames()
    assert len(shown) == 10 * 9 + 30
    assert [seconds for seconds, _ in shown] == pytest.approx([i / 10 for i in range(120)], abs=1e-3)
    for i, frame in enumerate(frames):
        wanted = frame.scene.rasterize()[..., :3].astype(int)
        assert np.abs(shown[i * 9 + 4][1].astype(int) - wanted).mean() < 5


def test_without_pyav_the_error_says_how_to_get_it(
    figure: Figure, captioned: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UsageError, match=r"MP4 needs PyAV.*pip install vizstudio\[video\]"):
        animation.to_mp4(figure, captioned)


@pytest.mark.parametrize("view", ["step", "caption-mean", "attention"])
def test_a_figure_that_does_not_move_is_refused(captioned: Analysis, photo: ImageSource, view: str) -> None:
    still = render(captioned, photo, ViewState(view=view))
    for name in ("gif", "webp", "mp4"):
        with pytest.raises(UsageError, match=f"the view {view} does not move, so there is no (GIF|WebP|MP4)"):
            getattr(animation, f"to_{name}")(still, captioned)
