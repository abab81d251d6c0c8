# vi 🐕 prompt_lookup: đoán trước vài token bằng cách chép lại prompt, rồi nhờ mô hình duyệt.
# vi Viết hai hàm bên dưới rồi chạy: smol check prompt_lookup
# vi Bài học: smol learn 7 speculative      Gợi ý: smol hint prompt_lookup
# en 🐕 prompt_lookup: guess some tokens by copying the prompt, then let the model say which are right.
# en Write the two functions below, then run: smol check prompt_lookup
# en Lesson: smol learn 7 speculative      Hint: smol hint prompt_lookup


def draft(tokens: list[int], ngram: int, length: int) -> list[int]:
    """Tokens that may come next, copied from where the last few tokens stood before.

    The last `ngram` tokens are looked for at an earlier place, overlapping their own or not; of several places the latest
    counts. If they stood nowhere before, the last `ngram` - 1 are tried, and so on down to 1.

    Args:
        tokens: prompt and answer so far.
        ngram: at most so many of the last tokens are looked for; at least 1.
        length: at most so many tokens are copied.

    Returns:
        What followed at that place; nothing where even the last token is new.
    """
    # TODO
    raise NotImplementedError


def accept(guess: list[int], choices: list[int]) -> list[int]:
    """The tokens that greedy decoding would have written, as far as one look at the model tells.

    Args:
        guess: k drafted tokens; k may be 0.
        choices: k + 1 tokens. choices[i] is the model's own next token behind the first i tokens of the guess.

    Returns:
        The guess as far as the model agrees, and one token more: what the model says there itself.
    """
    # TODO
    raise NotImplementedError
