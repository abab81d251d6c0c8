"""What the encoder says of a picture, kept on disk by content: a frozen encoder looks at each picture once.

HOME/features/ENCODER/KEY.npy      [tiles, patches, width], float16: half the disk, and exact to 1 part in 2000

ENCODER is the hash of the encoder's weights and of how pixels are made for it, KEY that of the pixels. So another encoder, tile
size or picture is never taken for this one, and the same picture under two names is encoded once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from smolcourse.assets.cache import home, plain_disk_errors
from smolcourse.vision.encoder import see

if TYPE_CHECKING:
    from smolcourse.vision.others import OtherProcessor
    from smolcourse.vision.pixels import Array
    from smolcourse.vision.processor import VlmProcessor

BATCH = 32  # tiles that the encoder looks at together


class Features:
    """The patches of pictures, by key.

    Args:
        encoder: a model's `vision_tower`; its weights must not change.
        folder: where patches are kept; below the cache by default.
    """

    def __init__(self, encoder: Any, processor: VlmProcessor | OtherProcessor, folder: Path | None = None) -> None:
        self.encoder, self.processor = encoder, processor
        self.folder = (folder or home() / "features") / encoder_key(encoder, processor)

    def add(self, images: Iterable[Any], on_done: Callable[[int], None] | None = None) -> list[tuple[str, Any]]:
        """Looks at those pictures that are not known yet, several at once. Returns the key of each, and how its tiles lie.

        Args:
            images: whatever `data.images.open_image` takes; opened one after the other.
            on_done: called now and then with the number of pictures looked at.

        Raises:
            SmolError: a bad picture, a full disk.
        """
        found: list[tuple[str, Any]] = []
        waiting: dict[str, Array] = {}
        with plain_disk_errors():
            for image in images:
                tiles, layout = self.processor.cut(image)
                key = hashlib.sha256(tiles.tobytes() + str(tiles.shape).encode()).hexdigest()[:32]
                found.append((key, layout))
                if key not in waiting and not self._has(key):
                    waiting[key] = tiles
                if sum(map(len, waiting.values())) >= BATCH:
                    self._look(waiting)
                    waiting = {}
                    if on_done:
                        on_done(len(found))
            self._look(waiting)
        return found

    def get(self, keys: Sequence[str]) -> Tensor:
        """Patches of pictures that `add` has looked at: [all their tiles, patches, width], float32."""
        return torch.from_numpy(np.concatenate([self._kept(key) for key in keys]).astype(np.float32))

    def tiles(self, key: str) -> int:
        """Tiles of a picture that `add` has looked at."""
        return len(self._kept(key))

    def _has(self, key: str) -> bool:
        return self._file(key).exists()

    def _kept(self, key: str) -> Array:
        kept: Array = np.load(self._file(key), mmap_mode="r")
        return kept

    def _keep(self, key: str, patches: Array) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{key}.{os.getpid()}.partial"
        with open(partial, "wb") as stream:
            np.save(stream, patches)
        os.replace(partial, self._file(key))

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.npy"

    @torch.inference_mode()
    def _look(self, waiting: dict[str, Array]) -> None:
        if not waiting:
            return
        pixels = torch.from_numpy(self.processor.pixel_values(list(waiting.values())))
        patches = see(self.encoder, pixels)
        start = 0
        for key, tiles in waiting.items():
            self._keep(key, patches[start : start + len(tiles)].to("cpu", torch.float16).numpy())
            start += len(tiles)


class Glances(Features):
    """The same in memory, for what people show in passing: nothing of their pictures stays on the disk."""

    def __init__(self, encoder: Any, processor: VlmProcessor | OtherProcessor) -> None:
        self.encoder, self.processor = encoder, processor
        self._seen: dict[str, Array] = {}

    def forget(self) -> None:
        """Forgets all pictures."""
        self._seen.clear()

    def _has(self, key: str) -> bool:
        return key in self._seen

    def _kept(self, key: str) -> Array:
        return self._seen[key]

    def _keep(self, key: str, patches: Array) -> None:
        self._seen[key] = patches


def encoder_key(encoder: Any, processor: VlmProcessor | OtherProcessor) -> str:
    """Names an encoder by its weights and by the colours and the size it is shown."""
    total = hashlib.sha256(repr((processor.image_size, processor.image_mean, processor.image_std)).encode())
    for name, weight in sorted(encoder.state_dict().items()):
        total.update(name.encode() + weight.cpu().float().contiguous().numpy().tobytes())
    return total.hexdigest()[:16]
