"""From a pipeline's sources to those who answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from smolcourse.inference.endpoint import is_endpoint
from smolcourse.inference.examinee import identity
from smolcourse.inference.loading import load_model, locate
from smolcourse.synthesis.limits import Limiter, Meter
from smolcourse.synthesis.pipeline import SourceSettings
from smolcourse.synthesis.sources import BATCH, PARALLEL, Local, Pool, Server, Source


def open_sources(settings: Mapping[str, SourceSettings], meter: Meter) -> dict[str, Source]:
    """Every source by its name. Weights are loaded when the first question comes.

    Raises:
        SmolError: a model cannot be found.
    """
    opened: dict[str, Source] = {name: _open(one, meter) for name, one in settings.items() if not one.pool}
    for name, one in settings.items():
        if one.pool:
            opened[name] = Pool([opened[member] for member in one.pool])
    return opened


def _open(settings: SourceSettings, meter: Meter) -> Source:
    if is_endpoint(settings.model):
        limiter = Limiter(settings.requests_per_minute, settings.tokens_per_minute)
        return Server(
            settings.model,
            meter,
            limiter,
            parallel=settings.parallel or PARALLEL,
            price=settings.price,
            timeout=settings.timeout,
            retries=settings.retries,
            key=settings.key,
        )
    place = locate(settings.model)
    return Local(settings.model, identity(place), partial(load_model, place), together=settings.parallel or BATCH)
