"""The commands of ``vizstudio-train`` that recipes bring, and ``vizstudio-train show``."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from cyclopts import App, Group, Parameter
from rich.markup import escape

from vizstudio.commands.base import EXIT_INTERRUPTED
from vizstudio.commands.output import console, print_json, print_table
from vizstudio.commands.program import Host
from vizstudio.core.errors import UsageError
from vizstudio.datasets import Datasets
from vizstudio.plugins import PluginHost
from vizstudio.recipes import config_of
from vizstudio.registry import blame, load_target, no_such
from vizstudio.training.config import TrainConfig, check_resumed, is_flag, make_config, option, read_config

_SHARED, _OWN, _FROM = (
    Group("Every recipe", sort_key=2),
    Group("This recipe", sort_key=1),
    Group("Options", sort_key=0),
)


def add_recipe(app: App, host: PluginHost, recipe: str) -> None:
    """Make a recipe a command; its options are the fields of its `TrainConfig`.

    Raises
    ------
    PluginError
        If its options cannot be had.
    """
    entry = host.trainers.get(recipe)
    kind = config_of(host, recipe)

    def command(**given: Any) -> int:
        config, preset = given.pop("config", None), given.pop("preset", None)
        resume = given.pop("resume", False)
        options = {name: _value(value) for name, value in given.items() if value is not None}
        made = (
            _resumed(kind, options, config, preset) if resume else make_config(kind, options, config, preset)
        )
        with blame(host.trainers.owner(recipe), f"training by {recipe!r}"):
            finished = load_target(entry.run)(made, Datasets(host.datasets), resume)
        if finished and os.environ.get("RANK", "0") == "0":  # of many processes one prints
            print(made.out / "best.safetensors")
        return 0 if finished else EXIT_INTERRUPTED

    command.__doc__ = entry.summary
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*_general(kind), *(_parameter(kind, name) for name in kind.model_fields)]
    )
    app.command(command, name=recipe)


def _resumed(
    kind: type[TrainConfig], given: dict[str, Any], file: Path | None, preset: str | None
) -> TrainConfig:
    """Return the options of the run that is in the folder, with those changed that may change.

    Raises
    ------
    UsageError
        If there is no run, or an option now given would change the result.
    """
    if "out" not in given:
        raise UsageError("out is missing: give --out, the folder of the run to go on with")
    path = Path(given["out"]) / "config.yaml"
    if not path.is_file():
        raise UsageError(f"no run in {given['out']} to go on with: leave --resume out to start one")
    saved = make_config(kind, {"out": given["out"]}, path)
    wanted = make_config(kind, {**_told(kind, file, preset), **given}, path)
    check_resumed(saved, wanted)
    return wanted


def _told(kind: type[TrainConfig], file: Path | None, preset: str | None) -> dict[str, Any]:
    """Return what a file and a preset say."""
    if preset is not None and preset not in kind.presets:
        raise UsageError(no_such("preset", preset, tuple(kind.presets)))
    return {**(kind.presets[preset] if preset else {}), **(read_config(file) if file else {})}


def _value(text: Any) -> Any:
    """Return an option's value: ``none`` turns one off."""
    return None if text == "none" else text


def _general(kind: type[TrainConfig]) -> list[inspect.Parameter]:
    presets = f" ({', '.join(kind.presets)})" if kind.presets else ""
    told: list[tuple[str, Any, Any, str]] = [
        (
            "config",
            Path | None,
            None,
            "A file of options in YAML or TOML; those given on the command line count more.",
        ),
        ("preset", str | None, None, f"Options by a name{presets}; a file's and those given count more."),
        ("resume", bool, False, "Go on with the run in --out, exactly where it stopped."),
    ]
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[annotation, Parameter(help=text, group=_FROM)],
        )
        for name, annotation, default, text in told
    ]


def _parameter(kind: type[TrainConfig], name: str) -> inspect.Parameter:
    """Return a field as an option; its text goes to pydantic as it is."""
    field, flag = kind.model_fields[name], is_flag(kind, name)
    can_be_on = field.default is not False or any(preset.get(name) for preset in kind.presets.values())
    shown: Callable[[Any], str | None] = lambda _: default_text(kind, name) or None  # noqa: E731
    about = Parameter(
        name=option(name),
        help=f"{field.description}{_choices(field.annotation)}",
        negative=f"--no-{option(name)[2:]}" if flag and can_be_on else (),
        show_default=shown,
        group=_SHARED if name in TrainConfig.model_fields else _OWN,
        allow_leading_hyphen=True,
    )
    annotation = Annotated[bool | None if flag else str | None, about]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _choices(annotation: Any) -> str:
    """Return the values that a field can have, where they are few."""
    for one in (annotation, *get_args(annotation)):
        if get_origin(one) is Literal:
            return f" Choose from {', '.join(get_args(one))}."
    return ""


def default_text(kind: type[TrainConfig], name: str) -> str:
    """Return a field's default as it is shown; empty for none."""
    field = kind.model_fields[name]
    return (
        ""
        if field.is_required() or field.default is None
        else str(field.default).lower() * (field.default is not False)
    )


def show(
    recipe: str,
    /,
    *,
    preset: str | None = None,
    config: Path | None = None,
    steps: int = 1000,
    width: int = 768,
    picture: Path | None = None,
    json: bool = False,
    host: Host,
) -> None:
    """Show a recipe's options and their defaults, and draw its learning rate.

    Parameters
    ----------
    recipe
        The recipe's name; `vizstudio-train list` lists them.
    preset
        Show the options of this preset.
    config
        Show the options in this file.
    steps
        The number of steps of the run to draw.
    width
        The width of the model, for the schedule noam.
    picture
        The picture's file, by default RECIPE-learning-rate.png.
    json
        Print JSON instead of a table.
    """
    kind = config_of(host, recipe)
    if steps < 1 or width < 1:
        raise UsageError("--steps and --width must be 1 or more")
    given = {name: "-" for name in ("data", "model", "out") if kind.model_fields[name].is_required()}
    made = make_config(kind, given, config, preset)
    _print_options(kind, made, {*given}, json)
    path = picture or Path(f"{recipe}-learning-rate.png")
    _draw_rates(made, recipe + (f" · {preset}" if preset else ""), steps, width, path)
    console(to_error=True).print(
        f"the learning rate of {steps} steps is drawn in {path}", highlight=False, markup=False
    )


def _print_options(kind: type[TrainConfig], made: TrainConfig, required: set[str], json: bool) -> None:
    values = made.model_dump(mode="json")
    rows = [
        {
            "option": option(name),
            "value": None if name in required else values[name],
            "meaning": str(field.description),
        }
        for name, field in kind.model_fields.items()
    ]
    if json:
        print_json(rows)
        return
    shown = [(row["option"], "" if row["value"] is None else row["value"], row["meaning"]) for row in rows]
    print_table(["Option", "Value", "What it is"], [[escape(str(cell)) for cell in row] for row in shown])


def _draw_rates(config: TrainConfig, title: str, steps: int, width: int, path: Path) -> None:
    from vizstudio.core.files import write_atomic
    from vizstudio.core.training_figures import rate_scene

    warmup = config.warmup(steps)
    rates = [config.learning_rate(step, steps, width) for step in range(1, steps + 1)]
    facts = [f"schedule {config.schedule} · {warmup} of {steps} steps of warm-up · at most {max(rates):.3g}"]
    marks = [(warmup, "end of the warm-up")] if 1 < warmup < steps else []
    scene = rate_scene(rates, f"Learning rate of {title}", facts, marks)
    write_atomic(path, scene.to_png())
