"""Several adapters on one base model in memory: one answers, then another, and the base is loaded once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import ExitStack

from smolcourse.adapters import Difference, compare, load_adapter, stack
from smolcourse.adapters.files import CONFIG
from smolcourse.errors import SmolError
from smolcourse.inference.chat import Chat
from smolcourse.inference.generate import Streamer, generate
from smolcourse.inference.loading import base_of, load_model, locate, quiet, system_prompt_of
from smolcourse.inference.prompts import encode_prompt


class Adapted:
    """A base model with adapters: 0 is the base alone, 1 the first adapter named, and so on.

    Args:
        references: runs or folders with an adapter, all of one base and one kind.
        system: a system prompt for all; None for each run's own.

    Raises:
        SmolError: no such run, one without an adapter, adapters of different bases or kinds, or damaged ones.
    """

    def __init__(self, references: Sequence[str], system: str | None = None) -> None:
        places = [locate(reference) for reference in references]
        for reference, place in zip(references, places, strict=True):
            if not (place.path / CONFIG).is_file():
                raise SmolError(
                    "đây là cả một mô hình, không phải adapter",
                    "this is a whole model, not an adapter",
                    where=reference,
                    fix="smol adapters ls",
                )
        bases = [base_of(place) for place in places]
        for reference, base in zip(references, bases, strict=True):
            if base != bases[0]:
                raise SmolError(
                    f"adapter này thuộc mô hình {base.name}, còn {references[0]} thuộc {bases[0].name}",
                    f"this adapter belongs to the model {base.name}, {references[0]} to {bases[0].name}",
                    where=reference,
                    fix=f"smol chat {reference}",
                )
        self.model, self.tokenizer = load_model(places[0])
        self._names = ["default", *(f"adapter_{number}" for number in range(2, len(places) + 1))]
        with quiet():
            for name, place in zip(self._names[1:], places[1:], strict=True):
                load_adapter(self.model, place.path, name=name)
        self.labels = [bases[0].name, *(place.run.name if place.run else str(place.path) for place in places)]
        own = [system_prompt_of(place) if system is None else system or None for place in places]
        self._systems = [own[0], *own]
        self._off = ExitStack()

    def use(self, numbers: Sequence[int]) -> str | None:
        """Puts on one adapter, several stacked, or none (`[0]`). Returns the system prompt that goes with it.

        Raises:
            SmolError: no such number, or adapters that cannot be stacked.
        """
        wrong = [number for number in numbers if not 0 <= number <= len(self._names)]
        if wrong or not numbers or (0 in numbers and len(numbers) > 1):
            raise SmolError(
                f"cần số từ 0 (mô hình gốc) đến {len(self._names)}, hay nhiều adapter như 1+2",
                f"a number from 0 (the base) to {len(self._names)} is needed, or several adapters as in 1+2",
                where="+".join(map(str, numbers)),
            )
        self._off.close()
        if numbers[0]:
            stack(self.model, [self._names[number - 1] for number in numbers])
        else:
            self._off.enter_context(self.model.disable_adapter())  # type: ignore[operator]
        return self._systems[numbers[0]]

    def answers_now(self) -> Streamer:
        """What answers as the model stands; make a new one after `use`."""
        return Streamer(self.model, self.tokenizer)

    def chat(self, numbers: Sequence[int] = (1,), *, max_new_tokens: int = 512) -> Chat:
        """A conversation with what is put on."""
        system = self.use(numbers)
        return Chat(self.answers_now(), system, max_new_tokens)

    def differences(self, prompt: str, *, max_new_tokens: int = 64) -> list[Difference]:
        """Compares all with the base and one another on what the first adapter answers to a prompt."""
        system = self.use([1])
        asked = [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": prompt}]
        begin = encode_prompt(asked, self.tokenizer)
        [answer] = generate(self.model, self.tokenizer, [asked], max_new_tokens=max_new_tokens)
        ids = begin + list(self.tokenizer(answer, add_special_tokens=False)["input_ids"])
        labels = dict(zip(["base", *self._names], self.labels, strict=True))
        import torch

        found = compare(self.model, torch.tensor(ids, device=self.model.device), begin=len(begin))
        return [dataclasses.replace(one, first=labels[one.first], second=labels[one.second]) for one in found]
