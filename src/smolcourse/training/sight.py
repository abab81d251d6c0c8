"""What a model that sees is trained on: rows with pictures, as tokens, placeholders and the names of what was seen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from smolcourse.data.image_rows import content_text
from smolcourse.data.images import open_image
from smolcourse.errors import SmolError
from smolcourse.training.packing import Segment, collate_tree, shared_prefix

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from smolcourse.vision.features import Features
    from smolcourse.vision.others import OtherProcessor
    from smolcourse.vision.processor import VlmProcessor

Row = dict[str, Any]
_TURNS = ("messages", "prompt", "completion", "chosen", "rejected")


@dataclass(frozen=True)
class Sight:
    """How a model's pictures are made into tokens, and where what the encoder said of them is kept."""

    processor: VlmProcessor | OtherProcessor
    features: Features
    image_token_id: int
    first_id: int
    """From here on, ids are numbers of image tokens."""

    @classmethod
    def of(cls, folder: Path, tokenizer: PreTrainedTokenizerBase) -> Sight:
        """For the model in a checkpoint folder."""
        from smolcourse.vision.features import Features
        from smolcourse.vision.loading import is_own, load_config, load_encoder, load_processor

        processor, config = load_processor(folder, tokenizer), load_config(folder)
        own = config.image_token_id  # our own placeholder stands behind all words
        first = own if is_own(folder) else config.text_config.vocab_size
        return cls(processor, Features(load_encoder(folder), processor), own, first)

    @classmethod
    def of_model(cls, model: Any, tokenizer: PreTrainedTokenizerBase, *, passing: bool = False) -> Sight:
        """For a loaded model, whose encoder does not change any more. `passing`: nothing of the pictures is kept on the disk."""
        from smolcourse.vision.features import Features, Glances
        from smolcourse.vision.processor import VlmProcessor

        kept = Glances if passing else Features
        if hasattr(model, "eye"):  # one that others made
            other = model.processor(tokenizer)
            return cls(other, kept(model.eye, other), model.config.image_token_id, model.first_image_id)
        processor = VlmProcessor.of(model.config, tokenizer)
        return cls(processor, kept(model.vision_tower, processor), *[model.config.image_token_id] * 2)

    def rows(self, rows: Iterable[Row], name: str | None = None) -> Iterator[Row]:
        """Native rows with `images` -> rows of text, with placeholders for each picture and, as `images`, the names of features.

        The rows are held, the pictures are not; each is opened once, however many rows show it.

        Args:
            name: the file's name, where there is one, for messages (`menu.jsonl:3 images[0]`).

        Raises:
            SmolError: a picture that cannot be used, more of them than places in the text, or one in an answer of a pair.
        """
        held = list(rows)
        sources: dict[Any, tuple[Any, str]] = {}  # each picture, and where it stands first
        for number, row in enumerate(held, start=1):
            for index, image in enumerate(row.get("images") or ()):
                file = f" ({str(image)[:200]})" if isinstance(image, str | Path) else ""
                sources.setdefault(_name(image), (image, f"{name}:{number} images[{index}]{file}" if name else ""))
        opened = (open_image(image, where=where) for image, where in sources.values())
        known = dict(zip(sources, self.features.add(opened), strict=True))
        for number, row in enumerate(held, start=1):
            try:
                _check_answers(row)
                placed = self._placed(row, [known[_name(image)] for image in row.get("images") or ()])
            except SmolError as error:
                where = f"{name}:{number} {error.where}" if name else error.where
                raise SmolError(error.vi, error.en, where=where, fix=error.fix) from error
            yield placed

    def pairs(self, pairs: Sequence[Row]) -> Iterator[Row]:
        """Tokenised pairs whose placeholders are numbered: equal ids are then equal pictures, all over these pairs."""
        first = self.first_ids(pairs)
        for pair in pairs:
            yield {**pair, "prompt_ids": self.numbered(pair["prompt_ids"], pair["images"], first)}

    def first_ids(self, examples: Iterable[Row]) -> dict[str, int]:
        """The id of each picture's first token, pictures in the order in which they are shown first."""
        first, place = {}, self.first_id
        for name in dict.fromkeys(name for example in examples for name in example["images"]):
            first[name] = place
            place += self.features.tiles(name) * self.processor.tokens_per_tile
        return first

    def _placed(self, row: Row, seen: Sequence[tuple[str, Any]]) -> Row:
        placed, used = dict(row), 0
        for key in _TURNS:
            if isinstance(row.get(key), list):
                placed[key] = []
                for turn in row[key]:
                    text = content_text(turn.get("content"), self.processor.image_token)
                    places = text.count(self.processor.image_token) if seen else 0  # without pictures it is a word like others
                    layouts = [layout for _, layout in seen[used : used + places]]
                    placed[key].append({**turn, "content": self.processor.expand(text, layouts) if seen else text})
                    used += places
        return {**placed, "images": [name for name, _ in seen]}

    def collate(self, batch: Sequence[Sequence[Row]]) -> dict[str, Tensor]:
        """Joins the examples of one or more packed rows; those that show the same pictures follow one another.

        What such examples begin with, the pictures themselves above all, is computed once.

        Returns:
            as `packing.collate_tree`; in `input_ids`, `first_id` + n stands for image token n. `patches`: [tiles,
            patches, width] of all pictures in the batch, each once; left out where there are none.
        """
        examples = [example for row in batch for example in row]
        first = self.first_ids(examples)
        segments: list[Segment] = []
        for group in _alike(examples):
            numbered = [{**one, "input_ids": self.numbered(one["input_ids"], one["images"], first)} for one in group]
            prefix = shared_prefix(numbered)
            parent = None
            if prefix:
                parent = len(segments)
                segments.append(Segment(numbered[0]["input_ids"][:prefix], [0] * prefix))
            segments += [Segment(one["input_ids"][prefix:], one["loss_mask"][prefix:], parent) for one in numbered]
        collated = collate_tree(segments)
        return {**collated, "patches": self.features.get(list(first))} if first else collated

    def numbered(self, ids: Sequence[int], images: Sequence[str], first: Mapping[str, int]) -> list[int]:
        """Ids in which every placeholder has its own number: those of a picture follow its `first`.

        Args:
            images: the names of the pictures, in their order.
        """
        places = [place for place, token in enumerate(ids) if token == self.image_token_id]
        numbered, start = list(ids), 0
        for name in images:
            count = self.features.tiles(name) * self.processor.tokens_per_tile
            for offset, place in enumerate(places[start : start + count]):
                numbered[place] = first[name] + offset
            start += count
        return numbered


def _check_answers(row: Row) -> None:
    """Both answers of a pair are words: what they talk about stands in the prompt."""
    for side in ("chosen", "rejected"):
        for turn in row.get(side) or ():
            parts = turn.get("content") if isinstance(turn, dict) else None
            if isinstance(parts, list) and any(part.get("type") == "image" for part in parts):
                raise SmolError(
                    f"ảnh nằm trong {side}; ảnh phải ở prompt, vì cả hai câu trả lời cùng nói về nó",
                    f"a picture stands in {side}; pictures belong into the prompt, which both answers are about",
                    where=side,
                    fix="smol inspect FILE",
                )


def _name(image: Any) -> Any:
    return image if isinstance(image, str | Path) else id(image)


def _alike(examples: Sequence[Row]) -> Iterator[list[Row]]:
    """Runs of examples that show the same pictures; an example without any stands alone."""
    group: list[Row] = []
    for example in examples:
        if group and (not example["images"] or example["images"] != group[0]["images"]):
            yield group
            group = []
        group.append(example)
    if group:
        yield group
