"""Wrong use of the command line: one clear line, exit code 2, no traceback; and the help."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vizstudio import __version__
from vizstudio.cli import main
from vizstudio.core.figures import VIEWS

MODEL = "vit:vit_tiny_patch16_224"
BEFORE_LOADING = {
    "--view atention": "no view 'atention': did you mean attention? choose from attention, ",
    "--view ,": "no view given: choose from attention, ",
    "--format pmg": "no format 'pmg': did you mean png? choose from png, svg, npz, csv, json",
    "--head 1x": "no head '1x': give a number from 0, or mean, max, min",
    "--head -1": "no head '-1': give a number from 0, or mean, max, min",
    "--query 1,x": "no query '1,x': a patch is given as ROW,COL, such as 3,5",
    "--query -1,3": "no query '-1,3': a patch is given as ROW,COL, such as 3,5",
    "--panel 3": "--panel '3' is no patch: give ROW,COL, such as 3,5",
    "--panel -3,4": "--panel '-3,4' is no patch: give ROW,COL, such as 3,5",
    "--opacity -0.1": "--opacity -0.1 is outside 0 to 1",
    "--opacity nan": "--opacity nan is outside 0 to 1",
    "--opacity much": "invalid value for --opacity: ",
    "--pins 3": "--pins '3' is no patch: give ROW,COL, such as 3,5",
    "--range 1": "--range '1' is no range: give LOW,HIGH, such as 0,0.02",
    "--range 0,b": "--range '0,b' is no range",
    "--range 1,0": "range 1,0 is none: give LOW,HIGH, the first below the second, such as 0,0.02",
    "--range 0,nan": "range 0,nan is none",
    "--range -1,-1": "range -1,-1 is none",
    "--mass 0": "mass 0 is no share of a map: give a number above 0, up to 1",
    "--mass 60": "mass 60 is no share of a map",
    "--layer last": "invalid value for --layer: ",
    "--colormap virids": "no colormap 'virids': did you mean viridis?",
    "--fit stretch": 'Choose from: "crop", "squash", "pad"',
    "--input-size 224": "--input-size '224' is no size: give WIDTHxHEIGHT in pixels, such as 384x256",
    "--input-size 0x224": "--input-size '0x224' is no size",
    "--checkpoint absent.safetensors": "no checkpoint at absent.safetensors: check the path",
    "--classes absent.txt": "no file of class names at absent.txt: check the path",
    "--model vit_tiny_patch16_224": "no model 'vit_tiny_patch16_224': did you mean vit:vit_tiny_patch16_224?",
    "--model vot:x": "no model family 'vot': did you mean vit? choose from catr, vit",
    "--modl x": "did you mean --model",
    "absent.jpg": "no image at absent.jpg: check the path",
    "--out file.txt": "the folder file.txt cannot be written to (",
    "--out file.txt/below": "cannot be written to (",
}
AFTER_LOADING = {
    "--model vit:vit_tiny_patch16_22": "did you mean vit_tiny_patch16_224",
    "--device abacus": "no device 'abacus' here: choose auto or cpu",
    "--layer 12": f"layer 12 does not exist: {MODEL} has layers 0 to 11, or -12 to -1",
    "--layer -13": f"layer -13 does not exist: {MODEL} has layers 0 to 11, or -12 to -1",
    "--head 3": "head 3 does not exist: layer 11 has heads 0 to 2",
    "--query 14,0": "no query 14,0: choose cls, mean, a patch from 0,0 to 13,13",
    "--query reg1": "no query reg1: choose cls, mean, a patch from 0,0 to 13,13",
    "--view panel --panel 14,0": "panel 14,0 does not exist: there are panels 0,0 to 13,13",
    "--view wall --format csv": "no CSV",
    "--checkpoint file.txt": "file.txt is no",
    "bad.jpg": "bad.jpg is not an image that can be read",
}


def run_with(options: str, photos: Path, folder: Path) -> int:
    """Run with good arguments of which `options` replace some."""
    (folder / "file.txt").write_text("no folder, no weights", encoding="utf-8")
    (folder / "bad.jpg").write_text("no image", encoding="utf-8")
    words = options.split()
    image = [] if not words[0].startswith("-") else [str(photos / "coffee.jpg")]
    model = [] if "--model" in words else ["--model", MODEL]
    out = [] if "--out" in words else ["--out", "out"]
    device = [] if "--device" in words else ["--device", "cpu"]
    return main(["run", *image, *words, *model, *out, *device])


@pytest.mark.parametrize("options", [*BEFORE_LOADING, *AFTER_LOADING])
def test_wrong_use_is_one_line(
    options: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_with(options, photos, tmp_path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("vizstudio: error: ")
    assert captured.err.count("\n") == 1
    assert (BEFORE_LOADING | AFTER_LOADING)[options].lower() in captured.err.lower()
    assert not [path for path in tmp_path.rglob("*") if path.name not in ("file.txt", "bad.jpg", "out")]


def test_wrong_use_that_needs_no_model_does_not_wait_for_torch(photos: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from vizstudio.cli import main\n"
        "for line in sys.stdin:\n    assert main(line.split()) == 2, line\n"
        "assert 'torch' not in sys.modules"
    )
    (tmp_path / "file.txt").write_text("", encoding="utf-8")
    wrong = [o for o in BEFORE_LOADING if o.startswith("--") and "--model" not in o]
    lines = "".join(f"run {photos / 'coffee.jpg'} --model {MODEL} {options}\n" for options in wrong)
    done = subprocess.run(
        [sys.executable, "-c", code], input=lines, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("vizstudio: error: ") == len(wrong)


def test_debug_shows_the_traceback_too(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = [
        "run",
        str(photos / "coffee.jpg"),
        "--model",
        MODEL,
        "--head",
        "x",
        "--debug",
        "--out",
        str(tmp_path),
    ]
    assert main(wrong) == 2
    error = capsys.readouterr().err
    assert "Traceback (most recent call last)" in error
    assert error.splitlines()[-1].startswith("vizstudio: error: no head 'x'")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rnu", "x.jpg"], "no command or image 'rnu': did you mean run?"),
        (
            ["nothing"],
            "no command or image 'nothing': choose from run, compare, demo, models, plugins, plugin, doctor",
        ),
        (["run"], "see `vizstudio run --help`"),
        (["models", "no such model"], "no model matches 'no such model'"),
        (["plugins", "--disable", "vot"], "no plugin 'vot': did you mean vit?"),
        (["plugins", "--disable", "vit", "--enable", "vit"], "cannot be both enabled and disabled"),
        (["--nonsense"], "see `vizstudio --help`"),
    ],
)
def test_wrong_words_are_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert captured.err.startswith("vizstudio: error: ")
    assert told in captured.err


def test_an_unforeseen_error_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vizstudio.commands.base.load_plugins", lambda **_: 1 / 0)
    assert main(["plugins"]) == 1
    assert capsys.readouterr().err == (
        "vizstudio: error: this is a bug in vizstudio (ZeroDivisionError: division by zero): --debug shows where\n"
    )


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"vizstudio {__version__}"
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for word in ("run", "demo", "models", "plugins", "doctor", "--safe-mode", "--debug"):
        assert word in shown
    assert main(["run", "--help"]) == 0
    words = capsys.readouterr().out.split()
    for name in (*VIEWS, "rollout", "png", "svg", "npz", "csv", "json"):
        assert name in words


def test_a_reader_that_stops_early_is_no_error() -> None:
    command = [sys.executable, "-m", "vizstudio", "models"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        told = process.stderr.read()
    assert (process.returncode, told) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGINT to send to another process")
def test_ctrl_c_stops_a_run_and_keeps_what_was_written(photos: Path, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(500):
        (many / f"{number:03}.jpg").write_bytes((photos / "coffee.jpg").read_bytes())
    out = tmp_path / "out"
    command = ("run", str(many), "--model", MODEL, "--device", "cpu", "--out", str(out))
    with subprocess.Popen(
        [sys.executable, "-m", "vizstudio", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while process.poll() is None and len([*out.glob("*.png")]) < 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        written, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == "vizstudio: cancelled"
    assert "Traceback" not in told
    assert sorted(written.split()) == sorted(map(str, out.glob("*.png")))
    assert all(path.suffix == ".png" and not path.name.startswith(".") for path in out.iterdir())
