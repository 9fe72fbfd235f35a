"""The form of a recipe's options: which fields, of which kind, and what is wrong with what was given. No Qt here."""

import json
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from vizstudio.recipes import TrainConfig, is_flag
from vizstudio.registry import no_such

Kind = Literal["flag", "choice", "integer", "path", "text"]
FIRST = ("data", "model", "epochs", "batch_size", "lr", "seed", "device", "precision", "out")
"""The options that are used most; all others stand below "More options"."""
TITLES = {"lr": "Learning rate", "out": "Folder of the run"}
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Field:
    """One option.

    Parameters
    ----------
    name : str
        As in the file of options.
    kind : {"flag", "choice", "integer", "path", "text"}
        Numbers with a fraction, numbers that may be left open, and mappings as JSON are texts, which the options
        themselves read.
    about : str
        What it means.
    default : str or bool
        As a person would write it; empty for none.
    required : bool
        Whether it must be given.
    choices : tuple of str
        The values of a choice.
    low, high : int
        The ends of an integer.
    can_be_none : bool
        Whether ``none`` turns it off.
    """

    name: str
    kind: Kind
    about: str
    default: str | bool
    required: bool
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = LARGEST
    can_be_none: bool = False

    @property
    def title(self) -> str:
        """The name as it is shown."""
        return TITLES.get(self.name) or self.name.replace("_", " ").capitalize()


def fields_of(kind: type[TrainConfig]) -> list[Field]:
    """Return a recipe's options, those that are used most first."""
    made = {name: _field(kind, name) for name in kind.model_fields}
    first = [made.pop(name) for name in FIRST if name in made]
    return [*first, *made.values()]


def _field(kind: type[TrainConfig], name: str) -> Field:
    info = kind.model_fields[name]
    inner, optional = _inner(info.annotation)
    shape: Kind = "text"
    choices = tuple(str(c) for c in get_args(inner)) if get_origin(inner) is Literal else ()
    if is_flag(kind, name):
        shape = "flag"
    elif choices:
        shape = "choice"
    elif inner is int and not optional:
        shape = "integer"
    elif inner is Path:
        shape = "path"
    low, high = _bounds(info)
    return Field(
        name,
        shape,
        str(info.description or ""),
        as_text(None if info.is_required() else info.get_default(call_default_factory=True)),
        info.is_required(),
        choices,
        low,
        high,
        optional,
    )


def _inner(annotation: Any) -> tuple[Any, bool]:
    """Return a type without the ``None`` it may be, and whether it may."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    others = [one for one in get_args(annotation) if one is not type(None)]
    return (others[0] if len(others) == 1 else annotation), len(others) < len(get_args(annotation))


def _bounds(info: FieldInfo) -> tuple[int, int]:
    low, high = -LARGEST, LARGEST
    for limit in info.metadata:
        if isinstance(value := getattr(limit, "ge", None), int):
            low = value
        if isinstance(value := getattr(limit, "gt", None), int):
            low = value + 1
        if isinstance(value := getattr(limit, "le", None), int):
            high = value
        if isinstance(value := getattr(limit, "lt", None), int):
            high = value - 1
    return low, high


def as_text(value: Any) -> str | bool:
    """Return a value as a person would write it in the form."""
    if isinstance(value, bool):
        return value
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, dict | list | tuple) else str(value)


def check(kind: type[TrainConfig], given: Mapping[str, Any]) -> tuple[TrainConfig | None, dict[str, str]]:
    """Return (options, problems): either the options are None, or there is no problem.

    Problems are told by the name of the field, or by an empty name where they are of no field; the text ``none``
    turns an option off.
    """
    options = {name: None if value == "none" else value for name, value in given.items()}
    try:
        return kind.model_validate(options), {}
    except ValidationError as error:
        problems: dict[str, str] = {}
        for one in error.errors(include_url=False):
            message = str(one["msg"]).removeprefix("Value error, ")
            name = str(one["loc"][0]) if one["loc"] else _named(kind, message)
            if one["type"] == "extra_forbidden":
                name, message = "", no_such("option", name, tuple(kind.model_fields))
            elif one["type"] == "missing":
                message = "must be given"
            problems.setdefault(name, message[:1].upper() + message[1:])
        return None, problems


def _named(kind: type[TrainConfig], message: str) -> str:
    """Return the field that a message on several begins with or names first."""
    words = re.findall(r"\w+", message)
    return next((word for word in words if word in kind.model_fields), "")
