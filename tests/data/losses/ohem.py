"""Writes ohem.json beside this file: online hard example mining as HRNet's training code does it
(`OhemCrossEntropy` in lib/core/criterion.py of HRNet/HRNet-Semantic-Segmentation, branch pytorch),
in double precision. `pip install torch`."""

import json
import pathlib

import torch
from torch.nn import functional as F

IGNORED = 255


def ohem(score, target, thresh, min_kept):
    """`_ohem_forward`, without class weights."""
    pred = F.softmax(score, dim=1)
    pixel_losses = F.cross_entropy(
        score, target, ignore_index=IGNORED, reduction="none"
    ).contiguous().view(-1)
    mask = target.contiguous().view(-1) != IGNORED
    tmp_target = target.clone()
    tmp_target[tmp_target == IGNORED] = 0
    pred = pred.gather(1, tmp_target.unsqueeze(1))
    pred, ind = pred.contiguous().view(-1)[mask].contiguous().sort()
    min_value = pred[min(min_kept, pred.numel() - 1)]
    threshold = max(min_value, thresh)
    pixel_losses = pixel_losses[mask][ind]
    pixel_losses = pixel_losses[pred < threshold]
    return pixel_losses.mean()


def case(number, shape, thresh, min_kept, ignored):
    random = torch.Generator().manual_seed(number)
    n, c, h, w = shape
    logits = (2.0 * torch.randn(shape, generator=random, dtype=torch.float64)).requires_grad_()
    labels = torch.randint(0, c, (n, h, w), generator=random)
    if ignored:
        labels[torch.rand((n, h, w), generator=random) < ignored] = IGNORED
    loss = ohem(logits, labels, thresh, min_kept)
    loss.backward()
    settings = {"kind": "cross_entropy", "ohem_threshold": thresh, "ohem_least": min_kept}
    return {
        "id": f"ohem.{number}",
        "family": "dicebench",
        "reference": {
            "library": "HRNet-Semantic-Segmentation on torch",
            "version": torch.__version__,
            "callable": "OhemCrossEntropy",
            "args": {"thres": thresh, "min_kept": min_kept},
        },
        "activation": "softmax_stable",
        "params": {"loss": settings},
        "shape": list(shape),
        "logits": logits.detach().flatten().tolist(),
        "labels": labels.flatten().tolist(),
        "loss": loss.item(),
        "grad": logits.grad.flatten().tolist(),
        "dtype": "float64",
        "tol": {"loss": 1e-9, "grad": 1e-8},
    }


CASES = [
    case(1, (2, 3, 5, 6), 0.7, 1, 0.0),
    case(2, (2, 3, 5, 6), 0.05, 20, 0.0),
    case(3, (1, 4, 6, 5), 0.3, 12, 0.3),
    case(4, (2, 2, 4, 4), 0.5, 8, 0.1),
]
file = {"schema": 1, "set": "open", "family": "dicebench", "count": len(CASES), "cases": CASES}
pathlib.Path(__file__).with_name("ohem.json").write_text(json.dumps(file) + "\n")
