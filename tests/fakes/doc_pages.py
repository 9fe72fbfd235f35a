"""Reads the blocks of code in the documentation, and what the comments before them say."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"(?:^<!-- *(?P<comment>[^\n]*?) *-->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FILE = re.compile(r"# (\S+\.(?:py|yaml|toml))\n")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Parameters
    ----------
    place : str
        The page and line, such as ``"docs/start.md:12"``.
    language : str
        Such as ``"sh"``.
    code : str
        As it stands.
    marks : dict of str to str
        What the comment before it says: ``not run`` and why; ``run with`` and what stands in for what a test
        has not; ``from`` and the file that it quotes; ``replaces`` and what of which file.
    """

    place: str
    language: str
    code: str
    marks: dict[str, str]

    @property
    def file(self) -> str:
        """The file that it is to be saved as, which its first line names; empty if none."""
        found = FILE.match(self.code)
        return found[1] if found and "from" not in self.marks else ""

    def as_run(self) -> str:
        """Return the code with what the mark ``run with`` says: ``A => B; C => D``."""
        code = self.code
        for pair in filter(None, self.marks.get("run with", "").split("; ")):
            old, _, new = pair.partition(" => ")
            assert old in code, f"{self.place}: {old!r} is not in the block"
            code = code.replace(old, new)
        return code


def pages() -> list[Path]:
    """Return every page that has blocks to run, below the root of the project."""
    found = [ROOT / "README.md"]
    for pattern in ("docs/*.md", "examples/*/*.md", "resources/models/*.md"):
        found += sorted(ROOT.glob(pattern))
    return [path for path in found if BLOCK.search(path.read_text(encoding="utf-8"))]


def name_of(page: Path) -> str:
    """Return what a page is called in the names of tests."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text, found = page.read_text(encoding="utf-8"), []
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 1
        marks = {}
        if match["comment"]:
            name, _, value = match["comment"].partition(": ")
            marks[name] = value
        code = textwrap.dedent(match["code"])
        found.append(Block(f"{name_of(page)}:{line}", match["language"], code, marks))
    return found


def commands(code: str) -> Iterator[list[str]]:
    """Yield the words of every command of a block for a shell, which uses nothing but ``&&`` and comments."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while "&&" in words:
            at = words.index("&&")
            yield words[:at]
            words = words[at + 1 :]
        if words:
            yield words
