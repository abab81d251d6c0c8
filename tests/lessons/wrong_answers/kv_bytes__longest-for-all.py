def kv_bytes(layers: int, heads: int, kv_heads: int, width: int, tokens: list[int], shared: int, bytes_per_number: int) -> int:
    held = shared + len(tokens) * (max(tokens) - shared)
    return 2 * layers * kv_heads * (width // heads) * held * bytes_per_number
