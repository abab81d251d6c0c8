"""Several processes, one run: `torchrun --nproc-per-node 2 -m smolcourse.cli.main train RECIPE`.

Each process takes its share of a step's rows. Losses are divided by the targets of the whole step, so gradients are added up, not
averaged, and a step of N processes is that of one process with N times the gradient accumulation. The first process decides and
writes; the others follow. With one process, everything here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from torch.utils.data import Sampler

_T = TypeVar("_T")
_PATIENCE = timedelta(hours=6)  # the others wait while the first one scores, samples and saves
_BUCKET = 1 << 23  # numbers that are added up in one go


def count() -> int:
    """Processes of this run, on all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def here() -> int:
    """Processes of this run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def rank() -> int:
    """Which of them this one is."""
    return int(os.environ.get("RANK", "0")) if count() > 1 else 0


def is_first() -> bool:
    """Whether this process decides and writes."""
    return rank() == 0


def join(device: str) -> None:
    """Meets the other processes that torchrun or accelerate started."""
    if count() > 1 and not distributed.is_initialized():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if device == "cuda" else "gloo", timeout=_PATIENCE)


def wait() -> None:
    """Until all processes are here."""
    if count() > 1:
        distributed.barrier()


@contextmanager
def first_then_others() -> Iterator[None]:
    """The first process runs the block alone; the others run it after that, and find its files."""
    if not is_first():
        wait()
    yield
    if is_first():
        wait()


def from_first(make: Callable[[], _T]) -> _T:
    """What the first process makes, for all."""
    if count() == 1:
        return make()
    made: list[Any] = [make() if is_first() else None]
    distributed.broadcast_object_list(made, src=0)
    return made[0]  # type: ignore[no-any-return]


def add(values: Mapping[str, float]) -> dict[str, float]:
    """Sums by name over all processes; a name that only some have counts as 0 elsewhere."""
    if count() == 1:
        return dict(values)
    gathered: list[Any] = [None] * count()
    distributed.all_gather_object(gathered, dict(values))
    names = dict.fromkeys(name for one in gathered for name in one)
    return {name: sum(one.get(name, 0.0) for one in gathered) for name in names}


def start_alike(model: torch.nn.Module) -> None:
    """Trained weights are the first process's in all: a factorisation may differ in its last bits between two machines."""
    for parameter in _whole(model):
        distributed.broadcast(parameter.data, src=0)


def add_gradients(model: torch.nn.Module) -> None:
    """Makes the gradients of each process those of all together. A process without a row in a step has none of its own."""
    bucket: list[Tensor] = []
    for parameter in _whole(model):
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        bucket.append(parameter.grad)
        if sum(map(Tensor.numel, bucket)) >= _BUCKET:
            _add_up(bucket)
            bucket = []
    _add_up(bucket)
    for parameter in model.parameters():
        if parameter.grad is not None and _is_sharded(parameter):
            parameter.grad.mul_(count())  # FSDP has averaged them


def _add_up(gradients: list[Tensor]) -> None:
    if not gradients:
        return
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    sizes = [gradient.numel() for gradient in gradients]
    for gradient, summed in zip(gradients, torch.split(flat, sizes), strict=True):
        gradient.copy_(summed.view_as(gradient))


def _whole(model: torch.nn.Module) -> Iterator[torch.nn.Parameter]:
    """The trained parameters that each process holds whole."""
    return (one for one in model.parameters() if one.requires_grad and not _is_sharded(one))


def _is_sharded(parameter: Tensor) -> bool:
    from torch.distributed.tensor import DTensor

    return isinstance(parameter, DTensor)


class Shares(Sampler[list[int]]):
    """This process's batches of row numbers: every N-th of those that one process would take, in the order it would.

    Args:
        fill: where the last round is short, the others get an empty batch; else that round is left out.
    """

    def __init__(self, rows: int, batch_size: int, seed: int, *, fill: bool = True) -> None:
        self.rows, self.batch_size, self.seed, self.fill = rows, batch_size, seed, fill
        self.epoch = 0

    @property
    def batch_sampler(self) -> Shares:
        """Trainer looks here for whom to tell the epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Each epoch has an order of its own."""
        self.epoch = epoch

    def __len__(self) -> int:
        batches = -(-self.rows // self.batch_size)
        return -(-batches // count()) if self.fill else batches // count()

    def __iter__(self) -> Iterator[list[int]]:
        # accelerate's SeedableRandomSampler, which one process draws from
        order = torch.randperm(self.rows, generator=torch.Generator().manual_seed(self.seed + self.epoch)).tolist()
        batches = [order[start : start + self.batch_size] for start in range(0, self.rows, self.batch_size)]
        for turn in range(len(self)):
            place = turn * count() + rank()
            yield batches[place] if place < len(batches) else []
