# vi 🐕 make_pairs: từ câu mô hình tự trả lời đến cặp so sánh.
# vi Viết hàm bên dưới rồi chạy: smol check make_pairs
# vi Bài học: smol learn 2 own-pairs      Gợi ý: smol hint make_pairs
# en 🐕 make_pairs: from what the model answered itself to preference pairs.
# en Write the function below, then run: smol check make_pairs
# en Lesson: smol learn 2 own-pairs      Hint: smol hint make_pairs

from typing import Any


def make_pairs(samples: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Pairs each right answer with each wrong one of the same prompt.

    Args:
        samples: {"prompt": str, "answer": str, "score": float}, in any order. Score 1.0 is right, anything below is wrong,
            0.9 too. The same answer may have been sampled several times.

    Returns:
        {"prompt", "chosen", "rejected"}, in any order, no two alike. A prompt whose answers are all right, or all wrong,
        gives no pair: there is nothing to prefer.
    """
    # TODO
    raise NotImplementedError
