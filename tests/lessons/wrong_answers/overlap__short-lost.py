from smolcourse.data.text import comparable


def grams(words, size):
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def overlap(questions, rows):
    asked = [comparable(question).split() for question in questions]
    found = set()
    for row in rows:
        words = comparable(row).split()
        for place, own in enumerate(asked):
            size = 8
            mine, held = grams(own, size), grams(words, size)
            if len(own) >= 4 and mine and len(mine & held) >= 0.7 * len(mine):
                found.add(place)
    return sorted(found)
