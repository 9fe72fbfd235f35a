"""The training loop that all recipes share."""

import math
import os
import platform
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device
from safetensors.torch import load_file
from torch import nn

from vizstudio.core.errors import TrainingError, UsageError
from vizstudio.training import checkpoints
from vizstudio.training.checkpoints import Progress
from vizstudio.training.config import TrainConfig, write_config
from vizstudio.training.data import evaluation_parts, make_loader, unpack
from vizstudio.training.engine import find_accumulation, make_accelerator, release_accelerator
from vizstudio.training.events import Events
from vizstudio.training.interrupt import Interrupt, interruptible
from vizstudio.training.lock import sole_run
from vizstudio.training.order import Draw, Parts, Plan
from vizstudio.training.task import Task


def train(config: TrainConfig, task: Task, resume: bool = False) -> bool:
    """Train, evaluate after every epoch, keep the last and the best weights, and report on the best.

    Must be called in the main thread, as it takes Ctrl-C; a file ``stop`` in the run's folder does the same.

    Parameters
    ----------
    config : TrainConfig
        How; its ``out`` becomes the run's folder with ``last.safetensors``, ``best.safetensors``, ``state/``,
        ``config.yaml``, ``events.jsonl``, ``tensorboard/`` and ``snapshots/``.
    task : Task
        What.
    resume : bool
        Go on from the last whole state in the folder, exactly as if the run had not stopped.

    Returns
    -------
    bool
        False if the user stopped it; the run can then go on.

    Raises
    ------
    UsageError
        If the folder holds a run and `resume` is not asked, another process trains into it, or the data are not
        those it was started with.
    TrainingError
        If a loss is no number, or the disk does not take what is saved.
    """
    accelerator = make_accelerator(config)
    events = Events(config.out, accelerator.is_main_process)
    try:
        held = sole_run(config.out, accelerator.is_main_process)
        with held, interruptible(accelerator.num_processes > 1, config.out) as interrupt:
            run = Run(config, task, accelerator, events, interrupt)
            run.prepare(resume)
            finished = run.steps()
        if finished and accelerator.is_main_process:
            run.report()
        return finished
    finally:
        events.close()
        release_accelerator(accelerator)


class Run:
    """One run in one process."""

    def __init__(
        self, config: TrainConfig, task: Task, accelerator: Accelerator, events: Events, interrupt: Interrupt
    ) -> None:
        self.config, self.task, self.events, self.interrupt = config, task, events, interrupt
        self.accelerator = accelerator
        self.plan = Plan(
            len(task.train), config.seed, config.epochs, config.batch_size, task.weights, task.fresh
        )
        config.warmup(self.plan.total_steps)  # raises if there are too few steps
        self.progress = Progress(fingerprint=task.fingerprint())
        self.accumulate = config.accumulate
        self.stale = True  # whether something was learnt since the last save
        self.seen = 0  # images of this epoch that this process knows the time of

    def prepare(self, resume: bool) -> None:
        """Make the folder or read the last state from it, and put the model on its device."""
        main = self.accelerator.is_main_process
        if main and not resume:
            checkpoints.require_new(self.config.out)
        self.accelerator.wait_for_everyone()
        if main:
            write_config(self.config, self.config.out / "config.yaml")
        remembered = self._load() if resume else {}
        task = self.task
        task.model.to(self.accelerator.device)
        task.use_device(str(self.accelerator.device))
        if self.config.find_batch_size:
            self.accumulate = find_accumulation(self.accelerator, task, self.plan, self.accumulate)
        optimizer = torch.optim.AdamW(task.parameter_groups(), lr=0.0)
        if remembered:
            checkpoints.unpack_optimizer(optimizer, remembered)
        self.model, self.optimizer = self.accelerator.prepare(task.model, optimizer)
        if self.accelerator.scaler is not None and self.progress.scaler:
            self.accelerator.scaler.load_state_dict(dict(self.progress.scaler))
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]

    def _load(self) -> checkpoints.State:
        """Take up the last whole state, and return what the optimiser remembered."""
        model, remembered, progress, warnings = checkpoints.load_state(self.config.out / "state")
        if progress.step and progress.fingerprint != self.progress.fingerprint:
            raise UsageError(
                f"the data are not those that the run in {self.config.out} was started with, so it cannot go on "
                "exactly: bring them back, or start another run with another --out"
            )
        if model:
            self.task.model.load_state_dict(model)
            self.progress = progress
        for text in warnings:
            self.events.warn(self.progress.step, text)
        return remembered

    @property
    def bare(self) -> nn.Module:
        """The model without what spreads it over processes."""
        return self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=True)

    def steps(self) -> bool:
        """Run all steps that are left; returns False if the user stopped."""
        done, total = self.progress.step, self.plan.total_steps
        self.events.open(done, total)
        self._tell_start()
        if not done:
            for note in self.task.notes:
                self.events.warn(0, note)
            self._snapshot(0)
        parts = self._parts(done)
        self.model.train()
        started = time.monotonic()
        for step in range(done, total):
            stop = self._step(step, parts)
            if (step + 1) % self.plan.steps_per_epoch == 0:
                self._end_epoch(time.monotonic() - started)
                started = time.monotonic()
            elif self.config.save_steps and (step + 1) % self.config.save_steps == 0:
                self._save()
            if stop and step + 1 < total:
                return self._stopped()
        return True

    def _tell_start(self) -> None:
        self.events.tell(
            "start",
            self.progress.step,
            epochs=self.config.epochs,
            steps=self.plan.total_steps,
            steps_per_epoch=self.plan.steps_per_epoch,
            images=self.plan.count,
            device=str(self.accelerator.device),
            processes=self.accelerator.num_processes,
            accumulate=self.accumulate,
            options=f"{type(self.config).__module__}:{type(self.config).__qualname__}",
            process=os.getpid(),
            machine=platform.node(),
        )

    def _parts(self, first: int) -> Iterator[Any]:
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        # Accelerate's own sharding fills the last batch with images that were seen already
        parts = Parts(self.plan, first, process, processes, self.accumulate)
        pin = self.accelerator.device.type == "cuda"
        return iter(make_loader(self.task.train, parts, True, self.config.num_workers, pin))

    def _step(self, step: int, parts: Iterator[Any]) -> bool:
        """Do one step, counted from 0; returns whether any process was asked to stop."""
        # dropout is a function of the step, so that there is no state of it to lose
        seeds = [self.config.seed, step, self.accelerator.process_index]
        torch.manual_seed(int(np.random.SeedSequence(seeds).generate_state(1)[0]))
        rate = self.config.learning_rate(step + 1, self.plan.total_steps, self.task.width)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1.0)
        batch = self.plan.batch(step)
        loss, weight, stop = self._backward(parts, len(batch))
        if not math.isfinite(loss):
            self._fail(step, loss, batch)
        norm = self.accelerator.clip_grad_norm_(self.parameters, self.config.clip or math.inf)
        self.optimizer.step()
        self.optimizer.zero_grad()
        done = self.progress
        self.progress = replace(
            done, step=step + 1, loss_sum=done.loss_sum + loss * weight, images=done.images + weight
        )
        self.stale = True
        self.seen += len(batch)
        self.events.advance(step + 1, f"loss {loss:.4f}")
        if (step + 1) % self.config.log_steps == 0:
            facts = {"loss": loss, "lr": rate, "gradient_norm": float(norm)}
            self.events.tell("step", step + 1, **facts)
            self.events.plot(step + 1, {f"train/{name}": value for name, value in facts.items()})
        return stop

    def _backward(self, parts: Iterator[Any], images: int) -> tuple[float, float, bool]:
        """Add up the gradients of a batch; returns (mean loss, its weight, whether to stop) over all processes."""
        accelerator, device = self.accelerator, self.accelerator.device
        loaded = [unpack(next(parts)) for _ in range(self.accumulate)]
        weight = self._weight(loaded, images)
        total = torch.zeros((), device=device)
        for part, (batch, draws) in enumerate(loaded):
            last = part == self.accumulate - 1
            with nullcontext() if last else accelerator.no_sync(self.model):
                losses = self.task.losses(self.model, send_to_device(batch, device, non_blocking=True))
                if not draws[0].counts:
                    losses = losses * 0
                # processes average their gradients; the mean over the whole batch is wanted
                accelerator.backward(losses.sum() * (accelerator.num_processes / weight))
            total += losses.detach().sum()
        if accelerator.num_processes == 1:
            return total.item() / weight, weight, self.interrupt.wanted
        told = torch.stack([total, torch.tensor(float(self.interrupt.wanted), device=device)])
        loss, stop = accelerator.reduce(told, "sum").tolist()
        return loss / weight, weight, stop > 0

    def _weight(self, loaded: list[tuple[Any, list[Draw]]], images: int) -> float:
        """Return what a step's loss is divided by: its images, or their sizes, over all processes."""
        own = torch.zeros((), device=self.accelerator.device)
        for batch, draws in loaded:
            sizes = self.task.sizes(batch)
            if sizes is None:
                return images
            own += sizes.sum() * draws[0].counts
        return float(self.accelerator.reduce(own, "sum"))

    def _fail(self, step: int, loss: float, batch: list[Draw]) -> None:
        indices = [draw.index for draw in batch]
        self.events.tell("failed", step, reason="loss", indices=indices)
        named = ", ".join(f"{index} ({self.task.train.name(index)})" for index in indices)
        raise TrainingError(
            f"the loss of step {step + 1} is {loss}, so the run stops before it spoils the weights; its batch is of "
            f"the images {named}: look at them, or try a lower --lr or --precision fp32"
        )

    def _end_epoch(self, seconds: float) -> None:
        done, task = self.progress, self.task
        epoch = done.step // self.plan.steps_per_epoch
        results = self._evaluate()
        goal = results[task.goal]
        better = math.isfinite(goal) and (done.best is None or goal > done.best)
        facts = {"loss": done.loss_sum / done.images, **results}
        rate, self.seen = self.seen / seconds, 0
        self.events.tell("epoch", done.step, epoch=epoch, best=better, images_per_second=rate, **facts)
        self.events.plot(done.step, {f"epoch/{name}": value for name, value in facts.items()})
        shown = "  ".join(f"{name} {value:.4f}" for name, value in facts.items())
        self.events.say(f"epoch {epoch}/{self.config.epochs}  {shown}" + ("  (best)" if better else ""))
        self._snapshot(epoch)
        self.progress = replace(done, best=goal if better else done.best, loss_sum=0.0, images=0)
        self._save(best=better)

    def _evaluate(self) -> dict[str, float]:
        accelerator, device = self.accelerator, self.accelerator.device
        size = -(-self.config.batch_size // (self.accumulate * accelerator.num_processes))
        parts = evaluation_parts(
            len(self.task.val), size, accelerator.process_index, accelerator.num_processes
        )
        pin = device.type == "cuda"
        model = self.bare.eval()
        with torch.no_grad():
            for loaded in make_loader(self.task.val, parts, False, self.config.num_workers, pin):
                batch, _ = unpack(loaded)
                self.task.evaluate(model, send_to_device(batch, device, non_blocking=True))
        self.model.train()
        return self.task.results()

    def _snapshot(self, epoch: int) -> None:
        if not self.accelerator.is_main_process:
            return
        arrays = self.task.snapshot(self.bare.eval())
        self.model.train()
        if arrays:
            self.events.keep_snapshot(epoch, arrays)

    def _save(self, best: bool = False) -> None:
        if self.accelerator.is_main_process:
            done, scaler = self.progress, self.accelerator.scaler
            done = replace(done, scaler=scaler.state_dict() if scaler is not None else None)
            epoch = done.step / self.plan.steps_per_epoch
            metadata = {**self.task.metadata(), "step": str(done.step), "epoch": f"{epoch:g}"}
            optimizer = checkpoints.pack_optimizer(self.optimizer)
            checkpoints.save_run(self.config.out, self.bare.state_dict(), optimizer, metadata, done, best)
            self.events.tell("saved", done.step, best=best)
        self.stale = False

    def _stopped(self) -> bool:
        if self.stale:
            self._save()
        self.events.tell("stopped", self.progress.step)
        self.events.say(f"stopped and saved after step {self.progress.step}; --resume goes on")
        return False

    def report(self) -> None:
        """Write pictures of the best model, and end the run."""
        best = self.config.out / "best.safetensors"
        if not best.exists():
            raise TrainingError(
                f"no epoch had a {self.task.goal} that is a number, so there is no best model"
            )
        model = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False).eval()
        model.load_state_dict(load_file(best))
        written = self.task.report(model, self.config.out)
        self.events.tell(
            "end", self.progress.step, best=self.progress.best, written=[p.name for p in written]
        )
        self.events.say(f"best {self.task.goal} {self.progress.best:.4f}: {best}", "green")
