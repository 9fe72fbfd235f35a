"""Session files: what is written is read, and what cannot be read is told in one sentence."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vizstudio.core.caption import CaptionPath, CaptionRequest
from vizstudio.core.errors import UsageError, VizstudioError
from vizstudio.core.model import ModelChoice
from vizstudio.core.overlay import COLORMAPS
from vizstudio.core.session import (
    Beside,
    KnownImage,
    Place,
    Session,
    find_images,
    from_json,
    in_one_sentence,
    read_session,
    to_json,
    write_session,
)
from vizstudio.core.state import OF_POSITION, CaptionState, ViewState

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
PATHS = TEXT.map(Path)
COUNT = st.integers(0, 10**6)
HEADS = COUNT | st.sampled_from(["mean", "max", "min"])
STATES = st.builds(
    ViewState,
    view=TEXT,
    layer=st.integers(-100, 100),
    head=HEADS,
    query=st.none() | TEXT | COUNT | st.tuples(COUNT, COUNT),
    panel=st.none() | st.tuples(COUNT, COUNT),
    word=st.integers(-100, 100),
    colormap=st.sampled_from(COLORMAPS),
    opacity=st.floats(0, 1),
    smooth=st.booleans(),
    hide_outliers=st.booleans(),
    range=st.none() | st.tuples(st.floats(-9, 0), st.floats(0.1, 9)),
    mass=st.floats(0.01, 1),
    pins=st.lists(st.tuples(COUNT, COUNT), max_size=3).map(tuple),
)
REQUESTS = st.builds(
    CaptionRequest,
    beams=st.just(1),
    prefix=st.none() | TEXT,
    max_tokens=st.none() | st.integers(1, 200),
    length_penalty=st.floats(0, 10),
    temperature=st.none() | st.floats(0.01, 10),
    top_p=st.floats(0.01, 1),
    seed=COUNT,
)
CAPTIONS = st.builds(CaptionPath, REQUESTS, COUNT, st.lists(st.tuples(COUNT, COUNT), max_size=4).map(tuple))
CHOICES = st.builds(ModelChoice, TEXT, st.none() | PATHS, st.booleans(), TEXT)
PLACES = st.builds(
    Place,
    image=PATHS,
    choice=CHOICES,
    state=STATES,
    caption=st.none() | st.builds(CaptionState, COUNT, st.booleans(), st.integers(-9, 9), HEADS),
    path=st.none() | CAPTIONS,
    tab=TEXT,
    position=st.sampled_from(OF_POSITION),
    beside=st.none() | st.builds(Beside, st.none() | PATHS, st.none() | CHOICES, st.booleans()),
)
IMAGES = st.lists(st.builds(KnownImage, PATHS, TEXT), max_size=4).map(tuple)
SESSIONS = st.builds(Session, PLACES, IMAGES, st.lists(CAPTIONS, max_size=4).map(tuple))
PLAIN = Session(Place(Path("photo.jpg"), ModelChoice("vit:x"), ViewState()))


@given(SESSIONS)
def test_what_is_written_is_read(session: Session) -> None:
    assert from_json(to_json(session), "a.vizsession") == session


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a ü.vizsession"
    write_session(PLAIN, path)
    assert read_session(path) == PLAIN
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["format"], told["version"]) == ("vizstudio session", 2)


def test_a_file_of_the_first_version_is_read() -> None:
    """It has neither the captions of the tree nor the view of positions."""
    path = CaptionPath(CaptionRequest(), 0, ((1, 2),))
    session = replace(PLAIN, place=replace(PLAIN.place, path=path, caption=CaptionState(3)))
    content = json.loads(to_json(session))
    del content["captions"], content["place"]["position"]
    assert from_json(json.dumps({**content, "version": 1}).encode(), "a") == session


def edited(**changes: object) -> bytes:
    return json.dumps({**json.loads(to_json(PLAIN)), **changes}).encode()


def with_place(**changes: object) -> bytes:
    return edited(place={**json.loads(to_json(PLAIN))["place"], **changes})


def with_state(**changes: object) -> bytes:
    content = json.loads(to_json(PLAIN))
    content["place"]["state"].update(changes)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "a is damaged, or no session"),
        (b"\xff\xfe", "a is damaged, or no session"),
        (b"[" * 100_000, "a is damaged, or no session"),
        (b"[]", "a is no session of vizstudio"),
        (b'{"version": 1}', "a is no session of vizstudio"),
        (edited(version=3), "a has version 3 of the format, and this vizstudio reads up to 2"),
        (edited(captions=[{"beam": "x"}]), "a is damaged: captions.0.beam: "),
        (edited(version="1"), "a has version '1' of the format"),
        (edited(place=None), "a is damaged: place: "),
        (edited(images=3), "a is damaged: images: "),
        (with_state(layer="three"), "a is damaged: place.state.layer: "),
        (with_state(query=[1.5, 2]), "a is damaged: place.state.query"),
        (with_state(colormap="nope"), "a is damaged: no colormap 'nope'"),
        (with_state(range=[2, 1]), "a is damaged: range 2,1 is none"),
        (with_state(opacity=None), "a is damaged: place.state.opacity: "),
        (with_state(mass=2), "a is damaged: mass 2 is no share of a map"),
        (with_state(range=[1, 0]), "a is damaged: range 1,0 is none"),
        (with_place(position="nope"), "a is damaged: no view of positions 'nope': choose position, "),
        (to_json(PLAIN)[:-40], "a is damaged, or no session"),
    ],
)
def test_what_is_no_session(content: bytes, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_json(content, "a")
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)


@given(
    st.binary(max_size=60)
    | SESSIONS.map(to_json).flatmap(lambda c: st.integers(0, len(c)).map(lambda n: c[:n]))
)
def test_any_bytes_are_read_or_refused_in_one_sentence(content: bytes) -> None:
    try:
        from_json(content, "a")
    except UsageError as error:
        assert str(error).startswith("a ")


def test_a_file_that_is_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.vizsession cannot be read: No such file"):
        read_session(tmp_path / "a.vizsession")
    with (tmp_path / "b.vizsession").open("wb") as file:
        file.truncate(20 * 2**20)
    with pytest.raises(UsageError, match=r"b\.vizsession is no session: it has over 16 MiB"):
        read_session(tmp_path / "b.vizsession")


def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VizstudioError, match="cannot be written"):
        write_session(PLAIN, tmp_path / "file" / "a.vizsession")


def test_a_name_that_is_no_text() -> None:
    with pytest.raises(UsageError, match="cannot be named in a session: rename the file"):
        to_json(replace(PLAIN, place=replace(PLAIN.place, image=Path("a\udcff.jpg"))))


def test_a_file_of_before_there_were_comparisons() -> None:
    content = json.loads(to_json(PLAIN))
    del content["place"]["beside"]
    assert from_json(json.dumps(content).encode(), "a.vizsession") == PLAIN


def test_what_is_compared_with_moves_as_the_image_does(tmp_path: Path) -> None:
    names = [tmp_path / "old" / name for name in ("first.jpg", "second.jpg")]
    images = tuple(KnownImage(name, hashlib.sha256(b"x").hexdigest()) for name in names)
    for name in names:
        (tmp_path / name.name).write_bytes(b"x")
    place = replace(PLAIN.place, image=names[0], beside=Beside(names[1]))
    found, told = find_images(Session(place, images), tmp_path)
    assert not told and found.place.beside == Beside(tmp_path / "second.jpg")
    followed = replace(place, beside=Beside(choice=PLAIN.place.choice))
    assert find_images(Session(followed, images), tmp_path)[0].place.beside == followed.beside


def test_images_that_are_there_moved_changed_or_gone(tmp_path: Path) -> None:
    names = ["there.jpg", "moved.jpg", "changed.jpg", "gone.jpg"]
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    images = tuple(KnownImage(old / name, hashlib.sha256(name.encode()).hexdigest()) for name in names)
    (old / "there.jpg").write_bytes(b"there.jpg")
    (new / "moved.jpg").write_bytes(b"moved.jpg")
    (old / "changed.jpg").write_bytes(b"other")
    captions = (CaptionPath(), CaptionPath(branches=((0, 1),)))
    session = Session(replace(PLAIN.place, image=old / "moved.jpg"), images, captions)
    found, told = find_images(session, new)
    assert found.captions == captions
    assert found.place.image == new / "moved.jpg"
    assert [image.path for image in found.images] == [
        old / "there.jpg",
        new / "moved.jpg",
        old / "changed.jpg",
    ]
    assert in_one_sentence(told) == (
        f"{old / 'changed.jpg'} has changed since the session was saved; {old / 'gone.jpg'} is gone: "
        "the rest of the session is open"
    )
    assert find_images(found, new)[1] == told[:1] and in_one_sentence([]) == ""


def test_an_image_of_another_system_is_found_beside_the_session(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"photo")
    there = Path(r"C:\Users\me\photo.jpg")
    images = (KnownImage(there, hashlib.sha256(b"photo").hexdigest()),)
    found, told = find_images(Session(replace(PLAIN.place, image=there), images), tmp_path)
    assert (found.place.image, told) == (tmp_path / "photo.jpg", [])


def test_an_opacity_that_is_no_number_is_damage() -> None:
    content = json.loads(to_json(PLAIN))
    content["place"]["state"]["opacity"] = float("nan")
    with pytest.raises(UsageError, match="opacity nan is no number"):
        from_json(json.dumps(content).encode(), "a.vizsession")
