# vi 🦁 adapter_switch: đổi adapter vài lần, mô hình dở dần. Tìm lỗi.
# vi Hàm bên dưới chạy được, và trông có vẻ đúng với những adapter đầu tiên (alpha = r), nhưng có lỗi.
# vi Sửa rồi chạy: smol check adapter_switch
# vi Bài học: smol learn 3 switch      Gợi ý: smol hint adapter_switch
# en 🦁 adapter_switch: a few changes of adapter, and the model gets worse. Find out why.
# en The function below runs, and with the first adapters (alpha = r) it seemed right. It is wrong.
# en Mend it: smol check adapter_switch
# en Lesson: smol learn 3 switch      Hint: smol hint adapter_switch

from torch import Tensor


def switch(weight: Tensor, merged: str | None, wanted: str | None, adapters: dict[str, tuple[Tensor, Tensor, float]]) -> Tensor:
    """A matrix with another adapter merged in.

    Args:
        weight: [outputs, inputs]; holds the adapter `merged`, or none.
        merged: the adapter that is in `weight` now; None for the bare base.
        wanted: the one that shall be in it; None for the bare base. May be the one that is there.
        adapters: name -> (A [r, inputs], B [outputs, r], alpha). Ranks and alphas differ.

    Returns:
        base + (alpha / r) B A of `wanted`, and nothing else, in a new tensor.
    """
    if wanted is None:
        if merged is None:
            return weight.clone()
        a, b, alpha = adapters[merged]
        return weight - b @ a
    a, b, alpha = adapters[wanted]
    scale = alpha / a.shape[0]
    if merged is not None and merged != wanted:
        old_a, old_b, _ = adapters[merged]
        weight = weight - scale * (old_b @ old_a)
    return weight + scale * (b @ a)
