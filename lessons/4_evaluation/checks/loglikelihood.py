"""Random logits against the sum by definition; then a tiny model, against the scorer of `smol eval` itself."""

import math
from random import Random
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.course.workbench import tokenizer
from smolcourse.inference.loglik import Reader

TOKENIZER = tokenizer()
CITIES = ("Hà Nội", "Huế", "Đà Nẵng", "Thành phố Hồ Chí Minh", "Cần Thơ", "Nha Trang")


def check(mine: Mine, rng: Random) -> None:
    for _ in range(4):
        context, tokens, words = rng.randint(3, 6), rng.randint(2, 6), rng.randint(20, 40)
        logits, ids = torch.randn(context + tokens, words) * 2, torch.randint(words, (context + tokens,))
        compare(mine.loglikelihood(logits, ids, context), logits, ids, context)
    for _ in range(3):
        logits, ids = (torch.randn(60, 40) * 4).bfloat16(), torch.randint(40, (60,))
        got, wanted = float(mine.loglikelihood(logits, ids, 5)[0]), summed(logits, ids, range(5, 60))
        if not close(got, wanted, tolerance=2e-5):
            raise Wrong("half-precision", "tính bằng bfloat16 làm mất chữ số: đổi logits sang fp32 trước", "computing in bfloat16 loses digits: turn the logits to fp32 first", got=got, wanted=wanted)  # fmt: skip
    as_smol_eval(mine, rng)


def summed(logits: Tensor, ids: Tensor, places: range, shift: int = 1) -> float:
    """The log-probabilities of the tokens at these places, read so many positions before them."""
    logs = logits.float().log_softmax(dim=-1)
    return sum(float(logs[place - shift, ids[place]]) for place in places)


def compare(got: Any, logits: Tensor, ids: Tensor, context: int) -> None:
    """Raises the misconception that a wrong pair shows."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        raise Wrong("not-a-pair", "phải trả về hai số: log-likelihood và số token", "return two numbers: the log-likelihood and the count of tokens", got=got)  # fmt: skip
    total, own = len(ids), range(context, len(ids))
    wanted = summed(logits, ids, own)
    shown = {"got": got, "wanted": (round(wanted, 4), len(own))}
    if not close(float(got[0]), wanted):
        last, picked = total - 1, logits[torch.arange(total - 1), ids[1:]]
        known = [
            ("not-shifted", summed(logits, ids, own, 0), "chưa dịch: logits ở vị trí j đoán token j + 1, không đoán token j mà nó vừa đọc", "not shifted: logits at position j predict token j + 1, not token j, which they have just read"),
            ("off-by-one", summed(logits, ids, range(context + 1, total)), "mất token đầu của lựa chọn: nó được đoán ở vị trí cuối của câu hỏi, context - 1", "the choice's first token is lost: it is predicted at the question's last position, context - 1"),
            ("last-left-out", summed(logits, ids, range(context, last)), "mất token cuối của lựa chọn", "the choice's last token is lost"),
            ("counts-the-prompt", summed(logits, ids, range(1, total)), f"tính cả {context - 1} token của câu hỏi; chỉ {len(own)} token của lựa chọn được tính", f"counts {context - 1} tokens of the question too; only the choice's {len(own)} count"),
            ("prompt-only", summed(logits, ids, range(1, context)), "tính log-likelihood của câu hỏi, không phải của lựa chọn", "the log-likelihood of the question, not of the choice"),
            ("mean", wanted / len(own), f"đây là trung bình trên {len(own)} token; log-likelihood là tổng", f"this is the mean over {len(own)} tokens; a log-likelihood is a sum"),
            ("sign", -wanted, "ngược dấu: đây là loss. Chọn giá trị lớn nhất của nó là chọn lựa chọn ít khả năng nhất", "the sign is wrong: this is a loss. Its largest value is the least likely choice"),
            ("no-log", math.exp(wanted), "đây là xác suất; lựa chọn dài sẽ thành 0. Hãy cộng logarit", "this is a probability, which is 0 for long choices. Add logarithms"),
            ("sum-of-probabilities", sum(math.exp(summed(logits, ids, range(place, place + 1))) for place in own), "đây là tổng các xác suất; xác suất của một chuỗi là tích, tức tổng các logarit", "a sum of probabilities; that of a sequence is a product, a sum of logarithms"),
            ("no-softmax", float(picked[context - 1 :].sum()), "logits chưa qua log_softmax", "the logits did not go through log_softmax"),
            ("log2", wanted / math.log(2), "kết quả này tính bằng bit; cần nat (log tự nhiên)", "these are bits; it should be nats (natural logarithm)"),
            ("wrong-axis", float(logits.log_softmax(dim=0)[torch.arange(context - 1, last), ids[context:]].sum()), "softmax lấy theo vị trí (dim=0); phải theo từ vựng", "softmax runs over positions (dim=0); it must run over the vocabulary"),
        ]  # fmt: skip
        for name, value, vi, en in known:
            if close(float(got[0]), value):
                raise Wrong(name, vi, en, **shown, read="argmin" if name == "sign" else "")
        raise Wrong("value-differs", "giá trị khác tổng log p của các token trong lựa chọn", "the value is not the sum of log p over the choice's tokens", **shown)  # fmt: skip
    if int(got[1]) != len(own):
        raise Wrong("token-count", f"đếm {got[1]} token; lựa chọn có {len(own)}, câu hỏi có {context}", f"{got[1]} tokens; the choice has {len(own)}, the question {context}", **shown)  # fmt: skip


def as_smol_eval(mine: Mine, rng: Random) -> None:
    """Real tokens through a tiny model: what `smol eval` finds for the same choice."""
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(TOKENIZER), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True)).eval()  # fmt: skip
    question, choice = "Câu hỏi: Thủ đô của Việt Nam là thành phố nào?\nTrả lời:", rng.choice(CITIES)
    ids, before = TOKENIZER(f"{question} {choice}")["input_ids"], len(TOKENIZER(question)["input_ids"])
    ((wanted,),) = Reader(model, TOKENIZER).loglikelihoods([(question, [f" {choice}"])])
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    # 49,152 columns a row would be slow to look through: all tokens that are not in the row share one, which changes no softmax.
    words = sorted(set(ids))
    rest = torch.ones(logits.shape[1], dtype=torch.bool)
    rest[words] = False
    narrow = torch.cat([logits[:, words], logits[:, rest].logsumexp(dim=1, keepdim=True)], dim=1)
    log, tokens = mine.loglikelihood(narrow, torch.tensor([words.index(token) for token in ids]), before)
    if not close(float(log), wanted.log, tolerance=1e-3) or int(tokens) != wanted.tokens:
        raise Wrong("not-as-smol-eval", f"khác smol eval ở lựa chọn {choice!r}", f"differs from smol eval for the choice {choice!r}", got=(log, tokens), wanted=tuple(wanted))  # fmt: skip
