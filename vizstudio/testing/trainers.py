"""What every recipe promises; see `vizstudio.api.TrainerEntry` and `vizstudio.api.train`."""

from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

from vizstudio.core.errors import PluginError, UsageError, VizstudioError
from vizstudio.datasets import Datasets
from vizstudio.models import load_model
from vizstudio.recipes import config_of
from vizstudio.registry import blame, load_target
from vizstudio.testing.contract import Broken, Subject, contract, demand
from vizstudio.testing.samples import photo
from vizstudio.training.config import TrainConfig, make_config

FILES = ("last.safetensors", "best.safetensors", "config.yaml", "events.jsonl")


class TrainerSubject(Subject):
    """A recipe by its id; `options` are those of a run of seconds, without ``out``."""

    @property
    def kind(self) -> type[TrainConfig]:
        """The class of its options."""
        return config_of(self.host, self.name)

    def train(self, out: Path, resume: bool = False, **changes: object) -> bool:
        """Run the recipe in this process."""
        if not self.options:
            raise Broken(
                f"it cannot be tried: give plugin_contracts trainers={{{self.name!r}: {{options of a run}}}}"
            )
        given = {"device": "cpu", "num_workers": 0} | self.options | changes
        config = make_config(self.kind, given | {"out": str(out)})
        entry, owner = self.host.trainers.get(self.name), self.host.trainers.owner(self.name)
        with blame(owner, f"training by {self.name!r}"):
            done: bool = load_target(entry.run)(config, Datasets(self.host.datasets), resume)
        return done

    @cached_property
    def run(self) -> Path:
        """The folder of a run that went to its end."""
        out = self.folder / "run"
        demand(not out.exists(), "its run failed, which is another contract's matter")
        demand(self.train(out) is True, "a run that nobody stopped does not return True")
        return out


@contract(
    "every option of a recipe says what it means, and every preset can be used.", "vizstudio.api.TrainConfig"
)
def options_are_explained(subject: TrainerSubject) -> None:
    """Read descriptions and try presets."""
    for name, field in subject.kind.model_fields.items():
        demand(field.description, f"the option {name} has no description")
    needed = {name: "x" for name, field in subject.kind.model_fields.items() if field.is_required()}
    for name, preset in subject.kind.presets.items():
        try:
            make_config(subject.kind, {k: v for k, v in needed.items() if k not in preset}, None, name)
        except UsageError as error:
            raise Broken(f"the preset {name} cannot be used: {error}") from error


@contract(f"a run leaves {', '.join(FILES)} with finite weights, and returns True.", "vizstudio.api.train")
def run_leaves_its_files(subject: TrainerSubject) -> None:
    """Train for seconds and look."""
    missing = [name for name in FILES if not (subject.run / name).is_file()]
    demand(not missing, f"a run leaves no {', '.join(missing)}")
    for name, tensor in load_file(subject.run / "last.safetensors").items():
        demand(np.isfinite(tensor).all(), f"the weight {name} is not finite after training")


@contract("the same options give the same weights, to the bit.", "vizstudio.api.train")
def same_run_again(subject: TrainerSubject) -> None:
    """Train twice."""
    again = subject.folder / "again"
    subject.train(again)
    for name in FILES[:2]:
        one, two = load_file(subject.run / name), load_file(again / name)
        same = one.keys() == two.keys() and all(one[k].tobytes() == two[k].tobytes() for k in one)
        demand(same, f"{name} holds other weights after a second run")


@contract(
    "best.safetensors tells in its metadata `model` the id that opens it in the studio.",
    "vizstudio.api.Task.metadata",
)
def checkpoint_opens_in_the_studio(subject: TrainerSubject) -> None:
    """Load it and analyse a photo."""
    best = subject.run / "best.safetensors"
    with safe_open(best, "np") as file:
        told = file.metadata() or {}
    demand(
        "model" in told, f"the metadata of {best.name} has no `model`, only {', '.join(told) or 'nothing'}"
    )
    model = load_model(told["model"], checkpoint=best, device="cpu", host=subject.host)
    demand(model.info.weights == "checkpoint", f"{told['model']} does not take its weights from {best.name}")
    model.analyze(photo())


@contract("a finished run is not overwritten, and resumed it stays as it is.", "vizstudio.api.train")
def finished_run_is_kept(subject: TrainerSubject) -> None:
    """Start again in its folder, then resume."""
    best = subject.run / "best.safetensors"
    before = best.read_bytes()
    try:
        subject.train(subject.run)
    except UsageError:
        pass
    else:
        demand(False, "a second run in the same folder raises no UsageError")
    demand(
        subject.train(subject.run, resume=True) is True, "a finished run that is resumed does not return True"
    )
    demand(best.read_bytes() == before, "resuming a finished run changes its weights")


@contract("data that are not there are an error in one sentence.", "vizstudio.api.TrainerEntry")
def trainer_errors(subject: TrainerSubject) -> None:
    """Train on a folder that does not exist."""
    try:
        subject.train(subject.folder / "none", data=str(subject.folder / "no-such-data"))
    except PluginError:
        raise
    except VizstudioError as error:
        demand(len(str(error)) > 15 and "\n" not in str(error), f"the message {str(error)!r} is no sentence")
    else:
        demand(False, "training on data that are not there raises nothing")


TRAINER_CONTRACTS = (
    options_are_explained,
    run_leaves_its_files,
    same_run_again,
    checkpoint_opens_in_the_studio,
    finished_run_is_kept,
    trainer_errors,
)
