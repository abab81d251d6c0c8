from smolcourse.data.text import comparable


def grams(words, size):
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def overlap(questions, rows):
    found = []
    for place, question in enumerate(questions):
        own = comparable(question).split()
        mine, hits = grams(own, min(8, len(own))), [0]
        for row in rows:
            hits.append(len(mine & grams(comparable(row).split(), min(8, len(own)))))
        if len(own) >= 4 and max(hits) >= 0.7 * len(mine):
            found.append(place)
    return found
