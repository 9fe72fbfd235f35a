"""The options of a training run as one typed model: command line, YAML file and saved file come from it."""

import re
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vizstudio.core.errors import UsageError
from vizstudio.core.files import write_atomic
from vizstudio.registry import no_such
from vizstudio.training.schedules import Schedule, learning_rate

Precision = Literal["fp32", "bf16", "fp16"]


class TrainConfig(BaseModel):
    """What every recipe can be asked; a recipe's own model adds to it.

    A field's description is the option's help. `free` names the fields that may change when a run is resumed,
    as none of them changes what is computed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Options by the name of a preset."""
    default_lr: ClassVar[float] = 1e-4
    free: ClassVar[frozenset[str]] = frozenset(
        {"out", "device", "num_workers", "accumulate", "find_batch_size", "save_steps", "log_steps"}
    )

    data: str = Field(
        min_length=1, description="A folder, or a data set by its name: `vizstudio-train list` lists them."
    )
    model: str = Field(min_length=1, description="Which model to train.")
    out: Path = Field(description="The run's folder; it is made if it is not there.")
    epochs: int = Field(10, ge=1, description="How often the whole data set is gone through.")
    batch_size: int = Field(
        32, ge=1, description="Images per step of the optimiser, over all processes and accumulated parts."
    )
    lr: float | None = Field(
        None,
        gt=0,
        description="The learning rate at its highest; by default 1e-4. With noam it is the formula's factor, by "
        "default 1.",
    )
    schedule: Schedule = Field(
        "cosine",
        description="How the learning rate goes on after its linear warm-up: warmup-exponential and cosine fall to "
        "final-lr-share of it, noam as the inverse square root of the step, step drops every drop-epochs.",
    )
    warmup_steps: int | None = Field(
        None, ge=0, description="Steps of warm-up; by default a tenth of all steps."
    )
    final_lr_share: float = Field(
        0.01, gt=0, le=1, description="The share of the highest learning rate that is left at the last step."
    )
    drop_epochs: int = Field(20, ge=1, description="With schedule step: epochs between drops.")
    drop_to: float = Field(
        0.1, gt=0, le=1, description="With schedule step: the share of the learning rate that a drop leaves."
    )
    weight_decay: float = Field(0.05, ge=0, description="Of AdamW; biases, norms and positions are left out.")
    clip: float | None = Field(1.0, gt=0, description="The greatest norm of the gradient.")
    seed: int = Field(0, ge=0, lt=2**31, description="Of the order of images, their changes, and dropout.")
    num_workers: int = Field(2, ge=0, description="Processes that read images, for each process that trains.")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps.")
    precision: Precision = Field("fp32", description="Mixed precision: bf16, or fp16 with a scaled loss.")
    accumulate: int = Field(
        1, ge=1, description="Parts that a batch is computed in, one after another; changes memory only."
    )
    find_batch_size: bool = Field(
        False, description="Halve the parts until one fits into memory; a step's batch stays as it is."
    )
    gradient_checkpointing: bool = Field(False, description="Compute activations again to save memory.")
    save_steps: int | None = Field(None, ge=1, description="Save every so many steps too, not only epochs.")
    log_steps: int = Field(10, ge=1, description="Log the loss every so many steps.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.accumulate > self.batch_size:
            raise ValueError(f"accumulate {self.accumulate} is more than batch_size {self.batch_size}")
        if self.warmup_steps == 0 and self.schedule in ("noam", "warmup-exponential"):
            raise ValueError(f"warmup_steps must be 1 or more with schedule {self.schedule}")
        return self

    def warmup(self, total_steps: int) -> int:
        """Return the steps of warm-up in a run of `total_steps`.

        Raises
        ------
        UsageError
            If there are not that many steps.
        """
        if self.warmup_steps is None:
            return max(1, round(total_steps / 10))
        if self.warmup_steps > total_steps:
            raise UsageError(
                f"warmup_steps {self.warmup_steps} is more than all {total_steps} steps of the run: "
                "give fewer, or more epochs"
            )
        return self.warmup_steps

    def learning_rate(self, step: int, total_steps: int, width: int) -> float:
        """Return the learning rate of a step counted from 1; `width` is the model's, for ``noam``."""
        base = self.lr if self.lr is not None else 1.0 if self.schedule == "noam" else self.default_lr
        warmup = self.warmup(total_steps)
        drop_every = max(1, self.drop_epochs * total_steps // self.epochs)
        return learning_rate(
            self.schedule,
            step,
            total_steps,
            base,
            warmup,
            self.final_lr_share,
            width,
            drop_every,
            self.drop_to,
        )

    def to_yaml(self) -> str:
        """Return all options as YAML, with what each means."""
        lines = []
        for name, value in self.model_dump(mode="json").items():
            about = str(type(self).model_fields[name].description)
            lines += textwrap.wrap(about, 100, initial_indent="# ", subsequent_indent="# ")
            lines.append(yaml.safe_dump({name: value}, allow_unicode=True, width=1000).rstrip())
        return "\n".join(lines) + "\n"


class ImageTraining(TrainConfig):
    """What a recipe can be asked that learns from images of a folder, or of a data set that is made on the fly."""

    val_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="The share of the images, and of those of each class where there are classes, that is kept to "
        "evaluate on where the data have no such part.",
    )
    skip_unreadable: bool = Field(
        False, description="Leave out images that cannot be read, rather than stop."
    )
    images: int = Field(
        10000,
        ge=1,
        description="Of a data set that is made on the fly: how many to learn from in an epoch; every epoch has "
        "new ones.",
    )
    val_images: int = Field(1000, ge=1, description="Of such a data set: how many to evaluate on.")
    probes: int = Field(
        4,
        ge=0,
        le=16,
        description="Images to evaluate on that are looked at after every epoch; what is seen is kept in snapshots/.",
    )


def read_config(path: Path) -> dict[str, Any]:
    """Read a file of options in YAML, or in TOML if its name ends so.

    Raises
    ------
    UsageError
        If it cannot be read or is no mapping.
    """
    kind = "TOML" if path.suffix.lower() == ".toml" else "YAML"
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text) if kind == "TOML" else yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the options cannot be read from {path}: {error}") from error
    except (yaml.YAMLError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path.name} is no {kind}: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UsageError(f"{path.name} must have lines such as `epochs{' = ' if kind == 'TOML' else ': '}10`")
    return {key: _number(value) for key, value in content.items()}


def _number(value: Any) -> Any:
    """Read 1e-4, which YAML 1.1 takes for a text as it has no point, as the number it is."""
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
        return float(value)
    return value


def write_config(config: TrainConfig, path: Path) -> None:
    """Write a run's options beside it; raises `VizstudioError` if the disk does not take them."""
    write_atomic(path, config.to_yaml().encode())


def make_config(
    kind: type[TrainConfig],
    given: Mapping[str, Any],
    file: Path | None = None,
    preset: str | None = None,
) -> TrainConfig:
    """Put options together: a preset's, over them a file's, over them those given.

    Raises
    ------
    UsageError
        If there is no such preset, an option is unknown, or a value is impossible; the message names it.
    """
    if preset is not None and preset not in kind.presets:
        raise UsageError(no_such("preset", preset, tuple(kind.presets)))
    options = {
        **(kind.presets[preset] if preset else {}),
        **(read_config(file) if file else {}),
        **given,
    }
    try:
        return kind.model_validate(options)
    except ValidationError as error:
        problems = "; ".join(_problem(kind, one) for one in error.errors(include_url=False))
        where = f" (options of {file.name} and the command line)" if file else ""
        raise UsageError(f"{problems}{where}") from error


def _problem(kind: type[TrainConfig], error: Any) -> str:
    """Return what is wrong with one field."""
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return no_such("option", name, tuple(kind.model_fields))
    if error["type"] == "missing":
        return f"{name} is missing: give {option(name)}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name} cannot be {error['input']!r}: {message[:1].lower()}{message[1:]}"


def option(name: str) -> str:
    """Return a field's option on the command line."""
    return f"--{name.replace('_', '-')}"


def is_flag(kind: type[TrainConfig], name: str) -> bool:
    """Return whether a field is on or off."""
    annotation = kind.model_fields[name].annotation
    return annotation is bool or bool in get_args(annotation)


def check_resumed(saved: TrainConfig, wanted: TrainConfig) -> None:
    """Refuse to go on with a run under other options than it was started with.

    Raises
    ------
    UsageError
        The message names the first option that differs and would change the result.
    """
    for name, value in saved.model_dump().items():
        now = getattr(wanted, name)
        if now != value and name not in saved.free:
            raise UsageError(
                f"{name} is {now} now and was {value} when the run started: to go on exactly it must stay; "
                "leave it out, or start another run with another --out"
            )
