"""Scenes: what holds of each of them, judged from pixels and by a reading of the caption of the test's own."""

import re
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vizstudio.api import UsageError
from vizstudio_emoji import ground
from vizstudio_emoji.layout import Layout, lay_out
from vizstudio_emoji.scenes import Scene, Scenes
from vizstudio_emoji.words import NOUNS, vocabulary

PHRASE = r"(?:(?:a|an|the) )(?:(?:loaf|pair|slice) of )?([a-z]+)"
RELATION = r"(to the left of|to the right of|above|below)"
CAPTION = re.compile(
    rf"{PHRASE}(?: {RELATION} {PHRASE}(?: and (?:{RELATION} )?{PHRASE})?)?(?: on (grass|bricks|gravel))?"
)
ANY = st.tuples(
    st.integers(64, 200),
    st.integers(0, 2**70),
    st.sampled_from(["train", "val"]),
    st.integers(0, 2**40),
)


def make(where: tuple[int, int, str, int]) -> tuple[Scene, Layout, np.ndarray]:
    """Return a scene, its layout and its bare ground, made from the same stream of numbers."""
    size, seed, split, index = where
    scene = Scenes(size, index + 1, seed, split)[index]
    key = (["train", "val"].index(split), index)
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
    layout = lay_out(rng, size)
    return scene, layout, ground.draw(rng, size)[0]


def whole_masks(layout: Layout, size: int) -> np.ndarray:
    """Return each object's mask as if it were alone."""
    masks = np.zeros((len(layout.kinds), size, size), bool)
    for mask, sprite, (x, y) in zip(masks, layout.sprites, layout.corners, strict=True):
        mask[y : y + sprite.mask.shape[0], x : x + sprite.mask.shape[1]] = sprite.mask
    return masks


def read(caption: str) -> tuple[list[str], list[str], str]:
    """Return the nouns, the relations to the first, and the ground that a caption tells."""
    found = CAPTION.fullmatch(caption)
    assert found, caption
    main, first, second, also, third, named = found.groups()
    nouns = [noun for noun in (main, second, third) if noun]
    return nouns, [first, also or first][: len(nouns) - 1], named or ""


def seen_from(one: np.ndarray, other: np.ndarray) -> str:
    """Return where one mask is by the angle from the other's centroid to its own; fails if that is slanted."""
    (y, x), (v, u) = np.argwhere(one).mean(axis=0), np.argwhere(other).mean(axis=0)
    degrees = np.degrees(np.arctan2(y - v, x - u)) % 360
    names = {0: "to the right of", 90: "below", 180: "to the left of", 270: "above", 360: "to the right of"}
    nearest = min(names, key=lambda angle: abs(angle - degrees))
    assert abs(nearest - degrees) < 26.6
    return names[nearest]


@given(ANY)
@settings(max_examples=300)
def test_the_caption_is_true_of_the_masks(where: tuple[int, int, str, int]) -> None:
    scene = Scenes(where[0], where[3] + 1, *where[1:3])[where[3]]
    nouns, relations, named = read(scene.caption)
    assert nouns == [NOUNS[kind] for kind in scene.classes] == [*scene.nouns]
    assert 1 <= len({*nouns}) == len(nouns) <= 3
    assert named == scene.ground
    assert relations == [seen_from(scene.masks[0], mask) for mask in scene.masks[1:]]
    assert {*scene.caption.split()} <= {*vocabulary()}
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", scene.caption)


@given(ANY)
@settings(max_examples=300)
def test_masks_boxes_and_sizes(where: tuple[int, int, str, int]) -> None:
    scene, layout, _ = make(where)
    size = where[0]
    whole = whole_masks(layout, size)
    assert scene.masks.sum(axis=0).max() == 1, "no pixel belongs to two objects"
    assert not (scene.masks & ~whole).any()
    lost = whole & ~scene.masks
    for number in range(len(whole)):
        others = np.delete(scene.masks, number, axis=0).any(axis=0)
        assert not (lost[number] & ~others).any(), "what is not visible lies under another object"
    for one, other in combinations([np.argwhere(mask) for mask in whole], 2):
        shared = (
            np.minimum(one.max(axis=0), other.max(axis=0))
            - np.maximum(one.min(axis=0), other.min(axis=0))
            + 1
        )
        smaller = min(np.prod(np.ptp(points, axis=0) + 1) for points in (one, other))
        assert np.prod(shared.clip(0)) <= 0.3 * smaller, "no box lies in another"
    areas = scene.masks.sum(axis=(1, 2))
    assert (areas >= 0.7 * whole.sum(axis=(1, 2))).all()
    assert all(areas[1:] <= 0.75 * areas[:-1]), "the main object is plainly the largest"
    assert areas.min() >= 0.006 * size * size
    assert (scene.main, len(scene.classes)) == (scene.classes[0], len(areas))
    for mask, (left, top, width, height) in zip(scene.masks, scene.boxes.tolist(), strict=True):
        inside = mask[top : top + height, left : left + width]
        assert inside.sum() == mask.sum()
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


@given(ANY)
@settings(max_examples=100)
def test_the_image_shows_each_object_where_its_mask_is(where: tuple[int, int, str, int]) -> None:
    scene, layout, bare = make(where)
    assert scene.image.shape == (where[0], where[0], 3)
    assert scene.image.dtype == np.uint8
    size = where[0]
    touched, blended = np.zeros((size, size), int), bare.astype(float)
    for sprite, (x, y) in zip(layout.sprites, layout.corners, strict=True):
        part = np.s_[y : y + sprite.mask.shape[0], x : x + sprite.mask.shape[1]]
        touched[part] += sprite.alpha[..., 0] > 0
        alone = np.where(touched[part] == 1, sprite.alpha[..., 0], 0)[..., None] / 255
        blended[part] = np.where(alone > 0, bare[part] * (1 - alone) + sprite.colours, blended[part])
    once = touched <= 1
    assert np.abs(scene.image - blended)[once].max() < 0.51
    assert np.array_equal(scene.image[touched == 0], bare[touched == 0])
    last = layout.order[-1]
    top, (x, y) = layout.sprites[last], layout.corners[last]
    part = np.s_[y : y + top.mask.shape[0], x : x + top.mask.shape[1]]
    solid = top.alpha[..., 0] == 255
    assert np.array_equal(scene.image[part][solid], top.colours[solid]), "the last painted lies on top"
    assert np.array_equal(scene.masks[last][part], top.alpha[..., 0] >= 128)


def test_every_class_count_ground_and_relation_is_as_likely_as_any_other() -> None:
    scenes = Scenes(64, 4000, seed=5)
    drawn = [scenes[index] for index in range(len(scenes))]
    mains = Counter(scene.main for scene in drawn)
    every = Counter(kind for scene in drawn for kind in scene.classes)
    for counts in (mains, every):
        expected = counts.total() / len(NOUNS)
        spread = sum((counts[kind] - expected) ** 2 / expected for kind in range(len(NOUNS)))
        assert spread < 122, "chi-square with 65 degrees of freedom: exceeded once in 50,000 times"
    numbers = Counter(len(scene.classes) for scene in drawn)
    assert all(abs(numbers[n] / 4000 - 1 / 3) < 0.04 for n in (1, 2, 3))
    grounds = Counter(scene.ground for scene in drawn)
    assert all(abs(grounds[name] / 4000 - 0.2) < 0.03 for name in ("grass", "bricks", "gravel"))
    relations = Counter(r for scene in drawn for r in read(scene.caption)[1])
    assert len(relations) == 4
    assert all(0.2 < count / relations.total() < 0.3 for count in relations.values())


def test_no_scene_comes_twice_and_splits_and_seeds_have_none_in_common() -> None:
    sets = [Scenes(64, 200, seed, split) for seed in (0, 1, 2**64) for split in ("train", "val")]
    images = [scenes[index].image.tobytes() for scenes in sets for index in range(200)]
    assert len({*images}) == len(images)


def test_it_is_a_sequence() -> None:
    scenes = Scenes(64, 5)
    assert len(scenes) == len([*scenes]) == 5
    assert np.array_equal(scenes[-1].image, scenes[4].image)
    assert np.array_equal(scenes[np.int64(3)].image, scenes[3].image)
    for wrong in (5, -6, 10**12):
        with pytest.raises(IndexError, match=f"no scene {wrong}: there are 5"):
            scenes[wrong]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"size": 63}, "no scenes of 63 pixels: choose a size from 64 to 1024"),
        ({"size": 1025}, "no scenes of 1025 pixels"),
        ({"count": -1}, "must not be negative"),
        ({"seed": -1}, "must not be negative"),
        ({"split": "test"}, "no split 'test': choose from train, val"),
    ],
)
def test_what_cannot_be_made_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Scenes(**({"size": 64, "count": 1} | wrong))  # type: ignore[arg-type]


def test_the_largest_can_be_made() -> None:
    scene = Scenes(1024, 3)[2]
    assert scene.image.shape == (1024, 1024, 3)
