# vi 🐢 kv_bytes: KV cache chiếm bao nhiêu bộ nhớ?
# vi Viết hàm bên dưới rồi chạy: smol check kv_bytes
# vi Bài học: smol learn 7 cache-memory      Gợi ý: smol hint kv_bytes
# en 🐢 kv_bytes: how much memory does the KV cache take?
# en Write the function below, then run: smol check kv_bytes
# en Lesson: smol learn 7 cache-memory      Hint: smol hint kv_bytes


def kv_bytes(layers: int, heads: int, kv_heads: int, width: int, tokens: list[int], shared: int, bytes_per_number: int) -> int:
    """Bytes of the keys and values of several conversations that are held at once.

    Args:
        layers: of the model; each has a cache of its own.
        heads: query heads; together they are as wide as the model.
        kv_heads: key/value heads, at most `heads`; each is as wide as a query head.
        width: of the model: heads times the size of one head.
        tokens: how long each conversation is, the system prompt counted.
        shared: tokens that all conversations begin with; at most the shortest of them. They are kept once.
        bytes_per_number: 4 for fp32, 2 for fp16.
    """
    # TODO
    raise NotImplementedError
