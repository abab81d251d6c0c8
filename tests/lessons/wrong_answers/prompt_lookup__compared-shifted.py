def draft(tokens: list[int], ngram: int, length: int) -> list[int]:
    for size in range(min(ngram, len(tokens) - 1), 0, -1):
        last = tokens[-size:]
        for place in range(len(tokens) - size - 1, -1, -1):
            if tokens[place : place + size] == last:
                return tokens[place + size : place + size + length]
    return []


def accept(guess: list[int], choices: list[int]) -> list[int]:
    agreed = 0
    while agreed < len(guess) and guess[agreed] == choices[agreed + 1]:
        agreed += 1
    return [*guess[:agreed], choices[agreed]]
