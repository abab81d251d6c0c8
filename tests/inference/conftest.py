"""A tiny random model as a GGUF: the real vocabulary, two layers, and a chat template that knows tools."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEMPLATE = """{%- if tools %}
    {{- '<|im_start|>system\\n# Tools\\n<tools>' }}
    {%- for tool in tools %}
        {{- '\\n' }}{{ tool | tojson }}
    {%- endfor %}
    {{- '\\n</tools>\\nAnswer with <tool_call>\\n{"name": ..., "arguments": ...}\\n</tool_call><|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'assistant' and message.tool_calls %}
        {{- '<|im_start|>assistant' }}
        {%- if message.content %}
            {{- '\\n' + message.content }}
        {%- endif %}
        {%- for call in message.tool_calls %}
            {{- '\\n<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
            {{- call.function.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}"""

WIDTH, HIDDEN, LAYERS, HEADS, GROUPS = 64, 128, 2, 4, 2


def write_gguf(file: Path, tokenizer_file: Path, *, chain: Sequence[int] = ()) -> Path:
    """Writes it; random weights from a fixed seed. With a chain of token ids, each of them is followed by the next."""
    import gguf

    told = json.loads(tokenizer_file.read_text(encoding="utf-8"))
    added = {row["content"]: row["id"] for row in told["added_tokens"]}
    vocabulary = told["model"]["vocab"] | added
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("tiny")
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in added else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in told["model"]["merges"]])
    writer.add_bos_token_id(vocabulary["<|im_start|>"])
    writer.add_eos_token_id(vocabulary["<|im_end|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    draw = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        values = np.ones(shape, np.float32) if len(shape) == 1 else draw.normal(0, 0.3, shape).astype(np.float32)
        silent = chain and name.endswith(("attn_output.weight", "ffn_down.weight"))
        writer.add_tensor(name, values * 0 if silent else values)

    embedding = draw.normal(0, 0.3, (len(tokens), WIDTH)).astype(np.float32)
    writer.add_tensor("token_embd.weight", embedding)
    if chain:
        head = np.zeros_like(embedding)
        for token, following in itertools.pairwise(chain):
            head[following] += embedding[token]
        writer.add_tensor("output.weight", head)
    add("output_norm.weight", WIDTH)
    for layer in range(LAYERS):
        name = f"blk.{layer}"
        add(f"{name}.attn_norm.weight", WIDTH)
        add(f"{name}.attn_q.weight", WIDTH, WIDTH)
        add(f"{name}.attn_k.weight", WIDTH * GROUPS // HEADS, WIDTH)
        add(f"{name}.attn_v.weight", WIDTH * GROUPS // HEADS, WIDTH)
        add(f"{name}.attn_output.weight", WIDTH, WIDTH)
        add(f"{name}.ffn_norm.weight", WIDTH)
        add(f"{name}.ffn_gate.weight", HIDDEN, WIDTH)
        add(f"{name}.ffn_up.weight", HIDDEN, WIDTH)
        add(f"{name}.ffn_down.weight", WIDTH, HIDDEN)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def write_adapter(file: Path) -> Path:
    """Writes a GGUF LoRA of rank 2 for that model, large enough that no answer stays as it was."""
    import gguf

    writer = gguf.GGUFWriter(file, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 2.0)
    draw = np.random.default_rng(1)
    for layer in range(LAYERS):
        name = f"blk.{layer}.ffn_down.weight"
        writer.add_tensor(f"{name}.lora_a", draw.normal(0, 1, (2, HIDDEN)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", draw.normal(0, 1, (WIDTH, 2)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.fixture(scope="session")
def tiny_gguf(tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The GGUF; beside it the folder `adapters` with `loud.gguf`."""
    folder = tmp_path_factory.mktemp("gguf")
    (folder / "adapters").mkdir()
    write_adapter(folder / "adapters" / "loud.gguf")
    return write_gguf(folder / "tiny-q8_0.gguf", tokenizer_dir / "tokenizer.json")


@pytest.fixture(scope="session")
def calling_gguf(tokenizer: PreTrainedTokenizerBase, tokenizer_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that begins each answer with `<tool_call>`."""
    chain = tokenizer("\n<tool_call>\n")["input_ids"]
    return write_gguf(tmp_path_factory.mktemp("calling") / "caller.gguf", tokenizer_dir / "tokenizer.json", chain=chain)
