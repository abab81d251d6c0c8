from smolcourse.data.text import comparable


def overlap(questions, rows):
    asked = [set(comparable(question).split()) for question in questions]
    found = set()
    for row in rows:
        held = set(comparable(row).split())
        found |= {place for place, own in enumerate(asked) if len(own) >= 4 and len(own & held) >= 0.7 * len(own)}
    return sorted(found)
