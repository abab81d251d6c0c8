"""A batch of two or three texts with pictures, against the model's own `embed`; then gradients, and counts that do not fit."""

from random import Random
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.vision.model import VlmForConditionalGeneration

WORDS, WIDTH = 20, 6
SAID = {
    "restarts-each-row": ("hàng nào cũng lấy lại từ image token đầu tiên: câu hỏi thứ hai nhìn ảnh của câu thứ nhất", "every row begins with the first image token again: the second question sees the first one's picture"),
    "column-by-column": ("các chỗ được lấp theo cột của batch; phải hết hàng thứ nhất rồi mới đến hàng thứ hai", "places are filled column by column of the batch; the whole first row comes before the second"),
    "reversed": ("image token xếp ngược", "the image tokens stand in reverse"),
    "one-for-all": ("mọi chỗ nhận cùng một image token", "all places get the same image token"),
    "added": ("image token được cộng vào embedding của một từ; nó phải thay thế", "the image token is added to a word's embedding; it replaces it"),
    "places-left": ("các chỗ của ảnh vẫn mang embedding của một từ: mô hình không thấy ảnh nào", "the places of images still hold a word's embedding: the model sees no picture"),
}  # fmt: skip


class Ours:
    """As much of the real model as `embed` uses."""

    embed = VlmForConditionalGeneration.embed
    embed_numbered = VlmForConditionalGeneration.embed_numbered

    def __init__(self, table: Tensor, image_id: int) -> None:
        self.config = SimpleNamespace(image_token_id=image_id)
        self._words = nn.Embedding.from_pretrained(table)

    def get_input_embeddings(self) -> nn.Embedding:
        """The words."""
        return self._words


def check(mine: Mine, rng: Random) -> None:
    for rows in (1, 2, 3):
        table, ids, images = draw(rng, rows)
        ours: Any = Ours(table, WORDS)
        compare(mine.merge(table, ids, images, WORDS), ours.embed(ids, images), table, ids, images)
    gradients(mine, *draw(rng, 2))
    table, ids, images = draw(rng, 2)
    for given, vi, en in (
        (images[:-1], "thiếu một image token", "one image token is missing"),
        (torch.cat([images, images[:1]]), "thừa một image token", "one image token too many"),
    ):
        try:
            mine.merge(table, ids, given, WORDS)
        except Wrong:
            raise
        except ValueError:
            continue
        except Exception as error:
            raise Wrong("count-not-checked", f"{vi}: phải báo ValueError nói rõ hai con số, không phải {type(error).__name__}", f"{en}: raise a ValueError with both numbers, not {type(error).__name__}") from error  # fmt: skip
        raise Wrong("count-not-checked", f"{vi} mà không báo: ảnh sẽ lệch sang chỗ của ảnh khác", f"{en}, and nothing is said: pictures slip into each other's places")  # fmt: skip


def draw(rng: Random, rows: int) -> tuple[Tensor, Tensor, Tensor]:
    """Words, and in each row two runs of places at the same columns at least once."""
    length = 12
    ids = torch.tensor([[rng.randrange(WORDS) for _ in range(length)] for _ in range(rows)])
    for row in range(rows):
        start = rng.randint(0, 2)
        ids[row, start : start + rng.randint(3, 4)] = WORDS
        ids[row, rng.randint(8, 9)] = WORDS
    return torch.randn(WORDS, WIDTH), ids, torch.randn(int((ids == WORDS).sum()), WIDTH)


def orders(table: Tensor, ids: Tensor, images: Tensor) -> dict[str, Tensor]:
    """What each known mistake gives."""
    place = ids == WORDS
    words = table[ids.masked_fill(place, 0)]
    restarted = words.clone()
    for row in range(len(ids)):
        restarted[row, place[row]] = images[: int(place[row].sum())]
    turned = words.transpose(0, 1).masked_scatter(place.T.unsqueeze(-1), images).transpose(0, 1)
    added = words.clone()
    added[place] += images
    return {
        "restarts-each-row": restarted,
        "column-by-column": turned,
        "reversed": words.masked_scatter(place.unsqueeze(-1), images.flip(0)),
        "one-for-all": torch.where(place.unsqueeze(-1), images[0], words),
        "added": added,
        "places-left": words,
    }


def compare(got: Any, right: Tensor, table: Tensor, ids: Tensor, images: Tensor) -> None:
    """Raises the misconception that wrong embeddings show."""
    if not isinstance(got, Tensor) or got.shape != right.shape:
        shape = list(got.shape) if isinstance(got, Tensor) else type(got).__name__
        raise Wrong("shape", f"cần tensor {list(right.shape)}, nhận được {shape}", f"a tensor {list(right.shape)} is wanted, got {shape}", got=got)  # fmt: skip
    if close(got, right):
        return
    answers = orders(table, ids, images)
    for name, said in SAID.items():
        if close(got, answers[name]):
            raise Wrong(name, *said)
    words = ids != WORDS
    if not close(got[words], right[words]):
        raise Wrong("words-changed", "embedding của các từ cũng bị đổi; chỉ chỗ của ảnh được thay", "embeddings of words have changed too; only places of images are replaced", got=got[words][0], wanted=right[words][0])  # fmt: skip
    raise Wrong("places-differ", "image token nằm sai chỗ", "the image tokens stand in the wrong places", got=got[~words][0], wanted=right[~words][0])  # fmt: skip


def gradients(mine: Mine, table: Tensor, ids: Tensor, images: Tensor) -> None:
    """The projector learns through `images`, the language model through `table`."""
    table, images = table.requires_grad_(), images.requires_grad_()
    weights = torch.randn(*ids.shape, WIDTH)
    got = mine.merge(table, ids, images, WORDS)
    if got.requires_grad:
        (got * weights).sum().backward()
    if images.grad is None or not close(images.grad, weights[ids == WORDS]):
        raise Wrong("gradient-cut", "gradient không về tới images (.data, detach hay no_grad?): projector sẽ không học được gì", "no gradient reaches images (.data, detach or no_grad?): the projector would learn nothing", got=images.grad)  # fmt: skip
    if table.grad is None or not bool(table.grad.any()):
        raise Wrong("gradient-cut", "gradient không về tới table", "no gradient reaches table", got=table.grad)
