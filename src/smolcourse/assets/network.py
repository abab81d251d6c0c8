"""The network is used by this room alone: everything else runs with the hub closed and telemetry off."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_CLOSED_BY_US = "SMOLCOURSE_CLOSED_HUB"
_ON = ("1", "true", "yes", "on")


def close_network() -> None:
    """Makes Hugging Face libraries stay on this machine, in this process and its children. Call it before importing them.

    A value the user has set is left alone.
    """
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    if "HF_HUB_OFFLINE" not in os.environ:
        os.environ["HF_HUB_OFFLINE"] = os.environ[_CLOSED_BY_US] = "1"


def is_offline() -> bool:
    """Whether the user has forbidden downloads (`SMOLCOURSE_OFFLINE=1`)."""
    return os.environ.get("SMOLCOURSE_OFFLINE", "").lower() in _ON


def hub_is_forbidden() -> bool:
    """Whether the user (and not `close_network`) has switched the hub off."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() in _ON and _CLOSED_BY_US not in os.environ


@contextmanager
def hub_open() -> Iterator[None]:
    """Opens the hub for the length of one download."""
    with _hub(offline=False):
        yield


@contextmanager
def hub_closed() -> Iterator[None]:
    """Closes the hub while a library reads local files: some of them look for newer ones unasked."""
    with _hub(offline=True):
        yield


@contextmanager
def _hub(*, offline: bool) -> Iterator[None]:
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = offline
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
