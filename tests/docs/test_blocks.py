"""Every block of code in the documentation is run, or says why it is not and at least is a command that exists."""

import ast
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from cyclopts import App
from doc_pages import BLOCK, Block, blocks, commands, name_of, pages

from vizstudio import train_cli
from vizstudio.commands.app import app
from vizstudio.commands.base import load_host
from vizstudio.recipes import config_of
from vizstudio.training.config import make_config

LANGUAGES = {"sh", "python", "yaml", "toml", "text"}
MARKS = {"not run", "run with", "from", "replaces", "test"}
OTHER_PROGRAMS = {"pip", "pytest", "python", "twine"}  # whose options are not ours
PAGES = {name_of(page): page for page in pages()}
ALL = [block for page in PAGES.values() for block in blocks(page)]
ELSEWHERE = ("examples/", "resources/")  # pages on models that a test has not, or on what takes hours
NOT_RUN = [
    block for block in ALL if {"not run", "test"} & {*block.marks} or block.place.startswith(ELSEWHERE)
]


def test_blocks_are_of_languages_and_marks_that_are_known() -> None:
    assert len(ALL) > 60
    assert {block.language for block in ALL} <= LANGUAGES
    assert {mark for block in ALL for mark in block.marks} <= MARKS
    assert all(len(block.marks["not run"]) > 15 for block in ALL if "not run" in block.marks)
    assert len(NOT_RUN) < len(ALL) / 3


@pytest.mark.slow
@pytest.mark.parametrize("page", [name for name in PAGES if not name.startswith(ELSEWHERE)])
def test_every_block_of_a_page_runs(page: str, shell: Any) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in blocks(PAGES[page]):
        if block not in NOT_RUN:
            printed = run(block, shell, names, printed)


def run(block: Block, shell: Any, names: dict[str, Any], printed: str) -> str:
    """Run a block as a reader would; returns what it printed, or what the one before it did."""
    if "from" in block.marks:
        quoted = (shell.folder / block.marks["from"]).read_text(encoding="utf-8")
        assert squeezed(block.code) in squeezed(quoted), f"{block.place} is not in {block.marks['from']}"
    elif "replaces" in block.marks:
        replace_class(block, shell.folder)
    elif block.file:
        (shell.folder / block.file).write_text(block.code, encoding="utf-8")
    elif block.language == "sh":
        return "".join(shell.run(words) for words in commands(block.as_run()))
    elif block.language == "python":
        shell.read()
        exec(compile(block.as_run(), block.place, "exec"), names)
        return shell.read()
    elif block.language == "text":
        for line in filter(None, block.code.splitlines()):
            assert squeezed(line) in squeezed(printed), f"{block.place}: not printed: {line}\n{printed}"
    else:
        raise AssertionError(
            f"{block.place} is no file: name it in its first line, as # NAME.{block.language}"
        )
    return printed


def squeezed(text: str) -> str:
    """Return a text without differences of white space, among them those of indentation."""
    return " ".join(text.split())


def replace_class(block: Block, folder: Path) -> None:
    """Put a block in the place of a class in a file, as its mark says: ``class NAME in PATH``."""
    _, name, _, path = block.marks["replaces"].split()
    lines = (folder / path).read_text(encoding="utf-8").splitlines(keepends=True)
    (old,) = [
        node
        for node in ast.parse("".join(lines)).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    lines[old.lineno - 1 : old.end_lineno] = [block.code]
    (folder / path).write_text("".join(lines), encoding="utf-8")


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda block: block.place)
def test_a_block_that_is_not_run_is_of_programs_and_options_that_exist(block: Block) -> None:
    if block.language == "python":
        compile(block.code, block.place, "exec")
    elif block.language in ("yaml", "toml"):
        assert {"yaml": yaml.safe_load, "toml": tomllib.loads}[block.language](block.code)
    else:
        assert block.language == "sh", f"{block.place} has no output to check: it is not run"
        for words in commands(block.code):
            parse(words)


def parse(words: list[str]) -> None:
    """Let the program read a command, without doing what it says."""
    if "vizstudio.train_cli" in words:  # torchrun … -m vizstudio.train_cli …
        words = ["vizstudio-train", *words[words.index("vizstudio.train_cli") + 1 :]]
    program, *arguments = words
    if program == "vizstudio":
        parsed(app, arguments)
    elif program == "vizstudio-train":
        train_cli._add_recipes(arguments)
        given = parsed(train_cli.app, arguments)
        host = load_host(safe_mode=True)
        if arguments[0] in host.trainers.ids() and "--resume" not in arguments:
            options = {
                name: value for name, value in given.items() if name not in ("config", "preset", "resume")
            }
            make_config(config_of(host, arguments[0]), options, None, given.get("preset"))
    else:
        assert program in OTHER_PROGRAMS, f"{program} is no program that the documentation may use"


def parsed(app: App, arguments: list[str]) -> dict[str, Any]:
    """Return the options that a program reads in words; it raises for those that it does not have."""
    words = [word for word in arguments if word not in ("--safe-mode", "--debug")]
    _, bound, _ = app.parse_args(words, exit_on_error=False, print_error=False)
    return dict(bound.arguments.get("given", bound.arguments))


def test_the_reader_of_blocks_reads_what_stands_there() -> None:
    text = """<!-- run with: a => b; c --x => d -->
```sh
vizstudio a c --x && vizstudio two \\
    'three  four'   # no word
```
"""
    (found,) = BLOCK.finditer(text)
    assert (found["language"], found["comment"]) == ("sh", "run with: a => b; c --x => d")
    block = Block("x:1", "sh", found["code"], {"run with": "a => b; c --x => d"})
    assert [*commands(block.as_run())] == [["vizstudio", "b", "d"], ["vizstudio", "two", "three  four"]]


def test_a_stand_in_for_what_is_not_there_is_an_error() -> None:
    with pytest.raises(AssertionError, match="'gone' is not in the block"):
        Block("x:1", "sh", "vizstudio models\n", {"run with": "gone => here"}).as_run()
