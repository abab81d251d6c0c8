"""Padded batches; each of the three parts, then the prompt's gradient, summed over the rows."""

from random import Random

import torch

from smolcourse.course.checking import Mine, Wrong, close


def check(mine: Mine, rng: Random) -> None:
    for _ in range(4):
        rows, extra, tokens, width = rng.randint(2, 4), rng.randint(2, 5), rng.randint(6, 9), rng.randint(3, 6)
        prompt = torch.randn(extra, width, requires_grad=True)
        embeddings, labels = torch.randn(rows, tokens, width), torch.randint(5, 99, (rows, tokens))
        labels[:, :3] = -100
        mask = torch.ones(rows, tokens, dtype=torch.long)
        mask[0, -2:], labels[0, -2:] = 0, -100
        got = mine.prompt_inputs(prompt, embeddings, labels, mask)
        if not isinstance(got, tuple) or len(got) != 3:
            raise Wrong("not-three", "cần trả về ba tensor: embeddings, labels, attention_mask", "return three tensors: embeddings, labels, attention_mask", got=got)  # fmt: skip
        vectors, named, read = got
        wanted = torch.cat([prompt.expand(rows, -1, -1), embeddings], dim=1)
        if not close(vectors, wanted):
            if close(vectors, torch.cat([embeddings, prompt.expand(rows, -1, -1)], dim=1)):
                raise Wrong("at-the-end", "token ảo nằm sau văn bản: token thật chỉ đọc những gì đứng trước nó nên không thấy chúng", "the virtual tokens come after the text: real tokens read only what stands before them and never see these", got=vectors)  # fmt: skip
            if list(vectors.shape) == [rows, tokens, width]:
                raise Wrong("overwritten", f"vẫn dài {tokens}: token ảo đè lên token thật thay vì đứng trước", f"still {tokens} long: the virtual tokens replace real ones instead of preceding them", got=vectors)  # fmt: skip
            raise Wrong("vectors-differ", "embeddings phải là token ảo rồi đến token thật", "embeddings must be the virtual tokens, then the real ones", got=vectors, wanted=wanted)  # fmt: skip
        if list(named.shape) == [rows, tokens]:
            raise Wrong("labels-short", f"labels dài {tokens} mà embeddings dài {extra + tokens}: mọi nhãn lệch {extra} vị trí", f"labels are {tokens} long, embeddings {extra + tokens}: every label is off by {extra}", got=named)  # fmt: skip
        if list(named.shape) != [rows, extra + tokens]:
            raise Wrong("labels-differ", f"labels phải là [{rows}, {extra + tokens}]", f"labels must be [{rows}, {extra + tokens}]", got=named)  # fmt: skip
        if bool((named[:, :extra] != -100).any()):
            count = int((named[:, :extra] != -100).sum())
            raise Wrong("virtual-in-loss", f"{count} token ảo tính loss: chúng không phải từ nào, không ai viết ra chúng", f"{count} virtual tokens carry loss: they are no words and nobody writes them", got=named)  # fmt: skip
        if not torch.equal(named[:, extra:], labels):
            raise Wrong("labels-differ", "nhãn của token thật bị đổi; cứ để nguyên, mô hình tự dịch nhãn một bước", "the real tokens' labels are changed; the model shifts by itself", got=named, wanted=labels)  # fmt: skip
        if list(read.shape) != [rows, extra + tokens]:
            raise Wrong("mask-short", f"attention_mask phải là [{rows}, {extra + tokens}]", f"attention_mask must be [{rows}, {extra + tokens}]", got=read)  # fmt: skip
        if not bool(read[:, :extra].all()):
            raise Wrong("prompt-not-read", "attention_mask bằng 0 ở token ảo: không ai đọc chúng, nên chúng không học được gì", "attention_mask is 0 at the virtual tokens: nobody reads them, so they learn nothing", got=read)  # fmt: skip
        if not torch.equal(read[:, extra:], mask):
            raise Wrong("padding-read", "attention_mask của token thật bị đổi: phần đệm bị đọc", "the real tokens' attention_mask is changed: padding is read", got=read, wanted=mask)  # fmt: skip
        found = torch.autograd.grad(vectors.sum(), prompt)[0] if vectors.requires_grad else None
        if found is None or not close(found, torch.full_like(prompt, rows)):
            raise Wrong("gradient-cut", "prompt không nhận đủ gradient từ mọi hàng: nó là thứ duy nhất được học", "the prompt does not get every row's gradient: it is all that is learned", got=found)  # fmt: skip
