"""Scores and log-likelihoods next to lm-eval's own, through its front door; skipped where lm-eval is not installed."""

import pytest
from transformers import AutoModelForCausalLM

from smolcourse.evaluation.compare import examine
from smolcourse.evaluation.examinee import Examinee, cannot_read
from smolcourse.evaluation.solvers import choose
from smolcourse.evaluation.tasks import Item, Task, ask
from smolcourse.inference.loglik import Reader

pytest.importorskip("lm_eval")


def test_the_same_choices_and_likelihoods(tiny_model, tokenizer, tmp_path, monkeypatch):
    from benchmarks.evaluation import differences, lm_eval_task, theirs

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    questions = [f"Question: {n} cộng {n} bằng mấy?\nAnswer: " if n % 3 else f"{n} + {n} =" for n in range(12)]
    items = [Item(ask(text), str(2 * n), (str(2 * n), f"{n} tá", "không biết nữa")) for n, text in enumerate(questions)]
    task = Task("sums", items, solver=choose, chat=False, metric="acc")
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    result = examine(task, Examinee("tiny", "", cannot_read, Reader(model, tokenizer).loglikelihoods))
    samples, _ = theirs(model, tokenizer, lm_eval_task(task, tmp_path), 4)
    assert differences(result, samples) == (pytest.approx(0, abs=1e-4), 0)
