"""Measures one model, alone in its process: `python -m smolcourse.inference.export.weigh gguf|torch KIND PATH TOKENS`."""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from pathlib import Path
from typing import Any

_PROMPT = "Cho mình 2 trà sữa trân châu đường đen size L, ít đường, không đá ạ."


def weigh_gguf(file: Path, tokens: int) -> dict[str, Any]:
    """Speed of one client behind a short prompt, and the most memory."""
    from smolcourse.hardware import peak_memory
    from smolcourse.inference.engine import Engine

    with Engine(file, slots=1, context=1024) as engine:
        asked = {"prompt": _PROMPT, "max_tokens": tokens, "ignore_eos": True}
        engine.complete({**asked, "max_tokens": 4})  # the prompt is read, the file is in memory
        start = time.perf_counter()
        written = int(engine.complete(asked)["usage"]["completion_tokens"])
        return {"tokens_per_second": written / (time.perf_counter() - start), "memory": peak_memory()}


def weigh_torch(folder: Path, kind: str, tokens: int) -> dict[str, Any]:
    """The same of transformers; `int8` has PyTorch quantise the linear layers, inputs included, while it runs."""
    import torch

    from smolcourse.hardware import peak_memory
    from smolcourse.inference.export.corpus import PROSE
    from smolcourse.inference.loading import load_model

    loaded, untyped = load_model(str(folder))
    tokenizer: Any = untyped
    model: Any = loaded
    model.to("cpu")
    size = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    if kind == "int8":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = torch.ao.quantization.quantize_dynamic(  # type: ignore[no-untyped-call]
                model, {torch.nn.Linear}, dtype=torch.qint8
            )
        linear = [part.weight() for part in model.modules() if callable(getattr(part, "weight", None))]
        size = sum(one.numel() for one in linear) + sum(one.numel() * one.element_size() for one in model.parameters())
    nats: list[float] = []
    with torch.inference_mode():
        for text in PROSE:
            ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
            row = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            nats += (-row.gather(-1, ids[0, 1:, None])[:, 0]).tolist()
        prompt = torch.tensor([tokenizer(_PROMPT)["input_ids"]])
        start = time.perf_counter()
        model.generate(prompt, do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens)
        seconds = time.perf_counter() - start
    perplexity = math.exp(sum(nats) / len(nats))
    return {"size": size, "perplexity": perplexity, "tokens_per_second": tokens / seconds, "memory": peak_memory()}


if __name__ == "__main__":
    what, kind, path, tokens = sys.argv[1:5]
    found = weigh_gguf(Path(path), int(tokens)) if what == "gguf" else weigh_torch(Path(path), kind, int(tokens))
    print(json.dumps(found))
