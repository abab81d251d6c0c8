"""The model card: what it is, what it learned from and how, what it scores, what it cost, and how near each file is to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from smolcourse.errors import SmolError
from smolcourse.inference.export.parity import Parity
from smolcourse.language import tr
from smolcourse.training.energy import EnergyMeter, energy_from
from smolcourse.training.runs import Run

_TOLD = (
    *("method", "model_name_or_path", "dataset_name", "dataset_config", "max_length", "learning_rate", "lr_scheduler_type"),
    *("max_steps", "num_train_epochs", "per_device_train_batch_size", "gradient_accumulation_steps", "packed_length", "seed"),
    *("use_peft", "peft_type", "lora_r", "lora_alpha", "lora_target_modules", "loss_type", "beta", "rpo_alpha", "engine"),
)


def write_card(
    folder: Path, name: str, source: str, run: Run | None, found: Sequence[Parity], system: str | None, *, sees: bool = False
) -> None:
    """Writes `README.md`, from the run's own files; what they do not say, the card does not either. `sees`: it takes pictures."""
    recipe = run.recipe() if run else {}
    base = str(recipe.get("model_name_or_path") or source)
    head = {
        "base_model": base,
        "pipeline_tag": "image-text-to-text" if sees else "text-generation",
        "library_name": "smolcourse",
        "tags": ["smolcourse", *([str(recipe["method"])] if recipe.get("method") else [])],
    }
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n\n# {name}",
        tr(f"Xuất từ `{source}`, mô hình gốc `{base}`.", f"Exported from `{source}`; its base model is `{base}`."),
    ]
    if system:
        parts.append(f"## System prompt\n\n```text\n{system}\n```")
    if run:
        parts += [_recipe(recipe), _scores(run), _cost(run, recipe)]
    parts += [parity_table(found), _use(folder)]
    (folder / "README.md").write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _recipe(recipe: dict[str, Any]) -> str:
    kept = {key: recipe[key] for key in _TOLD if recipe.get(key) not in (None, {}, [])}
    return (
        f"## {tr('Dữ liệu và recipe', 'Data and recipe')}\n\n"
        f"```yaml\n{yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)}```"
    )


def _scores(run: Run) -> str:
    try:
        told: dict[str, Any] = json.loads((run.path / "scores.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    rows = [
        (tr("trước", "before") if when == "before" else tr("sau", "after"), split, row)
        for when, splits in told.items()
        for split, row in splits.items()
    ]
    lines = [f"| {when} | {split} | {_interval(row)} | {row.get('items', '')} |" for when, split, row in rows]
    title = tr("Điểm: khớp hoàn toàn, khoảng tin cậy 95 %", "Scores: exact match, 95 % interval")
    head = f"| {tr('khi', 'when')} | {tr('phần', 'split')} | {tr('điểm', 'score')} | {tr('số mục', 'items')} |\n|---|---|---|---|"
    return f"## {title}\n\n{head}\n" + "\n".join(lines) if lines else ""


def _interval(row: dict[str, float]) -> str:
    return f"{row['value']:.1%} [{row['low']:.1%}, {row['high']:.1%}]"


def _cost(run: Run, recipe: dict[str, Any]) -> str:
    try:
        last = run.metrics()[-1]
    except (SmolError, IndexError):
        return ""
    lines = (
        [f"- {tr('thời gian', 'time')}: {float(last['seconds']) / 60:.1f} {tr('phút', 'minutes')}"] if "seconds" in last else []
    )
    if "tokens" in last:
        lines.append(f"- token: {int(last['tokens']):,}")
    if "wh" in last:
        country = str(recipe.get("country") or "VN")
        energy = energy_from(float(last["wh"]), EnergyMeter(country).measured, country)
        lines.append(
            f"- {tr('điện năng', 'energy')} ({energy.label}): {energy.wh:.2f} Wh, {energy.grams_co2:.1f} g CO₂ ({country})"
        )
    return f"## {tr('Chi phí huấn luyện', 'Cost of training')}\n\n" + "\n".join(lines) if lines else ""


def parity_table(found: Sequence[Parity]) -> str:
    """What the check found, as a Markdown table."""
    head = parity_head()
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(parity_cells(one)) + " |" for one in found]
    return f"## {tr('Giống mô hình đã huấn luyện đến đâu', 'How near each file is to the trained model')}\n\n" + "\n".join(lines)


def parity_head() -> list[str]:
    """Titles of that table's columns."""
    return [
        tr("tệp", "file"),
        tr("token khác", "other tokens"),
        tr("prompt khác", "other prompts"),
        tr("lệch (nat)", "divergence (nats)"),
        tr("cùng token cao nhất", "same favourite"),
        "perplexity",
        tr("điểm: gốc → tệp", "score: trained → file"),
    ]


def parity_cells(one: Parity) -> list[str]:
    """One row of that table."""
    if one.adapter:
        exact, perplexity, score = ["–", "–"], "–", "–"
    else:
        exact = [str(one.tokens_differ), str(one.prompts_differ)]
        perplexity = f"{one.expected_perplexity:.2f} → {one.perplexity:.2f}"
        score = f"{one.score.memory:.1%} → {one.score.exported:.1%} ({one.score.items})" if one.score else "–"
    label = f"{one.kind} + {one.adapter}" if one.adapter else one.kind
    return [label, *exact, f"{one.divergence:.1e}", f"{one.same_first:.0%}", perplexity, score]


def _use(folder: Path) -> str:
    lines = ["smol serve ." if any(folder.glob("*.gguf")) else "smol serve my-model=./safetensors"]
    lines += ["ollama create my-model -f Modelfile"] if (folder / "Modelfile").exists() else []
    lines += ["docker build -t my-model ."]
    lines += ["sh vllm.sh"] if (folder / "vllm.sh").exists() else []
    return f"## {tr('Chạy', 'Run')}\n\n```bash\n" + "\n".join(lines) + "\n```"
