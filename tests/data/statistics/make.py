"""Writes scipy.json beside this file: what SciPy says of paired samples. `pip install scipy`."""

import json
import pathlib

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(7)
CASES = {}


def add(name, a, b):
    d = np.asarray(a) - np.asarray(b)
    case = {"a": list(map(float, a)), "b": list(map(float, b)), "mean": float(d.mean())}
    nonzero = d[d != 0]
    ties = len(np.unique(np.abs(nonzero))) < len(nonzero)
    if len(nonzero) == len(d) and not ties and len(d) <= 30:
        case["exact"] = float(stats.wilcoxon(a, b, method="exact").pvalue)
    if len(nonzero):
        approx = stats.wilcoxon(a, b, method="approx", zero_method="wilcox", correction=False)
        case["approx"] = float(approx.pvalue)
    boot = stats.bootstrap((d,), np.mean, n_resamples=200_000, method="percentile",
                           confidence_level=0.95, rng=np.random.default_rng(1), vectorized=True, batch=2_000)
    case["interval"] = [float(boot.confidence_interval.low), float(boot.confidence_interval.high)]
    case["standard_error"] = float(boot.standard_error)
    CASES[name] = case


def dice(n, mean, sd):
    return np.clip(rng.normal(mean, sd, n), 0, 1)


a = dice(24, 0.7, 0.1)
add("clearly better", a, np.clip(a - 0.05 + rng.normal(0, 0.02, 24), 0, 1))
add("nothing in it", dice(24, 0.6, 0.1), dice(24, 0.6, 0.1))
add("few", [0.5, 0.6, 0.7, 0.81, 0.35], [0.4, 0.62, 0.61, 0.7, 0.3])
add("ties and zeros", [0.5, 0.5, 0.75, 0.25, 1, 1, 0.5, 0.75, 0, 0.5], [0.25, 0.5, 0.5, 0.5, 0.5, 1, 0, 0.25, 0.25, 0.25])
b = dice(120, 0.5, 0.2)
add("many", b, np.clip(b + rng.normal(0.01, 0.05, 120), 0, 1))

path = pathlib.Path(__file__).with_name("scipy.json")
path.write_text(json.dumps({"library": f"scipy {scipy.__version__}", "cases": CASES}, indent=1) + "\n")
