"""Loads exported weights with the exported module and compares what it computes.

Usage: network.py CASES.json, a list of {module, weights, shape, input, logits, image, size, prepared}.
Prints {"ran": number of cases, "wrong": [texts]}; without PyTorch only the syntax is checked.
"""

import importlib.util
import json
import sys

cases = json.load(open(sys.argv[1]))
wrong = []
ran = 0
for case in cases:
    source = open(case["module"]).read()
    compile(source, "model.py", "exec")
try:
    import torch
except ImportError:
    torch = None
for case in cases if torch else []:
    spec = importlib.util.spec_from_file_location("model", case["module"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net = module.load(case["weights"])
    with torch.no_grad():
        found = net(torch.tensor(case["input"]).reshape(case["shape"])).flatten()
        off = (found - torch.tensor(case["logits"])).abs().max().item()
        image = torch.tensor(case["image"], dtype=torch.uint8).reshape(case["size"])
        prepared = net.prepare(image).flatten()
        apart = (prepared - torch.tensor(case["prepared"])).abs().max().item()
    if not off < 1e-4:
        wrong.append(f"{case['name']}: logits differ by {off}")
    if not apart < 1e-5:
        wrong.append(f"{case['name']}: the prepared image differs by {apart}")
    ran += 1
print(json.dumps({"ran": ran, "wrong": wrong}))
