"""The picture of wrong captions: what it says, which words it colours, and that nothing is laid over another."""

from itertools import combinations

import numpy as np
import pytest

from vizstudio.core.caption_gallery import CELL, WrongCaption, caption_gallery_scene
from vizstudio.core.images import read_image
from vizstudio.core.scene import ACCENT, Picture, Scene, Text, text_width


def one(caption: str, *references: str, size: tuple[int, int] = (40, 60)) -> WrongCaption:
    return WrongCaption(read_image(np.full((*size, 3), 90, np.uint8)), caption, 0.25, references)


def texts(scene: Scene) -> list[Text]:
    return [item for item in scene.items if isinstance(item, Text)]


def coloured(scene: Scene) -> list[str]:
    return [text.text for text in texts(scene) if text.colour == ACCENT]


def test_words_that_differ_from_the_nearest_reference_are_coloured() -> None:
    scene = caption_gallery_scene([one("a cat on grass", "two dogs", "a dog on grass")], 3, "test")
    assert coloured(scene) == ["cat", "dog"]
    said = " ".join(text.text for text in texts(scene))
    assert "1 of 3 wrong captions" in said
    assert "a cat on grass 25.0% is a dog on grass" in said
    assert "dogs" not in said


@pytest.mark.parametrize("caption", ["", "word " * 60, "incomprehensibilities" * 9])
def test_any_caption_stays_within_its_cell_and_over_no_other(caption: str) -> None:
    wrong = [one(caption, "a dog", size=(30 + 9 * i, 70)) for i in range(6)] + [one("a", "b " * 40)]
    scene = caption_gallery_scene(wrong, 7, "test")
    pictures = [item for item in scene.items if isinstance(item, Picture)]
    assert len(pictures) == 7
    boxes = [(t.x, t.y, t.x + text_width(t.text, t.size), t.y + t.size) for t in texts(scene)]
    boxes += [(p.x, p.y, p.x + p.width, p.y + p.height) for p in pictures]
    for a, b in combinations(boxes, 2):
        assert a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3], (a, b)
    assert all(box[0] >= 0 and box[2] <= scene.width and box[3] <= scene.height for box in boxes)
    assert scene.height < 1200
    assert all(picture.width <= CELL and picture.height <= CELL for picture in pictures)


def test_no_wrong_caption_is_said_in_words() -> None:
    assert "Every caption is one of its references" in " ".join(
        text.text for text in texts(caption_gallery_scene([], 0, "test"))
    )
