from smolcourse.data.text import comparable


def overlap(questions, rows):
    asked = [comparable(question) for question in questions]
    found = set()
    for row in rows:
        text = f" {comparable(row)} "
        found |= {place for place, question in enumerate(asked) if len(question.split()) >= 4 and f" {question} " in text}
    return sorted(found)
