"""Deployed exercises: a server's answers to fresh items are scored, and held against those of the run in memory."""

from collections.abc import Callable

from smolcourse.course.checker import Result
from smolcourse.course.lessons import Exercise, Goal, Text
from smolcourse.course.runcheck import fresh_items, score
from smolcourse.errors import SmolError
from smolcourse.language import tr
from smolcourse.training.runs import Run


def check_served(exercise: Exercise, goal: Goal, run: Run, say: Callable[[str], None], seed: int) -> Result:
    """Asks the server at `goal.served` and the run the same.

    Args:
        run: whose model the server is to serve.
        say: gets one line before the minutes that it takes.
        seed: of the fresh items.
    """
    from smolcourse.evaluation.compare import evaluate
    from smolcourse.inference.endpoint import Endpoint

    size = goal.size
    say(tr(f"Hỏi {goal.served} và {run.name} cùng {size} mục mới…", f"{size} fresh items for {goal.served} and {run.name}…"))
    task = fresh_items(run, goal, seed)
    longest = max(len(item.gold.encode()) for item in task.items)  # a token is at least one byte
    server = Endpoint(goal.served, retries=1)
    try:
        there = evaluate(task, lambda prompts: server.answers(prompts, longest), model=goal.served).interval().value
    except SmolError as error:
        vi, en = f"máy chủ ở {goal.served} chưa trả lời", f"no answer yet from the server at {goal.served}"
        reason = str(error).splitlines()[0]
        return Result(exercise, "needs a run", "no-server", Text(vi, en), "", reason, "smol serve latest", exercise.section)
    here = score(run, goal, seed)
    facts = f"{goal.served}: {there:.1%}, {run.name}: {here:.1%}"
    lost, allowed = 100 * (here - there), f"{100 * goal.drop:g}"
    if here - there > goal.drop + 1e-9:
        vi = f"trên cùng những đơn, máy chủ kém mô hình trong bộ nhớ {lost:.1f} điểm phần trăm (cho phép {allowed})"
        en = f"on the same items the server scores {lost:.1f} points less than the model in memory ({allowed} are allowed)"
        return Result(exercise, "failing", "score-lost", Text(vi, en), got=facts, section="parity")
    if there < goal.score - goal.tolerance:
        vi = f"điểm của máy chủ là {there:.1%}, cần {goal.score:.0%} (cho phép lệch {goal.tolerance:.0%})"
        en = f"the server scores {there:.1%}, {goal.score:.0%} is needed (give or take {goal.tolerance:.0%})"
        return Result(exercise, "failing", "score-too-low", Text(vi, en), got=facts, section=exercise.section)
    return Result(exercise, "passing", got=facts)
