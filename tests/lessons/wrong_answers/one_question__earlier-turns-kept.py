def one_question_rows(row):
    messages = row["messages"]
    ends = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    return [{"messages": messages[: end + 1], "images": list(row["images"])} for end in ends]
