"""Scripts and commands that draw a view again: run as a user would, and compared byte by byte."""

import inspect
import os
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import vizstudio
from vizstudio.commands.captions import CaptionOptions
from vizstudio.commands.run import run
from vizstudio.commands.view_options import ViewOptions
from vizstudio.core.caption import CaptionPath, CaptionRequest
from vizstudio.core.output import PictureOptions
from vizstudio.core.state import ViewState
from vizstudio.pictures import write_picture
from vizstudio.reproduce import Drawn, _cmd_line, as_command, as_python

PLUGIN = """
from vizstudio.api import ModelEntry, hookimpl

@hookimpl
def register_models(registry):
    load, names = "fake_captioner:load", "fake_captioner:list_models"
    registry.add(ModelEntry("fake", "Scripted", load=load, names=names))
"""


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the scripted captioner as a plugin, here and for programs that are started."""
    folder = tmp_path_factory.mktemp("site")
    info = folder / "fake_captions-1.0.dist-info"
    info.mkdir()
    (folder / "fake_captions.py").write_text(PLUGIN, encoding="utf-8")
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: fake-captions\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text("[vizstudio.plugins]\nfake = fake_captions\n", encoding="utf-8")
    fakes = Path(__file__).parent / "fakes"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), str(fakes)]))


@pytest.fixture
def image(photos: Path, tmp_path: Path) -> Path:
    """A photo whose path has what shells and Python trip over."""
    name = "a photo's $HOME & 50% (ü).jpg" if os.name == "nt" else """a "photo"'s $HOME & 50% \\n (ü).jpg"""
    path = tmp_path / "some where" / name
    path.parent.mkdir()
    shutil.copy(photos / "coffee.jpg", path)
    return path


def written(drawn: Drawn) -> bytes:
    """Return the file that this process writes."""
    model = vizstudio.load_model(drawn.model_id, drawn.checkpoint, drawn.pretrained, drawn.device)
    if drawn.caption is None:
        analysis = model.analyze(drawn.image)
    else:
        request = {f.name: getattr(drawn.caption.request, f.name) for f in fields(CaptionRequest)}
        analysis = drawn.caption.follow(model.caption(drawn.image, **request))
    shown = {f.name: getattr(drawn.state, f.name) for f in fields(ViewState)}
    target = drawn.image.parent / f"here.{drawn.format}"
    size = drawn.picture
    write_picture(
        analysis,
        drawn.image,
        target,
        scale=size.scale,
        width=size.width,
        transparent=size.transparent,
        **shown,
    )
    return target.read_bytes()


def by_python(drawn: Drawn, folder: Path) -> bytes:
    folder.mkdir()
    (folder / "script.py").write_text(as_python(drawn), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "script.py"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return (folder / drawn.file_name).read_bytes()


def by_shell(drawn: Drawn, folder: Path) -> bytes:
    folder.mkdir()
    env = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    done = subprocess.run(
        as_command(drawn), shell=True, cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return (folder / drawn.file_name).read_bytes()


def test_a_model_of_timm_by_script_and_by_command(image: Path, tmp_path: Path) -> None:
    state = ViewState("heads", 3, 1, (4, 7), None, 0, "magma", 0.45, True, True, (-0.01, 0.02), 0.6)
    drawn = Drawn(
        image, "vit:vit_tiny_patch16_224", None, False, "cpu", state, None, PictureOptions(width=777)
    )
    wanted = written(drawn)
    with Image.open(image.parent / "here.png") as picture:
        assert picture.width == 777
    assert by_python(drawn, tmp_path / "python") == wanted
    assert by_shell(drawn, tmp_path / "shell") == wanted


def test_a_comparison_by_script_and_by_command(image: Path, photos: Path, tmp_path: Path) -> None:
    small, name = "vit:vit_tiny_patch16_224", "vit:demo"
    state = ViewState("attention", 3, 1, (4, 7), colormap="magma", opacity=0.4)
    with_other = Drawn(image, name, device="cpu", state=ViewState(layer=1, head="max"))
    with_photo = Drawn(photos / "chelsea.jpg", small, device="cpu", state=state)
    for number, second in enumerate((with_other, with_photo)):
        drawn = Drawn(image, small, device="cpu", state=state, format=("png", "npz")[number], second=second)
        models = [vizstudio.load_model(one.model_id, device="cpu") for one in (drawn, second)]
        target = tmp_path / f"here.{drawn.format}"
        shown = {f.name: getattr(state, f.name) for f in fields(ViewState)}
        vizstudio.write_comparison(
            models[0].analyze(image),
            models[1].analyze(second.image),
            image,
            target,
            second_image=second.image,
            second_layer=second.state.layer,
            second_head=second.state.head,
            **shown,
        )
        wanted = target.read_bytes()
        assert drawn.file_name == f"{image.stem}_compare-attention.{drawn.format}"
        assert by_python(drawn, tmp_path / f"python {number}") == wanted
        assert by_shell(drawn, tmp_path / f"shell {number}") == wanted


def test_weights_and_places_of_the_second_are_named(image: Path) -> None:
    first = Drawn(image, "vit:x", Path("a.pth"), device="cpu", state=ViewState(layer=2))
    second = Drawn(
        image, "vit:x", Path("b.pth"), device="cuda", precision="float16", state=ViewState(layer=1)
    )
    line = as_command(replace(first, second=second), windows=False)
    assert "--with vit:x --with-checkpoint" in line and "--with-device cuda --with-precision float16" in line
    assert line.count("--device cpu") == 1 and "--with-layer 1" in line and "--with-head" not in line
    script = as_python(replace(first, second=second))
    assert script.count("load_model") == 2 and "second_layer=1" in script and "second_image" not in script
    published = replace(first, checkpoint=None, pretrained=True, state=ViewState())
    line = as_command(
        replace(published, second=replace(first, state=ViewState(), pretrained=False)), windows=False
    )
    assert line.count("--pretrained") == 1 and "--with-pretrained" not in line
    assert "--with vit:x --with-checkpoint" in line
    same = as_python(replace(first, second=replace(first, state=ViewState(layer=5))))
    assert same.count("load_model") == 1 and "second = model.analyze(image)" in same


def test_pins_by_script_and_by_command(image: Path, tmp_path: Path) -> None:
    state = ViewState("pins", 3, 1, (4, 7), pins=((0, 1), (13, 12)))
    drawn = Drawn(image, "vit:vit_tiny_patch16_224", None, False, "cpu", state)
    wanted = written(drawn)
    assert by_python(drawn, tmp_path / "python") == wanted
    assert by_shell(drawn, tmp_path / "shell") == wanted


def test_a_caption_of_a_beam_that_was_left_twice(site: None, image: Path, tmp_path: Path) -> None:
    path = CaptionPath(CaptionRequest(beams=3, prefix="the front", length_penalty=0.5), 1, ((4, 1), (5, 1)))
    state = ViewState("step", 2, "max", word=3)
    size = PictureOptions(scale=1.5, transparent=True)
    drawn = Drawn(image, "fake:scripted", None, False, "cpu", state, path, size)
    wanted = written(drawn)
    plain = written(Drawn(image, "fake:scripted", None, False, "cpu", state, CaptionPath(), size))
    assert plain != wanted
    assert by_python(drawn, tmp_path / "python") == wanted
    assert by_shell(drawn, tmp_path / "shell") == wanted


def test_numbers_of_a_caption(site: None, image: Path, tmp_path: Path) -> None:
    drawn = Drawn(
        image,
        "fake:scripted",
        device="cpu",
        state=ViewState("attention"),
        caption=CaptionPath(),
        format="npz",
    )
    wanted = written(drawn)
    with np.load(image.parent / "here.npz") as archive:
        assert "heatmap" in archive
    assert by_python(drawn, tmp_path / "python") == wanted
    assert by_shell(drawn, tmp_path / "shell") == wanted


def test_every_field_of_a_view_is_an_option_of_the_command() -> None:
    grouped = [f.name for options in (ViewOptions, CaptionOptions) for f in fields(options)]
    offered = {*inspect.signature(run).parameters, *grouped}
    assert {f.name for f in fields(ViewState)} <= offered
    assert {f.name for f in fields(PictureOptions)} >= {"scale", "width", "transparent"}


def test_numbers_of_numpy_are_written_as_any_others(image: Path) -> None:
    state = ViewState(query=(np.int64(3), 4), range=(np.float64(-0.5), np.float64(0.25)))  # type: ignore[arg-type]
    drawn = Drawn(image, "vit:x", state=state)
    assert "query=(3, 4)" in as_python(drawn) and "range=(-0.5, 0.25)" in as_python(drawn)
    assert "--query 3,4" in as_command(drawn) and "--range=-0.5,0.25" in as_command(drawn)


def test_weights_from_a_file_are_named(image: Path) -> None:
    drawn = Drawn(image, "vit:x", Path("my weights.pth"))
    assert f"checkpoint={str(Path('my weights.pth').absolute())!r}" in as_python(drawn)
    assert f"--checkpoint '{Path('my weights.pth').absolute()}'" in as_command(drawn, windows=False)
    assert "--pretrained" in as_command(Drawn(image, "vit:x", pretrained=True))


def test_a_value_that_looks_like_an_option(image: Path) -> None:
    path = CaptionPath(CaptionRequest(prefix="-x y"))
    assert "'--prefix=-x y'" in as_command(Drawn(image, "vit:x", caption=path), windows=False)


# cmd.exe, as its documentation and that of Microsoft's C library say that a line is read


def read_by_cmd(line: str) -> str:
    """Return what cmd.exe hands to the program: carets outside quotes are taken off; nothing may be special."""
    out, quoted, i = "", False, 0
    while i < len(line):
        letter = line[i]
        if letter == "^" and not quoted:
            i += 1
            out += line[i]
        else:
            assert quoted or letter not in "()!<>&|", f"{letter} would be taken by the shell in {line}"
            assert letter != "%", f"a variable would be put in place in {line}"
            quoted = quoted != (letter == '"')
            out += letter
        i += 1
    assert not quoted
    return out


def split_by_program(line: str) -> list[str]:
    """Split as Microsoft's C library does."""
    words, word, quoted, begun, i = [], "", False, False, 0
    while i < len(line):
        slashes = len(line[i:]) - len(line[i:].lstrip("\\"))
        i += slashes
        if slashes and i < len(line) and line[i] == '"':
            word, begun = word + "\\" * (slashes // 2), True
            if slashes % 2:
                word, i = word + '"', i + 1
                continue
        elif slashes:
            word, begun = word + "\\" * slashes, True
            continue
        letter = line[i]
        if letter == '"':
            quoted, begun = not quoted, True
        elif letter in " \t" and not quoted:
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word, begun = word + letter, True
        i += 1
    return [*words, word] if begun else words


@given(st.lists(st.text("ab \\\"'&|<>^%!()-=,ü", max_size=12), min_size=1, max_size=4))
def test_a_line_for_cmd_is_read_back(words: list[str]) -> None:
    assert split_by_program(read_by_cmd(_cmd_line(words))) == words


def test_a_plain_line_for_cmd_stays_readable() -> None:
    assert _cmd_line(["run", r"C:\My photos\a.jpg", "--layer", "3"]) == r'run "C:\My photos\a.jpg" --layer 3'
