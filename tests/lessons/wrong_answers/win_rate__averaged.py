def win_rate(judge, questions, first, second):
    pairs = [(judge(q, a, b), judge(q, b, a)) for q, a, b in zip(questions, first, second, strict=False)]
    wins = [({"A": 0.0, "B": 1.0}.get(pair[0], 0.5) + {"A": 1.0, "B": 0.0}.get(pair[1], 0.5)) / 2 for pair in pairs]
    same = sum(pair in (("A", "B"), ("B", "A"), ("C", "C")) for pair in pairs)
    named = [verdict for pair in pairs for verdict in pair if verdict in "AB"]
    return wins, same / len(pairs), named.count("A") / len(named) if named else 0.5
