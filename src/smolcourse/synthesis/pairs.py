"""Preference pairs from what a model really answers: the right answer to a prompt over the wrong ones to the same prompt.

The prompts are training prompts, never those of a test. Answers are kept beside the target file while the work goes on, so that a
killed command starts again where it was.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from smolcourse.data.json_files import Row
from smolcourse.data.loading import BUILT_IN, load_rows
from smolcourse.data.writing import check_target, new_jsonl
from smolcourse.errors import SmolError
from smolcourse.evaluation.scorers import json_match
from smolcourse.inference.prompts import Prompt
from smolcourse.training.durable import append_line, json_line, mend_tail, mendable, read_lines, replace_file

Answer = Callable[[list[Prompt], list[str], int], Sequence[str]]
"""(prompts, their gold answers, seed) -> one sampled answer for each."""

_TOGETHER = 96  # answers between two saves: as many as are worth computing at once
_SIZE = 200


class Case(NamedTuple):
    """A training prompt and its gold answer, which is JSON."""

    prompt: Prompt
    gold: str


@dataclass(frozen=True)
class Made:
    """What came of it, in prompts and pairs."""

    prompts: int
    answers: int
    right: int
    """Right answers, of all."""
    all_right: int
    """Prompts without a wrong answer: nothing to prefer."""
    gold_chosen: int
    """Prompts without a right answer, where the gold one stands as chosen."""
    left_out: int
    """Prompts without a right answer that were left out."""
    pairs: int


def make_pairs(
    reference: str,
    target: Path,
    *,
    samples: int = 4,
    temperature: float = 0.8,
    size: int | None = None,
    seed: int | None = None,
    dataset: str | None = None,
    gold: bool = True,
    force: bool = False,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> Made:
    """Samples a model, scores its answers, and writes `target`: prompt, chosen, rejected.

    Args:
        reference: a run, or any model that `inference.loading.locate` finds.
        samples: answers to each prompt.
        size: prompts; 200 of a built-in data set, all of a file.
        seed: of the prompts and of the draws. A built-in data set is drawn with another than the run was trained with.
        dataset: where prompts and gold answers come from, if not from where the run learned.
        gold: where no answer is right, the gold one is chosen; else the prompt is left out.
        on_done: gets the number of answers so far, and how many there will be.

    Raises:
        SmolError: rows without JSON answers, the orders the run was trained on, a target that exists, no pair at all.
    """
    from smolcourse.inference import sampling
    from smolcourse.inference.examinee import identity
    from smolcourse.inference.loading import load_model, locate

    check_target(target, force=force)
    sampling.check(temperature, 1.0)
    if samples > 1 and temperature == 0:
        raise SmolError(
            "temperature=0 cho mọi lần lấy mẫu cùng một câu trả lời",
            "with temperature=0 all samples are the same",
            where=f"samples={samples}",
            fix="--temperature 0.8",
        )
    place = locate(reference)
    seed, cases = training_cases(place.recipe, size=size, seed=seed, dataset=dataset)
    settings = {"model": identity(place), "samples": samples, "temperature": temperature, "seed": seed, "cases": cases}
    journal = target.with_name(f".{target.name}.answers")
    model: list[Any] = []

    def answer(prompts: list[Prompt], golds: list[str], seed: int) -> Sequence[str]:
        from smolcourse.inference.generate import generate

        model[:] = model or load_model(place)  # only if there is still something to ask
        network, tokenizer = model
        limits = [2 * len(tokenizer(gold)["input_ids"]) + 8 for gold in golds]  # room to be wrong in
        return generate(network, tokenizer, prompts, max_new_tokens=limits, temperature=temperature, seed=seed)

    answers = sample(cases, answer, journal, settings, samples=samples, seed=seed, on_done=on_done)
    rows, made = pair_up(cases, answers, gold=gold)
    if not rows:
        raise SmolError(
            f"không có cặp nào: {made.right}/{made.answers} câu trả lời đúng",
            f"there is no pair: {made.right} of {made.answers} answers are right",
            where=reference,
            fix="--temperature 1.2 --size 1000" if made.right else "--gold",
        )
    with new_jsonl([target], force=force) as (write,):
        for row in rows:
            write(row)
    journal.unlink()
    return made


def training_cases(
    recipe: Mapping[str, Any], *, size: int | None, seed: int | None, dataset: str | None
) -> tuple[int, list[Case]]:
    """The seed that was taken, and the prompts: each once, from the training split.

    Args:
        recipe: of the run that is sampled; empty for a model of no run.
    """
    own = recipe if dataset in (None, recipe.get("dataset_name")) else {}
    name = dataset or recipe.get("dataset_name") or "milk-tea"
    config = dict(own.get("dataset_config") or {})
    if name not in BUILT_IN:
        seed = 0 if seed is None else seed
        rows = list(load_rows(name, {}, own.get("dataset_train_split") if dataset is None else None))
        random.Random(seed).shuffle(rows)
    else:
        trained = config.get("seed", 0) if own else None
        seed = (trained or 0) + 1 if seed is None else seed
        if seed == trained:
            raise SmolError(
                f"run này đã học chính những đơn của seed {seed}",
                f"the run was trained on the very orders of seed {seed}",
                where="--seed",
                fix=f"--seed {seed + 1}",
            )
        drawn = {"size": size or _SIZE, "seed": seed, "language": config.get("language")}
        rows = list(load_rows(name, drawn, "train"))
    found = {json.dumps(case.prompt): case for case in (_case(row, name, number) for number, row in enumerate(rows, start=1))}
    return seed, list(found.values())[:size]


def _case(row: Row, name: str, number: int) -> Case:
    if "messages" in row:
        case = Case(row["messages"][:-1], str(row["messages"][-1].get("content")))
    elif "completion" in row:
        answer = row["completion"]
        case = Case(row["prompt"], answer if isinstance(answer, str) else str(answer[-1].get("content")))
    else:
        raise SmolError(
            "cần các hàng có câu hỏi và câu trả lời (messages, hoặc prompt + completion)",
            "rows with a question and its answer are needed (messages, or prompt + completion)",
            where=name,
            fix="--data milk-tea",
        )
    try:
        json.loads(case.gold)
    except ValueError:
        raise SmolError(
            f"câu trả lời của hàng {number} không phải JSON: không biết câu nào đúng",
            f"the answer of row {number} is not JSON: there is no telling which answers are right",
            where=name,
            fix="--data milk-tea",
        ) from None
    return case


def sample(
    cases: Sequence[Case],
    answer: Answer,
    journal: Path,
    settings: Mapping[str, Any],
    *,
    samples: int,
    seed: int,
    on_done: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[str]]:
    """`samples` answers to each prompt, each group saved in `journal` before the next is asked for.

    Args:
        settings: what the answers depend on; a journal of other settings is begun anew.
    """
    head = json.loads(json_line({"settings": settings}))
    with mendable(journal):
        mend_tail(journal)
        lines = list(read_lines(journal))
        if lines[:1] != [head]:
            lines = []
            replace_file(journal, json_line(head) + "\n")
    answers: list[list[str]] = [group for line in lines[1:] for group in line["answers"]]
    on_done(len(answers) * samples, len(cases) * samples)
    for start in range(len(answers), len(cases), max(1, _TOGETHER // samples)):
        part = [case for case in cases[start : start + max(1, _TOGETHER // samples)] for _ in range(samples)]
        # The seed goes with the place, so that a resumed command draws what an uninterrupted one would have.
        fresh = answer([case.prompt for case in part], [case.gold for case in part], seed + start)
        groups = [list(fresh[place : place + samples]) for place in range(0, len(part), samples)]
        with mendable(journal):
            append_line(journal, {"answers": groups})
        answers += groups
        on_done(len(answers) * samples, len(cases) * samples)
    return answers


def pair_up(cases: Sequence[Case], answers: Sequence[Sequence[str]], *, gold: bool = True) -> tuple[list[Row], Made]:
    """Rows that set a right answer over each different wrong one, no row twice.

    An answer is right if it says the gold JSON and nothing else; one with words around the right JSON is neither right nor wrong.
    """
    rows: list[Row] = []
    seen: set[str] = set()
    count: Counter[str] = Counter()
    for case, given in zip(cases, answers, strict=True):
        verdicts = {text: _is_right(text, case.gold) for text in given}
        count["right"] += sum(verdicts[text] is True for text in given)
        right = [text for text, verdict in verdicts.items() if verdict]
        wrong = [text for text, verdict in verdicts.items() if verdict is False and text.strip()]
        if not wrong:
            count["all_right"] += 1
        elif not right:
            count["gold_chosen" if gold else "left_out"] += 1
            right = [case.gold] if gold else []
        for row in _rows(case, right, wrong):
            key = json.dumps(row)
            if key not in seen:
                seen.add(key)
                rows.append(row)
    made = Made(
        prompts=len(cases),
        answers=sum(map(len, answers)),
        right=count["right"],
        all_right=count["all_right"],
        gold_chosen=count["gold_chosen"],
        left_out=count["left_out"],
        pairs=len(rows),
    )
    return rows, made


def _rows(case: Case, right: Sequence[str], wrong: Sequence[str]) -> Iterator[Row]:
    """One row for each wrong answer; the right ones take turns."""
    side = partial(_as_answer, case.prompt)
    for place, text in enumerate(wrong if right else []):
        yield {"prompt": case.prompt, "chosen": side(right[place % len(right)]), "rejected": side(text)}


def _as_answer(prompt: Prompt, text: str) -> Any:
    return text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]


def _is_right(text: str, gold: str) -> bool | None:
    """None if the right JSON is there, with something around it."""
    if json_match(text, gold)["exact_match"] < 1:
        return False
    try:
        json.loads(text)
    except ValueError:
        return None
    return True
