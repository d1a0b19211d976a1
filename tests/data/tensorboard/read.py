"""Writes read.json beside this file: what TensorBoard itself reads in `run.tfevents`, the event file of
the run in `tests/it/home.rs`. `pip install tensorboard`."""

import json
import math
import pathlib

import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

HERE = pathlib.Path(__file__).parent
events = EventAccumulator(str(HERE / "run.tfevents"), size_guidance={"scalars": 0})
events.Reload()


def row(event):
    value = event.value if math.isfinite(event.value) else str(event.value)
    return [event.step, event.wall_time, value]


scalars = {tag: [row(event) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
read = {"tensorboard": tensorboard.__version__, "version": events.file_version, "scalars": scalars}
(HERE / "read.json").write_text(json.dumps(read, indent=1, ensure_ascii=False) + "\n")
