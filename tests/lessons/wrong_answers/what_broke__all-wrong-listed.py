from smolcourse.evaluation.statistics import holm, mcnemar


def what_broke(lines, metrics, before, after):
    right = {(line["task"], line["model"], line["index"]): line["scores"].get(metrics[line["task"]]) == 1 for line in lines}
    lost, gained = {}, {}
    for task in metrics:
        places = sorted(index for name, model, index in right if (name, model) == (task, before))
        lost[task] = [i for i in places if right[task, before, i] and not right[task, after, i]]
        gained[task] = [i for i in places if right[task, after, i] and not right[task, before, i]]
    p_values = holm([mcnemar(len(lost[task]), len(gained[task])) for task in metrics])
    return {
        task: [index for name, model, index in sorted(right) if (name, model) == (task, after) and not right[name, model, index]]
        for task, p in zip(metrics, p_values, strict=False)
        if p < 0.05 and len(lost[task]) > len(gained[task])
    }
