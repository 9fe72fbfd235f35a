"""Pages that are generated when the site is built: the commands, the recipes' options, the plugin interface.

They are written to ``docs/generated/``, which is not committed, so that they cannot be out of date.
"""

import re
from pathlib import Path
from typing import Any

import yaml
from cyclopts import App
from sphinx.application import Sphinx

from vizstudio import train_cli
from vizstudio.commands import app as cli
from vizstudio.commands import recipes
from vizstudio.commands.base import load_host
from vizstudio.plugins import PluginHost
from vizstudio.training.config import ImageTraining, TrainConfig, option
from vizstudio.views import views_of

import interface_page  # isort: skip


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before the sources are listed."""
    app.connect("config-inited", lambda app, config: write_pages(Path(app.srcdir) / "generated"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_pages(folder: Path) -> None:
    """Write every generated page to a folder; a page that is as it was keeps its date."""
    folder.mkdir(exist_ok=True)
    host = load_host(safe_mode=True)
    for name, text in {
        "commands.md": commands_page(host),
        "training-commands.md": training_page(host),
        "options.md": options_page(host),
        "interface.rst": interface_page.text(),
    }.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")


def commands_page(host: PluginHost) -> str:
    """Return the reference of ``vizstudio``, with the views and formats that ship."""
    views = [(name, view.measure) for name, view in views_of(host).items()]
    formats = [(entry.id, entry.title) for entry in host.exporters.entries()]
    return "\n".join(
        (
            "# The command `vizstudio`\n",
            "Exit codes: 0 when all is done, 1 when work failed, 2 for bad input, 130 after Ctrl-C.\n",
            _reference(cli.app),
            "## Views\n",
            "What `--view` takes; plugins may bring more.\n",
            *_terms(views),
            "## Formats\n",
            "What `--format` takes; plugins may bring more.\n",
            *_terms(formats),
        )
    )


def training_page(host: PluginHost) -> str:
    """Return the reference of ``vizstudio-train``, without the recipes' own options."""
    return (
        "# The command `vizstudio-train`\n\n"
        "A recipe is a command of its own, such as `vizstudio-train vit-finetune`. What it takes stands on the page "
        "[Options of recipes](options.md), as options and as the keys of a file for `--config`.\n\n"
        f"{_reference(train_cli.app)}"
    )


def _reference(app: App) -> str:
    """Return cyclopts' own reference of a program, options as a list of terms, what is general only once."""
    text = app.generate_docs(output_format="markdown", heading_level=1)
    text = text.partition("\n")[2]  # the page has its own title
    text = re.sub(r"## Table of Contents.*?(?=\*\*Commands)", "", text, flags=re.DOTALL)
    text = text.replace("*[default: ]*", "")
    text = re.sub(r"^\* (.+?): +(.+)$", lambda m: f"{m[1]}\n: {_marked(m[2])}\n", text, flags=re.MULTILINE)
    first, *others = re.split(r"(?m)^\*\*General\*\*:$", text)
    parts = [first, "**Every command**:", *(_general(part, i == 0) for i, part in enumerate(others))]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def _general(part: str, keep: bool) -> str:
    """Return what follows the heading of the general options, without these unless they are to be kept."""
    options, heading, rest = part.partition("\n## ")
    return (options if keep else "") + (heading + rest if heading else "")


def _marked(text: str) -> str:
    """Return a text with its options as code, unless they are so already."""
    return re.sub(r"(`[^`]*`)|(?<![\w-])(--[a-z][\w-]*)", lambda m: m[1] or f"`{m[2]}`", text)


def _terms(pairs: list[tuple[str, str]]) -> list[str]:
    return [f"`{name}`\n: {text}\n" for name, text in pairs]


def options_page(host: PluginHost) -> str:
    """Return every option of every recipe that ships, and their presets."""
    shared = list(TrainConfig.model_fields)
    parts = [
        "# Options of recipes\n",
        "Each is an option of the recipe's command (`--batch-size 8`) and a key of a YAML or TOML file for `--config` "
        "(`batch_size: 8`). A preset counts least, then the file, then the command line. "
        "`vizstudio-train show RECIPE` prints the same with the values of a preset or file, and draws the learning "
        "rate; a run keeps its own in `config.yaml`.\n",
    ]
    for entry in host.trainers.entries():
        kind = recipes.config_of(host, entry.id)
        own = [name for name in kind.model_fields if name not in shared]
        own.sort(key=lambda name: name in ImageTraining.model_fields)  # what others have too comes last
        parts += [f"## {entry.id}\n", f"{entry.summary}\n", "### Its own options\n"]
        parts += [_field(kind, name) for name in own]
        parts += ["### Options that every recipe has\n", *(_field(kind, name) for name in shared)]
        for preset, values in kind.presets.items():
            told = yaml.safe_dump(dict(values), sort_keys=False)
            parts += [f"### The preset {preset}\n", f"```yaml\n{told}```\n"]
    return "\n".join(parts)


def _field(kind: type[TrainConfig], name: str) -> str:
    field = kind.model_fields[name]
    default = "required" if field.is_required() else _default(field.default)
    facts = [_type(field.annotation), *map(_limit, field.metadata), default]
    described = f"{_marked(str(field.description))} *[{', '.join(filter(None, facts))}]*"
    return f"`{name}`, `{option(name)}`\n: {described}\n"


def _default(value: Any) -> str:
    """Return a default as a file would have it; of None the description says what it stands for."""
    return "" if value is None else f"default: `{yaml.safe_dump(value).splitlines()[0]}`"


def _type(annotation: Any) -> str:
    """Return a type for readers: ``Literal["a", "b"] | None`` is "a or b"."""
    text = str(annotation) if hasattr(annotation, "__args__") else annotation.__name__
    choices = re.findall(r"'([^']*)'", text)
    if choices:
        return " or ".join(f"`{choice}`" for choice in choices)
    names = {"int": "whole number", "float": "number", "bool": "true or false", "str": "text", "Path": "path"}
    found = [names[part] for part in re.findall(r"\w+", text) if part in names]
    return "mapping of names to numbers" if text.startswith("dict") else found[0]


def _limit(bound: Any) -> str:
    """Return a bound of pydantic's, such as "at least 1"."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    for name, word in words.items():
        if hasattr(bound, name):
            return f"{word} {getattr(bound, name)}"
    return ""
