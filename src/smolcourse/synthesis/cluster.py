"""`--engine ray`: calls of steps on the processes of a Ray cluster (Moritz et al. 2018, arXiv:1712.05889).

Only calls travel, and what they made comes back: files are written, and models asked, by the process that was started.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import requires
from itertools import islice
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.synthesis.calls import Call, Made, Spread, made_by

_TOGETHER = 128  # calls that travel as one: a message costs as much as many short calls
_AHEAD = 2  # such bundles for each process, so that none waits for its next
_STORE = 256 << 20  # bytes of shared memory, where Ray would take a third of the machine's


@contextmanager
def ray_cluster(processes: int | None = None) -> Iterator[Spread]:
    """A cluster for as long as the context lasts: the one that RAY_ADDRESS names, or else one on this machine.

    Args:
        processes: on this machine; None for as many as it has cores.

    Raises:
        SmolError: Ray is not installed, cannot start, or breaks off.
    """
    ray = _ray()
    here: dict[str, Any] = {"num_cpus": processes, "object_store_memory": _STORE, "include_dashboard": False}
    address = os.environ.get("RAY_ADDRESS")
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **({} if address else here))
    except (ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
        raise _broken(error) from error
    try:
        yield _spread(ray, int(ray.cluster_resources().get("CPU", 1)))
    except ray.exceptions.RayError as error:
        raise _broken(error) from error
    finally:
        ray.shutdown()


def _broken(error: Exception) -> SmolError:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    return SmolError(f"Ray không chạy được: {reason}", f"Ray does not work: {reason}", where="--engine ray", fix="--engine local")


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers about the machine
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # it would copy the working directory to every process
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        pinned = next((each for each in requires("smolcourse") or [] if each.startswith("ray==")), "ray")
        raise SmolError(
            "chưa cài Ray",
            "Ray is not installed",
            where="--engine ray",
            fix=f"pip install {pinned.partition(';')[0].strip()}",
        ) from error
    return ray


def _spread(ray: Any, processes: int) -> Spread:
    remote = ray.remote(_all_made_by)

    def spread(calls: Iterable[Call]) -> Iterator[Made]:
        left, waiting = iter(calls), deque[Any]()
        while True:
            while len(waiting) < _AHEAD * processes and (bundle := list(islice(left, _TOGETHER))):
                waiting.append(remote.remote(bundle))
            if not waiting:
                return
            yield from ray.get(waiting.popleft())

    return spread


def _all_made_by(calls: list[Call]) -> list[Made]:
    return [_portable(made_by(call)) for call in calls]


def _portable(made: Made) -> Made:
    """Errors that the engine knows travel as they are; of the others nobody knows whether they can, so they are told in words."""
    if isinstance(made, Exception) and not isinstance(made, KeyError | SmolError):
        return RuntimeError(f"{type(made).__name__}: {made}")
    return made
