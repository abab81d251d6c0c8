"""`report.md`: what was run, what came of it, what it cost against what was predicted, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from smolcourse.hardware import GIB
from smolcourse.language import tr
from smolcourse.training.curves import curve
from smolcourse.training.energy import GRIDS, Energy, format_cost
from smolcourse.training.estimate import Prediction
from smolcourse.training.live import duration
from smolcourse.training.runs import Run

Interval = tuple[float, float, float]  # value, low, high; fractions of 1

# What a reader wants to know first; all other keys stand in recipe.yaml.
_SHOWN = (
    "method",
    "engine",
    "model_name_or_path",
    "dataset_name",
    "use_peft",
    "learning_rate",
    "num_train_epochs",
    "max_steps",
    "budget",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "dtype",
    "seed",
)


def report_text(
    run: Run,
    *,
    seconds: float,
    prediction: Prediction | None = None,
    peak_memory: int | None = None,
    energy: Energy | None = None,
    scores: Mapping[str, tuple[Interval | None, Interval | None]] | None = None,
) -> str:
    """The report in the language in use, in Markdown.

    Args:
        seconds: of training, all parts of a resumed run together.
        prediction: made before the run.
        peak_memory: highest resident memory, in bytes.
        scores: by test split, the score before and after training, each with its interval.
    """
    recipe = run.recipe()
    parts = [f"# {run.name}", _recipe_table(recipe)]
    if mine := recipe.get("use_mine"):
        parts.append(f"{tr('Hàm của bạn dùng trong lần chạy này', 'Your own functions in this run')}: **{', '.join(mine)}**")
    if scores:
        parts.append(_scores_table(scores))
    steps, losses = loss_points(run.metrics())
    if losses:
        start, end = ends(losses)
        parts.append(f"## Loss\n\n{start:.3f} → **{end:.3f}** ({tr('bước', 'steps')} {steps[0]}–{steps[-1]})")
        drawn = curve(steps, losses)
        if drawn:
            parts[-1] += f"\n\n```text\n{drawn}\n```"
    parts.append(_cost_table(seconds, prediction, peak_memory, energy))
    shown = before_and_after(run.samples())
    if shown:
        parts.append(f"## {tr('Trước và sau', 'Before and after')}\n\n" + "\n\n".join(_sample(*sample) for sample in shown))
    parts.append(_next_steps(run, recipe))
    return "\n\n".join(parts) + "\n"


def loss_points(metrics: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[float]]:
    """Steps and training losses; lines without a finite loss are left out."""
    points = [
        (int(line["step"]), float(line["loss"]))
        for line in metrics
        if isinstance(line.get("loss"), (int, float)) and "step" in line
    ]
    return [step for step, _ in points], [loss for _, loss in points]


def ends(losses: Sequence[float]) -> tuple[float, float]:
    """Loss at the start and at the end: means over the first and last twentieth, since single batches are noisy."""
    few = max(1, len(losses) // 20)
    return sum(losses[:few]) / few, sum(losses[-few:]) / few


def before_and_after(samples: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, str, int, str]]:
    """For each fixed prompt: (prompt, first step, answer then, last step, answer then)."""
    by_prompt: dict[str, list[Mapping[str, Any]]] = {}
    for sample in samples:
        by_prompt.setdefault(prompt_text(sample.get("prompt")), []).append(sample)
    return [
        (
            prompt,
            int(lines[0].get("step", 0)),
            str(lines[0].get("answer", "")),
            int(lines[-1].get("step", 0)),
            str(lines[-1].get("answer", "")),
        )
        for prompt, lines in by_prompt.items()
    ]


def prompt_text(prompt: Any) -> str:
    """A prompt as one text: a string, or the last message of a conversation."""
    if isinstance(prompt, list) and prompt and isinstance(prompt[-1], Mapping):
        return str(prompt[-1].get("content", ""))
    return str(prompt)


def recipe_lines(recipe: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The keys of a recipe that a reader wants to know first; those that are off are left out."""
    keys = [*_SHOWN[:5], *(("lora_r", "lora_alpha") if recipe.get("use_peft") else ()), *_SHOWN[5:]]
    lines = [(key, recipe[key]) for key in keys if recipe.get(key) is not None]
    return [(key, str(value)) for key, value in lines if not (key == "max_steps" and value == -1)]


def percent(interval: Interval | None) -> str:
    """`87.0 % [81.5, 91.2]`."""
    if interval is None:
        return "–"
    value, low, high = interval
    return f"{value * 100:.1f} % [{low * 100:.1f}, {high * 100:.1f}]"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _recipe_table(recipe: Mapping[str, Any]) -> str:
    title = tr("Đã chạy gì", "What was run")
    return f"## {title}\n\n" + _table(
        (tr("khoá", "key"), tr("giá trị", "value")), [(f"`{key}`", value) for key, value in recipe_lines(recipe)]
    )


def _scores_table(scores: Mapping[str, tuple[Interval | None, Interval | None]]) -> str:
    title = tr("Điểm trên dữ liệu chưa từng thấy", "Scores on data it never saw")
    header = (tr("tập kiểm tra", "test split"), tr("trước", "before"), tr("sau", "after"))
    note = tr("Trong ngoặc: khoảng tin cậy 95 %.", "In brackets: 95 % confidence interval.")
    rows = [(name, percent(before), percent(after)) for name, (before, after) in scores.items()]
    return f"## {title}\n\n{_table(header, rows)}\n\n{note}"


def _cost_table(seconds: float, prediction: Prediction | None, peak_memory: int | None, energy: Energy | None) -> str:
    predicted = prediction is not None
    rows = [(tr("thời gian", "time"), duration(prediction.seconds) if prediction else "–", duration(seconds))]
    if peak_memory is not None or predicted:
        rows.append(
            (
                tr("bộ nhớ cao nhất", "peak memory"),
                f"{prediction.peak_memory / GIB:.1f} GB" if prediction else "–",
                f"{peak_memory / GIB:.1f} GB" if peak_memory is not None else "–",
            )
        )
    if energy is not None:
        rows.append(
            (
                f"{tr('điện năng', 'energy')} ({energy.label})",
                f"{prediction.energy_wh:.2f} Wh" if prediction else "–",
                f"{energy.wh:.2f} Wh",
            )
        )
        rows.append((f"CO₂ ({energy.country})", "", f"{energy.grams_co2:.1f} g"))
        if energy.cost is not None:
            rows.append((tr("tiền điện", "cost"), "", format_cost(energy.cost, energy.currency)))
    text = f"## {tr('Dự đoán và thực tế', 'Predicted and measured')}\n\n"
    text += _table(("", tr("dự đoán", "predicted"), tr("thực tế", "measured")), rows)
    if prediction:
        trained, all_of_them = prediction.trainable_parameters, prediction.parameters
        title = tr("Tham số được huấn luyện", "Trainable parameters")
        text += f"\n\n{title}: {trained:,} / {all_of_them:,} ({trained / all_of_them:.1%})."
    if energy is not None:
        text += f"\n\n{tr('Nguồn hệ số phát thải', 'Source of the emission factor')}: {GRIDS[energy.country].source}."
    return text


def _sample(prompt: str, first: int, before: str, last: int, after: str) -> str:
    step = tr("bước", "step")
    quoted = prompt.replace("\n", "\n> ")
    return f"> {quoted}\n\n{step} {first}:\n\n{_fenced(before)}\n\n{step} {last}:\n\n{_fenced(after)}"


def _fenced(text: str) -> str:
    """A code block whose fence no text can close."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"


def _next_steps(run: Run, recipe: Mapping[str, Any]) -> str:
    name, base = run.name, recipe.get("model_name_or_path", "")
    commands = (f"smol chat {name}", f"smol compare {base} {name}", f"smol runs show {name}")
    return f"## {tr('Tiếp theo', 'Next')}\n\n```bash\n" + "\n".join(commands) + "\n```"
