"""Fixtures for every room: the real tokenizer, a tiny random model, the real model, and the `smol` command.

`smol` runs it in its own process, `here` in this one, where torch is loaded already.

The real files come through the resolver into the user's own cache (`SMOLCOURSE_HOME` overrides), so a clean machine
downloads them once. The resolver locks, so several pytest-xdist workers may ask at the same time.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Tests never reach the hub, and two workers on two cores must not fight over threads.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from smolcourse import language

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

REAL_MODEL = "smollm2-135m-instruct"
Smol = Callable[..., subprocess.CompletedProcess[str]]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: uses the real 135M model, or takes more than a few seconds")


@pytest.fixture(autouse=True)
def _default_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test starts in the default language (Vietnamese), whatever the one before chose."""
    monkeypatch.delenv("SMOLCOURSE_LANG", raising=False)
    language._current = None
    yield
    language._current = None


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """What a test draws without a seed of its own does not depend on which tests ran before it in this process."""
    random.seed(0)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(0)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)


@pytest.fixture(scope="session")
def real_model() -> Path:
    """Folder of the real SmolLM2-135M-Instruct: a plain fp32 safetensors checkpoint with its tokenizer."""
    from smolcourse.assets import resolve

    return resolve(REAL_MODEL)


@pytest.fixture(scope="session")
def tokenizer_dir(real_model: Path) -> Path:
    """Folder of the real tokenizer (the model's own folder)."""
    return real_model


@pytest.fixture(scope="session")
def tokenizer(tokenizer_dir: Path) -> PreTrainedTokenizerBase:
    """The real tokenizer, loaded once a worker. Do not change it: copy it first."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tokenizer_dir)


@pytest.fixture(scope="session")
def tiny_model(tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a random two-layer Llama of width 64 over the real vocabulary, with the real tokenizer beside it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    folder = tmp_path_factory.mktemp("tiny_model")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_vlm(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a model that sees: a random two-layer DINOv2 of width 32 on tiles of 56 pixels (4 tokens), and `tiny_model`."""
    import torch
    from transformers import Dinov2Config, Dinov2Model

    from smolcourse.vision.own import assemble

    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56, use_mask_token=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, processor = assemble(tiny_model, Dinov2Model(config), image_size=56)
    folder = tmp_path_factory.mktemp("tiny_vlm")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def smol() -> Smol:
    """Runs the command line in its own process: `smol("data", "check", file, env={...}, cwd=...)`."""

    def run(
        *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, timeout: float = 900
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "smolcourse.cli.main", *map(str, arguments)],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )

    return run


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs the command line in this process, where torch is loaded already: returns exit code, stdout, stderr."""
    from smolcourse.cli.main import main

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["smol", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        out, errors = capsys.readouterr()
        return int(str(code or 0)), out, errors

    return run
