"""Will the trained model know when to stop? Only if the template ends an answer with a token that carries loss and that
generation stops at. Nothing in a training log shows when this is broken, so it is checked before every run."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smolcourse.data.chat import Plan, Row, encode_batch, plan
from smolcourse.data.templates import anatomy
from smolcourse.language import tr

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_ANSWER = "Dạ, có ngay."


class StopCheck(NamedTuple):
    """What ends an answer, and whether the model can learn to end there."""

    token: str | None
    """The token that ends an answer; None where the template writes none."""
    token_id: int | None
    carries_loss: bool
    stops_generation: bool
    eos_ids: list[int]
    problem: str | None
    """What is wrong, in the language in use; None when all is well."""
    fix: str | None

    @property
    def ok(self) -> bool:
        """Whether an answer ends with a trained token that generation stops at."""
        return self.problem is None


def model_eos_ids(folder: str | Path, tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The ids that end generation: from `generation_config.json`, else `config.json`, else the tokenizer's eos token."""
    for name in ("generation_config.json", "config.json"):
        try:
            ids = json.loads((Path(folder) / name).read_text(encoding="utf-8")).get("eos_token_id")
        except (OSError, ValueError, AttributeError):
            continue
        if ids is not None:
            return sorted({int(number) for number in (ids if isinstance(ids, list) else [ids])})
    own = tokenizer.eos_token_id
    return [own] if isinstance(own, int) else []


def check_stop_token(tokenizer: "PreTrainedTokenizerBase", eos_ids: Collection[int], row: Row | None = None) -> StopCheck:
    """Encodes a tiny answer and looks at the tokens that end it.

    Args:
        eos_ids: the ids at which generation stops (`model_eos_ids`).
        row: a row of the training data; its shape decides whether the template or the tokenizer's eos token ends an
            answer. Without one, a conversation.
    """
    probe, ending = _probe(tokenizer, row)
    encoded = encode_batch([probe], tokenizer)[0]
    ids, mask, eos = encoded.input_ids, encoded.loss_mask, sorted(set(eos_ids))
    special = set(tokenizer.all_special_ids)
    # Of the tokens after the answer, the one that best serves: trained and stopping, else special, else the last.
    places = range(len(ids) - ending, len(ids))
    place = max(places, key=lambda i: (ids[i] in eos and mask[i] == 1, ids[i] in eos, ids[i] in special, i), default=None)
    if place is None:
        return StopCheck(None, None, False, False, eos, *_problem(None, False, False, eos, tokenizer))
    token, trained, stops = str(tokenizer.convert_ids_to_tokens(ids[place])), mask[place] == 1, ids[place] in eos
    return StopCheck(token, ids[place], trained, stops, eos, *_problem(token, trained, stops, eos, tokenizer))


def _probe(tokenizer: "PreTrainedTokenizerBase", row: Row | None) -> tuple[Plan, int]:
    """A tiny row of the same shape, ending in its answer's end of turn, and the number of tokens of that ending."""
    question, answer = {"role": "user", "content": "?"}, {"role": "assistant", "content": _ANSWER}
    if row is not None and "messages" not in row and not isinstance(row.get("completion"), list):
        return plan({"prompt": "?", "completion": _ANSWER} if "completion" in row else {"text": _ANSWER}, tokenizer), 1
    if row is not None and "completion" in row:
        probe = plan({"prompt": [question], "completion": [answer]}, tokenizer)
    else:
        probe = plan({"messages": [question, answer]}, tokenizer)
    footer = "".join(anatomy(tokenizer)[2:])
    kept = footer.rstrip() or footer
    text = probe.text[: len(probe.text) - len(footer) + len(kept)]
    tokens = tokenizer(text, add_special_tokens=False)
    first = tokens.char_to_token(len(text) - len(kept)) if kept else None
    ending = 0 if first is None else len(tokens["input_ids"]) - first
    spans = None if probe.spans is None else [(start, min(end, len(text))) for start, end in probe.spans]
    return probe._replace(text=text, spans=spans), ending


def _problem(
    token: str | None, trained: bool, stops: bool, eos: list[int], tokenizer: "PreTrainedTokenizerBase"
) -> tuple[str | None, str | None]:
    """What is wrong and how to mend it; two times None when nothing is."""
    names = ", ".join(map(str, tokenizer.convert_ids_to_tokens(eos))) or "-"
    if token is None:
        problem = tr(
            "chat template không viết gì sau câu trả lời: mô hình không bao giờ học được cách dừng",
            "the chat template writes nothing after an answer: the model never learns to stop",
        )
        return problem, "chat_template_path=chatml"
    if not trained:
        problem = tr(
            f"token kết thúc lượt {token} không tính vào loss: mô hình không bao giờ học được cách dừng",
            f"the end-of-turn token {token} carries no loss: the model never learns to stop",
        )
        return problem, f"{{% generation %}} ... {token}{{% endgeneration %}}"
    if not stops:
        problem = tr(
            f"câu trả lời kết thúc bằng {token}, nhưng khi sinh văn bản mô hình chỉ dừng ở {names}: nó sẽ nói mãi",
            f"an answer ends with {token}, but generation stops only at {names}: the model will run on",
        )
        return problem, f'generation_config.json: "eos_token_id": [..., {tokenizer.convert_tokens_to_ids(token)}]'
    return None, None
