"""A model that shows at once what it was given: its next token depends on every real token, its position, and nothing else."""

from random import Random
from typing import Any

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong

WORDS = 40


class Recorded:
    """logits [N, T, V]: waves of a token's own numbers and the sum of what real tokens up to it add, each weighted by its
    position. Keeps what it was asked."""

    def __init__(self) -> None:
        self.table = torch.randn(WORDS, WORDS, dtype=torch.float64)
        self.own = torch.randn(WORDS, WORDS, dtype=torch.float64)
        self.place = torch.rand(200, 1, dtype=torch.float64) + 0.5
        self.asked: list[tuple[Tensor, Tensor, Tensor]] = []

    def __call__(self, ids: Tensor, mask: Tensor, positions: Tensor) -> Tensor:
        sizes = [list(part.shape) for part in (ids, mask, positions)]
        if sizes[0] != sizes[1] or sizes[0] != sizes[2]:
            raise Wrong("mask-not-extended", f"ids, mask, positions phải cùng cỡ, nhưng là {sizes}: mỗi token mới cần thêm một số 1 vào mask và một vị trí", f"ids, mask and positions must have one size, they are {sizes}: every new token needs a 1 in the mask and a position", read="batching")  # fmt: skip
        if int(positions.min()) < 0:
            raise Wrong(
                "negative-position", "có vị trí âm (ở chỗ đệm): kẹp về 0", "a position is negative (at padding): clamp it to 0"
            )
        self.asked.append((ids.clone(), mask.clone(), positions.clone()))
        given = self.table[ids] * self.place[positions] * mask[..., None]
        return (5 * given.cumsum(dim=1) + self.own[ids]).sin()


def check(mine: Mine, rng: Random) -> None:
    for kind in ("one length", "lengths", "lengths", "pad inside", "one"):
        model, count = Recorded(), 1 if kind == "one" else rng.randint(3, 5)
        lengths = [6] * count if kind == "one length" else rng.sample(range(2, 12), count)
        prompts = [[rng.randrange(1, WORDS) for _ in range(length)] for length in lengths]
        limit = rng.randint(10, 16)
        end = alone(model, prompts[0], limit, -1)[rng.randint(2, 6)]  # so that at least one answer ends early
        pad = 0 if kind == "lengths" and rng.random() < 0.5 else end
        if kind == "pad inside":
            for prompt in prompts:
                prompt[rng.randrange(len(prompt))] = pad
        compare(mine, model, prompts, limit, pad, end)


def alone(model: Recorded, prompt: list[int], limit: int, end: int) -> list[int]:
    tokens = list(prompt)
    while len(tokens) < len(prompt) + limit:
        ids = torch.tensor([tokens])
        token = int(model(ids, torch.ones_like(ids), torch.arange(len(tokens))[None])[0, -1].argmax())
        if token == end:
            break
        tokens.append(token)
    return tokens[len(prompt) :]


def compare(mine: Mine, model: Recorded, prompts: list[list[int]], limit: int, pad: int, end: int) -> None:
    """What the model was asked tells which mistake is left."""
    wanted = [alone(model, prompt, limit, end) for prompt in prompts]
    model.asked.clear()
    got: Any = mine.answer_all(model, prompts, limit, pad, end)
    shown = {"got": got, "wanted": wanted}
    if got == wanted:
        if len(model.asked) > limit:
            raise Wrong("not-a-batch", f"đúng, nhưng mô hình được hỏi {len(model.asked)} lần cho {limit} token: các hàng phải được tính cùng lúc", f"right, but the model was asked {len(model.asked)} times for {limit} tokens: rows are to be computed together")  # fmt: skip
        return
    if not isinstance(got, list) or len(got) != len(prompts):
        raise Wrong("shape", f"cần {len(prompts)} câu trả lời", f"{len(prompts)} answers are wanted", got=got)
    if not model.asked:
        raise Wrong("model-not-asked", "mô hình chưa được hỏi lần nào", "the model was never asked", **shown)
    ids, mask, positions = model.asked[0]
    longest = max(map(len, prompts))
    for row, prompt in enumerate(prompts):
        short = longest - len(prompt)
        if len(ids) == len(prompts) and ids.shape[1] == longest and short:
            if ids[row, : len(prompt)].tolist() == prompt and ids[row, short:].tolist() != prompt:
                raise Wrong("padded-right", "đệm ở bên phải: token mới được viết sau phần đệm, và logits ở vị trí cuối là của token đệm. Khi viết, phải đệm bên trái", "padded on the right: new tokens come behind the padding, and the logits at the last place are a padding token's. For writing, pad on the left", **shown)  # fmt: skip
            if mask[row, :short].any():
                raise Wrong("padding-read", "mask bằng 1 ở phần đệm: mô hình đọc cả token đệm", "the mask is 1 at padding: the model reads it", **shown)  # fmt: skip
        if len(ids) == len(prompts) and not mask[row, short:].all():
            raise Wrong("real-token-hidden", f"mask che {int((mask[row, short:] == 0).sum())} token thật, vì chúng trùng số với pad: đếm theo độ dài, đừng so với pad", f"the mask hides {int((mask[row, short:] == 0).sum())} real tokens, which are the same number as pad: go by lengths, do not compare with pad", **shown)  # fmt: skip
        if len(ids) == len(prompts) and positions[row, short:].tolist() != list(range(len(prompt))):
            raise Wrong("padding-counted", f"vị trí của token thật đầu tiên là {int(positions[row, short])}: phần đệm bị đếm vào. Token thật đầu tiên đứng ở 0", f"the first real token stands at {int(positions[row, short])}: padding was counted. It stands at 0", **shown)  # fmt: skip
    for ids, mask, positions in model.asked[1:]:
        if (mask[:, longest:] == 0).any() and len(ids) == len(prompts):
            raise Wrong("real-token-hidden", "mask che token vừa viết ra", "the mask hides tokens just written", **shown)
        wanted_positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        if not torch.equal(positions[mask == 1], wanted_positions[mask == 1]):
            raise Wrong("positions-stand-still", "token mới phải đứng tiếp theo token thật trước nó", "a new token stands behind the real one before it", **shown)  # fmt: skip
    if all(one[: len(other)] == other for one, other in zip(got, wanted, strict=True)):
        raise Wrong("goes-on-after-end", "hàng đã viết end mà vẫn được thêm token (hoặc end nằm trong câu trả lời): mỗi hàng dừng riêng", "a row that has written end still gets tokens (or end is in its answer): each row stops for itself", **shown)  # fmt: skip
    if all(one == other[: len(one)] for one, other in zip(got, wanted, strict=True)):
        raise Wrong("first-end-ends-all", "một hàng xong là cả batch dừng: câu trả lời của các hàng khác bị cụt", "one row ends and the whole batch stops: the others' answers are cut short", **shown)  # fmt: skip
    raise Wrong(
        "answers-differ", "câu trả lời trong batch khác khi hỏi riêng", "answers in the batch differ from those alone", **shown
    )
