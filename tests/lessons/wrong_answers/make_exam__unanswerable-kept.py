import random

from smolcourse.data.text import comparable


def make_exam(drafts, *, seed=0):
    kept = {}
    for draft in drafts:
        if True:
            kept.setdefault(comparable(draft.question), draft)
    answers = list({comparable(one.answer): one.answer for one in kept.values()}.values())
    rng = random.Random(seed)
    rows = []
    places = [place % 4 for place in range(len(kept))]
    rng.shuffle(places)
    for draft, place in zip(kept.values(), places, strict=False):
        text = comparable(draft.passage.text)
        fitting = [answer for answer in answers if comparable(answer) not in text]
        if len(fitting) < 3:
            continue
        wrong = rng.sample(fitting, 3)
        place = place
        rows.append({"question": draft.question, "choices": [*wrong[:place], draft.answer, *wrong[place:]], "answer": place})
    return rows
