"""Writes tvmf.json beside this file: t-vMF Dice (Kato & Hotta 2022) as `tvMF_DiceLoss` in loss.py of
usagisukisuki/Adaptive_t-vMF_Dice_loss defines it, in double precision. `pip install torch`."""

import json
import pathlib

import torch
from torch.nn import functional as F

IGNORED = 255


def tvmf_dice(logits, labels, kappa):
    """A vector per class over the whole batch; at an ignored pixel neither has a number."""
    classes = logits.shape[1]
    probs = torch.softmax(logits, dim=1) * (labels != IGNORED).unsqueeze(1)
    truth = torch.stack([labels == label for label in range(classes)]).double()
    vectors = [x.flatten(1) for x in (probs.transpose(0, 1), truth)]
    p, y = (F.normalize(x, dim=1) for x in vectors)
    cosine = (p * y).sum(dim=1)
    t = (1 + cosine) / (1 + kappa * (1 - cosine)) - 1
    return ((1 - t) ** 2).mean()


def case(number, shape, kappa, classes, ignored):
    random = torch.Generator().manual_seed(number)
    n, c, h, w = shape
    logits = (2.0 * torch.randn(shape, generator=random, dtype=torch.float64)).requires_grad_()
    labels = torch.randint(0, classes, (n, h, w), generator=random)
    if ignored:
        labels[torch.rand((n, h, w), generator=random) < ignored] = IGNORED
    loss = tvmf_dice(logits, labels, kappa)
    loss.backward()
    return {
        "id": f"tvmf.{number}",
        "family": "dicebench",
        "reference": {
            "library": "tvMF_DiceLoss written with torch",
            "version": torch.__version__,
            "callable": "tvmf_dice of tvmf.py",
            "args": {"kappa": kappa},
        },
        "activation": "softmax_stable",
        "params": {"loss": {"kind": "tvmf_dice", "kappa": kappa}},
        "shape": list(shape),
        "logits": logits.detach().flatten().tolist(),
        "labels": labels.flatten().tolist(),
        "loss": loss.item(),
        "grad": logits.grad.flatten().tolist(),
        "dtype": "float64",
        "tol": {"loss": 1e-9, "grad": 1e-8},
    }


CASES = [
    case(1, (2, 3, 5, 6), 0.0, 3, 0.0),
    case(2, (2, 3, 5, 6), 32.0, 3, 0.0),
    # The last class is absent.
    case(3, (1, 4, 6, 5), 2.0, 3, 0.0),
    case(4, (2, 2, 4, 4), 8.0, 2, 0.3),
]
file = {"schema": 1, "set": "open", "family": "dicebench", "count": len(CASES), "cases": CASES}
pathlib.Path(__file__).with_name("tvmf.json").write_text(json.dumps(file) + "\n")
