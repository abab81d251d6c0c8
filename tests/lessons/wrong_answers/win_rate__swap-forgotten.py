def win_rate(judge, questions, first, second):
    said = [judge(q, a, b) for q, a, b in zip(questions, first, second, strict=False)]
    return [{"B": 1.0, "A": 0.0}.get(verdict, 0.5) for verdict in said], 1.0, said.count("A") / len(said)
