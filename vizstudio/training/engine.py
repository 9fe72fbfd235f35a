"""Sets up Accelerate, and finds how many parts a batch must be computed in to fit into memory."""

import os
from collections.abc import Sequence
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import send_to_device
from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size
from torch.utils.data import default_collate

from vizstudio.compute.devices import resolve_device
from vizstudio.core.errors import DeviceError, UsageError
from vizstudio.training.config import TrainConfig
from vizstudio.training.order import Draw, Plan
from vizstudio.training.task import Task


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Return Accelerate's engine for this process, one of many under ``torchrun`` or ``accelerate launch``.

    Raises
    ------
    DeviceError, UsageError
        If the device is not there, or does not compute in the precision asked.
    """
    device = resolve_device(config.device)
    if config.precision == "fp16" and device == "cpu":
        raise UsageError("precision fp16 needs a GPU: choose bf16 or fp32 for the cpu")
    if device.startswith("cuda:"):
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UsageError(
                f"device {device} is one for many processes: choose cuda, and each takes its own"
            )
        os.environ["ACCELERATE_TORCH_DEVICE"] = device
    mixed = "no" if config.precision == "fp32" else config.precision
    return Accelerator(cpu=device == "cpu", mixed_precision=mixed)


def release_accelerator(accelerator: Accelerator) -> None:
    """Leave the process group, and let the next run of this process have another device and precision."""
    accelerator.end_training()
    AcceleratorState._reset_state(reset_partial_state=True)
    os.environ.pop("ACCELERATE_TORCH_DEVICE", None)


def read_batch(task: Task, draws: Sequence[Draw]) -> Any:
    """Read a batch of the training data in this process, without random changes."""
    return default_collate([task.train.get(draw.index, None) for draw in draws])


def find_accumulation(accelerator: Accelerator, task: Task, plan: Plan, first: int) -> int:
    """Return the least number of parts, `first` doubled as often as needed, that fits into every process's memory.

    It is tried before the training, with gradients and with what AdamW will remember: a process that ran out of
    memory later would leave the others waiting. Neither weights nor random numbers are changed.

    Raises
    ------
    DeviceError
        If not even one image fits.
    """
    batch, parts = plan.batch(0), first
    while not _fits(accelerator, task, batch[: _size(batch, parts, accelerator)]):
        if _size(batch, parts, accelerator) == 1:
            raise DeviceError(
                "not even one image fits into memory: choose a smaller model or image, or give "
                "--gradient-checkpointing"
            )
        parts *= 2
    found = torch.tensor([parts], device=accelerator.device)
    return int(accelerator.gather(found).max())


def _size(batch: Sequence[Draw], parts: int, accelerator: Accelerator) -> int:
    return -(-len(batch) // (parts * accelerator.num_processes))


def _fits(accelerator: Accelerator, task: Task, draws: Sequence[Draw]) -> bool:
    model = task.model.train()
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    try:
        remembered = [torch.zeros_like(p) for p in model.parameters() if p.requires_grad for _ in range(2)]
        batch = send_to_device(read_batch(task, draws), accelerator.device)
        with torch.random.fork_rng(), accelerator.autocast():
            torch.autograd.backward(task.losses(model, batch).sum())
        del remembered, batch
        return True
    except RuntimeError as error:
        if not should_reduce_batch_size(error):
            raise
        return False
    finally:
        model.zero_grad(set_to_none=True)
        with torch.no_grad():  # running means of batch norms
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
        clear_device_cache(garbage_collection=True)
