"""What an author's check is written with: `check(mine, rng)` calls the learner's functions and raises `Wrong` with a name.

A check runs in the sandbox's process, never in the learner's shell.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from hashlib import sha256
from itertools import combinations
from types import ModuleType
from typing import Any, TypeVar

_T = TypeVar("_T")
_NOTHING = object()
_LONGEST = 600  # characters of a value that are shown


class Wrong(Exception):
    """A misconception, by name. The sentence says what the learner believes, in numbers where there are any.

    Args:
        name: of the misconception, the same for ever: `user-in-mask`.
        vi: what is wrong, in Vietnamese.
        en: the same in English.
        got: what the learner's function returned, if that helps.
        wanted: what it should have returned.
        read: the block of the lesson that explains it; the exercise's own section if not given.
        constant: the mistake itself gives one result for all inputs, which is then no sign of a result written down.
    """

    def __init__(
        self, name: str, vi: str, en: str, *, got: Any = _NOTHING, wanted: Any = _NOTHING, read: str = "", constant: bool = False
    ) -> None:
        super().__init__(name)
        self.name, self.vi, self.en, self.read, self.constant = name, vi, en, read, constant
        self.got = "" if got is _NOTHING else show(got)
        self.wanted = "" if wanted is _NOTHING else show(wanted)


class Mine:
    """The learner's functions. Each call is remembered; one that returns None or changes its arguments is named at once."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self.last_call = ""
        self.returned: list[tuple[str, str]] = []  # fingerprints of (arguments, result), of every call

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self._module, name, None)
        if not callable(function):
            raise Wrong("missing-function", f"tệp không còn hàm {name}", f"the file has no function {name} any more")
        return partial(self._call, name, function)

    def _call(self, name: str, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        shown = ", ".join([*map(show, arguments), *(f"{key}={show(value)}" for key, value in named.items())])
        self.last_call = f"{name}({shown})"
        before = [_frozen(argument) for argument in arguments]
        result = function(*arguments, **named)
        if result is None:
            raise Wrong("returns-nothing", f"{name} không trả về gì (thiếu return?)", f"{name} returns nothing (no return?)")
        for argument, kept in zip(arguments, before, strict=True):
            if not _equal(_frozen(argument), kept):
                raise Wrong(
                    "changes-arguments",
                    f"{name} sửa thẳng vào tham số nó nhận; lần gọi sau sẽ nhận dữ liệu đã hỏng",
                    f"{name} changes the argument it was given; whoever calls it next gets damaged data",
                )
        self.returned.append((_fingerprint(arguments), _fingerprint(result)))
        return result


def close(got: Any, wanted: Any, *, tolerance: float = 1e-4) -> bool:
    """Whether two tensors or numbers agree: absolute plus relative tolerance; shapes must be equal, nan equals nothing."""
    import torch

    left, right = torch.as_tensor(got).detach().double(), torch.as_tensor(wanted).detach().double()
    return left.shape == right.shape and bool(torch.allclose(left, right, rtol=tolerance, atol=tolerance))


def alike(left: Any, right: Any) -> bool:
    """Whether two plain values are the same: numbers within 1e-9, nan and nan too, and so inside lists, tuples and dicts."""
    if isinstance(left, float) or isinstance(right, float):
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)):
            return False
        return bool(abs(left - right) <= 1e-9 * max(1.0, abs(left), abs(right)) or (left != left and right != right))
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(alike(left[key], right[key]) for key in left)
    return bool(left == right)


def apart(draw: Callable[[], _T], answers: Callable[[_T], Mapping[str, Any]]) -> _T:
    """Inputs on which all these answers, the right one and those of the known mistakes, differ: `draw()` again until they do.

    So no mistake can look like another or like the right answer, whatever the seed.
    """
    for _ in range(2000):
        given = draw()
        if not any(alike(one, other) for one, other in combinations(answers(given).values(), 2)):
            return given
    raise AssertionError("no inputs were drawn that tell these answers apart")


def blame(got: Any, answers: Mapping[str, Any], said: Mapping[str, tuple[str, str]], *, read: str = "") -> None:
    """Raises `Wrong` by the name of the known mistake that gives `got`; `differs` for none of them.

    Args:
        answers: what each mistake gives, and `right`.
        said: of each mistake, and of `differs`, what to say in Vietnamese and English.
    """
    if alike(got, answers["right"]):
        return
    name = next((name for name in said if name in answers and alike(got, answers[name])), "differs")
    raise Wrong(name, *said[name], got=got, wanted=answers["right"], read=read)


def need_scalar(name: str, value: Any) -> None:
    """Raises `Wrong` unless the value is a finite tensor of no dimensions that carries a gradient."""
    import torch

    if not isinstance(value, torch.Tensor) or value.dim() != 0:
        kind = f"tensor {list(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise Wrong(
            "not-a-scalar",
            f"{name} phải trả về tensor vô hướng, không phải {kind}",
            f"{name} must return a scalar tensor, not {kind}",
            got=value,
        )
    if not torch.isfinite(value):
        raise Wrong("not-finite", f"{name} trả về {value.item()}", f"{name} returns {value.item()}", got=value)
    if not value.requires_grad:
        raise Wrong(
            "gradient-cut",
            f"{name} trả về một số không còn gradient (.item(), .detach() hay no_grad?): mô hình sẽ không học được gì",
            f"{name} returns a number without a gradient (.item(), .detach() or no_grad?): the model would learn nothing",
            got=value,
        )


def gradient(function: Callable[..., Any], at: Any, *others: Any) -> Any:
    """The gradient of `function(at, *others)` with respect to its first argument."""
    import torch

    leaf = at.detach().clone().requires_grad_()
    (result,) = torch.autograd.grad(function(leaf, *others), leaf)
    return result


def show(value: Any) -> str:
    """A value as the learner would write it, short: tensors with four digits and their shape."""
    kind = type(value)
    if kind.__module__.startswith("torch") and hasattr(value, "detach"):
        numbers = value.detach()
        text = str(numbers.item() if numbers.dim() == 0 else [_rounded(item) for item in numbers.reshape(-1)[:24].tolist()])
        dots = ", …]" if numbers.numel() > 24 else ""
        return f"{text[:-1] if dots else text}{dots}" + (f" {list(numbers.shape)}" if numbers.dim() > 1 else "")
    if hasattr(value, "apply_chat_template"):
        return "tokenizer"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _frozen(value: Any) -> Any:
    """A copy to compare with later; objects that are no data (tokenizers, models) are not looked into."""
    if hasattr(value, "detach") and hasattr(value, "shape"):
        return value.detach().clone()
    if isinstance(value, (list, tuple)):
        return [_frozen(item) for item in value]
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _frozen(getattr(value, item.name)) for item in fields(value)}
    return copy.copy(value) if isinstance(value, (int, float, str, bool, set, type(None))) else id(value)


def _fingerprint(value: Any) -> str:
    """A few letters that tell one value from another."""
    return sha256(repr(_plain(_frozen(value))).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _equal(one: Any, other: Any) -> bool:
    if hasattr(one, "detach"):
        import torch

        return bool(torch.equal(one, other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)
