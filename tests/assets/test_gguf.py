"""A GGUF becomes a plain checkpoint: same numbers, same tokens, and nothing quantised about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from smolcourse.assets import gguf, resolve, resolve_model
from smolcourse.errors import SmolError
from tests.assets.conftest import leftovers


def byte_tokenizer() -> Any:
    """A byte-level tokenizer of 261 tokens that knows pairs of spaces and of line ends, and ChatML's marks."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *sorted(pre_tokenizers.ByteLevel.alphabet()), "ĠĠ", "ĊĊ"]
    backend = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, [("Ġ", "Ġ"), ("Ċ", "Ċ")]))
    backend.add_special_tokens(tokens[:3])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token=tokens[0], bos_token=tokens[1], eos_token=tokens[2])
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    return tokenizer


def tiny_llama(size: int) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    shape = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    return LlamaForCausalLM(LlamaConfig(vocab_size=size, max_position_embeddings=512, tie_word_embeddings=True, **shape)).eval()


def write_gguf(model: Any, tokenizer: Any, file: Path) -> None:
    """A GGUF of a tiny Llama as llama.cpp's converter lays it out: rotary halves of q and k interleaved."""
    import torch
    from gguf import MODEL_ARCH, GGUFWriter, TokenType, get_tensor_name_map

    config = model.config
    writer = GGUFWriter(file, "llama")
    writer.add_name("A Label Nobody Can Load")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = sorted(state["model"]["vocab"], key=state["model"]["vocab"].get)
    added = {token["content"] for token in state["added_tokens"]}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(vocabulary)
    writer.add_token_types([TokenType.CONTROL if token in added else TokenType.NORMAL for token in vocabulary])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_unk_token_id(0)
    writer.add_chat_template(tokenizer.chat_template)
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        stem, _, ending = name.rpartition(".")
        heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads if "k_proj" in name else 0
        if heads:
            tensor = tensor.view(heads, 2, -1, tensor.shape[-1]).transpose(1, 2).reshape(tensor.shape)
        writer.add_tensor(f"{names.get_name(stem)}.{ending}", tensor.to(torch.float32).contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = byte_tokenizer()
    file = tmp_path_factory.mktemp("gguf") / "Tiny.F32.gguf"
    write_gguf(tiny_llama(len(tokenizer)), tokenizer, file)
    return file


def test_a_gguf_becomes_the_checkpoint_it_was_made_from(home: Path, gguf_file: Path, capfd: pytest.CaptureFixture[str]):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = resolve_model(gguf_file)
    said = capfd.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and gguf_file.name in said.err
    assert folder.is_relative_to(home)
    assert resolve_model(gguf_file) == folder
    assert capfd.readouterr().err == ""

    end = byte_tokenizer().eos_token_id
    config = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in config and "Nobody" not in json.dumps(config)
    assert config["dtype"] == "float32"
    assert config["pad_token_id"] == config["eos_token_id"] == end
    generation = json.loads((folder / "generation_config.json").read_text())
    assert generation["pad_token_id"] == generation["eos_token_id"] == end
    assert {file.suffix for file in folder.iterdir()} <= {".json", ".jinja", ".safetensors"}

    mine = AutoTokenizer.from_pretrained(folder)
    assert mine.chat_template == byte_tokenizer().chat_template
    assert mine.model_max_length == 512
    assert not {"is_local", "local_files_only"} & json.loads((folder / "tokenizer_config.json").read_text()).keys()
    assert mine.tokenize("a  45\n\n6") == ["a", "ĠĠ", "4", "5", "ĊĊ", "6"]

    ids = torch.tensor([mine("Một ly trà sữa 50% đường").input_ids])
    before, after = tiny_llama(len(mine)), AutoModelForCausalLM.from_pretrained(folder)
    torch.testing.assert_close(after(ids).logits, before(ids).logits, atol=1e-5, rtol=1e-5)


def test_digits_and_the_spaces_before_them_split_as_in_training(tokenizer: Any):
    """SmolLM2 was trained with every digit cut off first, so the spaces before a number form a token of their own."""
    assert tokenizer.tokenize("a  45") == ["a", "ĠĠ", "4", "5"]
    assert tokenizer.tokenize("\n\n1") == ["ĊĊ", "1"]
    for text in ("2 ly trà sữa 50% đường, 45.000đ", "  hai\n\n dấu 🧋", "abc123  7\t8"):
        assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_real_checkpoint_is_plain_fp32_safetensors_and_stops(real_model: Path, tokenizer: Any):
    from safetensors import safe_open

    with safe_open(real_model / "model.safetensors", "pt") as weights:
        assert all(weights.get_slice(name).get_dtype() == "F32" for name in weights.keys())  # noqa: SIM118
        assert "lm_head.weight" not in weights.keys()  # noqa: SIM118
    generation = json.loads((real_model / "generation_config.json").read_text())
    assert tokenizer.convert_ids_to_tokens(generation["eos_token_id"]) == "<|im_end|>"


def test_a_changed_gguf_replaces_its_old_checkpoint(home: Path, gguf_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def convert(file: Path, folder: Path) -> None:
        folder.mkdir()
        (folder / "config.json").write_bytes(file.read_bytes())

    monkeypatch.setattr(gguf, "convert", convert)
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"first")
    old = resolve_model(file)
    file.write_bytes(b"second")
    new = resolve_model(file)
    assert (new / "config.json").read_bytes() == b"second" and not old.exists()


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [b"", b"GGUF", b"GGUF" + b"\xff" * 200, b"not a model at all" * 50])
def test_what_is_not_a_gguf_is_said_so(home: Path, tmp_path: Path, content: bytes):
    file = tmp_path / "bad.gguf"
    file.write_bytes(content)
    assert resolve(file) == file
    with pytest.raises(SmolError) as caught:
        resolve_model(file)
    assert "GGUF" in caught.value.en and caught.value.where == str(file)
    assert leftovers(home) == []


def test_no_room_for_the_checkpoint(home: Path, gguf_file: Path, monkeypatch: pytest.MonkeyPatch):
    import shutil
    from collections import namedtuple

    monkeypatch.setattr(shutil, "disk_usage", lambda _: namedtuple("usage", "total used free")(10**9, 10**9, 1000))
    with pytest.raises(SmolError) as caught:
        resolve_model(gguf_file)
    assert "not enough disk space" in caught.value.en
    assert leftovers(home) == []
