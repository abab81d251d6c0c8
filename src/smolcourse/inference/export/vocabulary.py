"""A tokenizer as the fields of a GGUF: tokens, their types, merges, special tokens, the rule of splitting, the chat template."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from gguf import GGUFWriter
    from transformers import PreTrainedTokenizerBase

# How a tokenizer splits text before it merges, and the name by which llama.cpp knows that rule.
_BYTES = {"type": "ByteLevel", "use_regex": True}
_DIGITS = {"type": "Digits", "individual_digits": True}
_LLAMA_3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_RULES: tuple[tuple[str, list[dict[str, Any]]], ...] = (
    ("gpt-2", [_BYTES]),
    ("smollm", [_DIGITS, _BYTES]),
    ("llama-bpe", [{"type": "Split", "pattern": {"Regex": _LLAMA_3}}, {"type": "ByteLevel", "use_regex": False}]),
)
_MARKERS = re.compile(r"\{%([-+]?)\s*(?:end)?generation\s*([-+]?)%\}")


def add_vocabulary(writer: GGUFWriter, tokenizer: PreTrainedTokenizerBase, size: int) -> None:
    """Writes the tokenizer's fields.

    Args:
        size: rows of the model's embedding; ids beyond the tokenizer's become unused tokens.

    Raises:
        SmolError: a tokenizer that llama.cpp has no rule for: not byte-level BPE, one that changes the text first, or splits it
            in a way of its own.
    """
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    told: dict[str, Any] = json.loads(backend.to_str()) if backend is not None else {}
    rule = splitting_rule(told)
    tokens, types = _tokens(tokenizer, size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(rule)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in told["model"]["merges"]])
    for add, token in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_unk_token_id, tokenizer.unk_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        if isinstance(token, int):
            add(token)
    probe = list(tokenizer("a")["input_ids"])
    writer.add_add_bos_token(tokenizer.bos_token_id is not None and probe[:1] == [tokenizer.bos_token_id])
    if tokenizer.eos_token_id is not None and probe[-1:] == [tokenizer.eos_token_id]:
        writer.add_add_eos_token(True)
    writer.add_add_space_prefix(False)
    if isinstance(tokenizer.chat_template, str):
        writer.add_chat_template(without_markers(tokenizer.chat_template))


def splitting_rule(told: dict[str, Any]) -> str:
    """llama.cpp's name for how a tokenizer splits text, from the content of its `tokenizer.json`.

    Raises:
        SmolError: as `add_vocabulary`.
    """
    model, before = told.get("model") or {}, told.get("pre_tokenizer") or {}
    if model.get("type") != "BPE" or model.get("byte_fallback") or told.get("normalizer"):
        kind = model.get("type") or "?"
        raise SmolError(
            f"chưa xuất được tokenizer loại {kind} này sang GGUF: chỉ BPE theo byte, không chuẩn hoá văn bản",
            f"this {kind} tokenizer cannot be written as GGUF yet: only byte-level BPE that leaves the text as it is",
            where="tokenizer.json",
            fix="smol export MODEL --to safetensors",
        )
    steps: list[dict[str, Any]] = before["pretokenizers"] if before.get("type") == "Sequence" else [before]
    for name, rule in _RULES:
        if len(steps) == len(rule) and all(wanted.items() <= step.items() for wanted, step in zip(rule, steps, strict=True)):
            return name
    raise SmolError(
        "tokenizer tách văn bản theo một quy tắc mà llama.cpp không có",
        "the tokenizer splits text by a rule that llama.cpp does not have",
        where="tokenizer.json pre_tokenizer",
        fix="smol export MODEL --to safetensors",
    )


def _tokens(tokenizer: PreTrainedTokenizerBase, size: int) -> tuple[list[str], list[int]]:
    """Every id's text and type, in the order of ids."""
    from gguf import TokenType

    by_id = {number: token for token, number in tokenizer.get_vocab().items()}
    added: dict[int, Any] = tokenizer.added_tokens_decoder
    if by_id and max(by_id) >= size:
        raise SmolError(
            f"tokenizer có token số {max(by_id)} nhưng mô hình chỉ có {size} hàng embedding",
            f"the tokenizer has a token {max(by_id)} but the model has only {size} rows of embeddings",
            where="tokenizer.json",
        )
    tokens, types = [], []
    for number in range(size):
        if number not in by_id:
            tokens.append(f"[PAD{number}]")
            types.append(TokenType.UNUSED)
        elif number in added:
            tokens.append(by_id[number])
            types.append(TokenType.CONTROL if added[number].special else TokenType.USER_DEFINED)
        else:
            tokens.append(by_id[number])
            types.append(TokenType.NORMAL)
    return tokens, [int(kind) for kind in types]


def without_markers(template: str) -> str:
    """The chat template without `{% generation %}`, which only training reads and llama.cpp does not know.

    A comment stands in the place of each, with the same dashes, so that white space around it is trimmed as before.
    """
    return _MARKERS.sub(r"{#\1 \2#}", template)
