"""Runs exported losses beside the values of Dicebench's engine.

usage: check.py CASES.json   Prints one JSON object: {"ran": {framework: count}, "wrong": [...]}.
A framework that is not installed is left out.
"""

import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")
# Each of a case's texts is run as it is: nothing here knows a loss.
available = set()
try:
    import torch

    available.add("pytorch")
    torch.set_num_threads(1)
except ImportError:
    torch = None
if torch is not None:
    try:
        import monai.losses  # noqa: F401

        available.add("monai")
    except ImportError:
        pass
    try:
        import keras

        if keras.backend.backend() == "torch":
            available.add("keras")
    except ImportError:
        pass


def run(case):
    space = {}
    exec(compile(case["code"], case["name"], "exec"), space)
    logits = torch.tensor(case["logits"], dtype=torch.float64).reshape(case["shape"])
    labels = torch.tensor(case["labels"]).reshape(
        case["shape"][0], *case["shape"][2:]
    )
    logits.requires_grad_()
    if case["framework"] == "keras":
        value = space["loss"](labels, logits.permute(0, 2, 3, 1))
    else:
        value = space["loss"](logits, labels)
    (grad,) = torch.autograd.grad(value, logits, allow_unused=True)
    grad = torch.zeros_like(logits) if grad is None else grad
    return value.item(), grad.flatten()


def check(case):
    try:
        value, grad = run(case)
    except NotImplementedError as error:
        return None if case["unsupported"] else f"not implemented: {error}"
    except Exception as error:  # The test names the case.
        return f"{type(error).__name__}: {error}"
    if case["unsupported"]:
        return "runs, although its text says that it is not supported"
    expected = torch.tensor(case["grad"], dtype=torch.float64)
    tolerance = case["tolerance"]
    if not abs(value - case["loss"]) <= tolerance * max(1.0, abs(case["loss"])):
        return f"loss {value}, expected {case['loss']}"
    worst = (grad - expected).abs().max().item()
    if not worst <= tolerance * max(expected.abs().max().item(), 1e-4):
        return f"gradient off by {worst}, largest {expected.abs().max().item()}"
    return None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    ran, wrong = {}, []
    for case in cases:
        # A text that is no Python is wrong wherever Python is.
        try:
            compile(case["code"], case["name"], "exec")
        except SyntaxError as error:
            wrong.append(f"{case['name']}: {error}")
            continue
        if case["framework"] not in available:
            continue
        ran[case["framework"]] = ran.get(case["framework"], 0) + 1
        problem = check(case)
        if problem is not None:
            wrong.append(f"{case['name']}: {problem}")
    print(json.dumps({"ran": ran, "wrong": wrong}))


main()
