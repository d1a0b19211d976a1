"""A network that Dicebench trained, in PyTorch alone.

    from model import load
    net = load("best.safetensors")
    labels = net.predict(image)     # [H, W, C] of bytes -> [H, W] of class indices
    net.classes[labels[0, 0]]

Everything else is in the weights' file: widths, classes, normalisation. Height and width must be
multiples of 2 ** depth; nothing is resized here.
"""

import json
import struct

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "gelu": F.gelu,
    "silu": F.silu,
}


class Norm(nn.Module):
    """Batch, group or instance normalisation, with the names that the weights have."""

    def __init__(self, kind, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.groups = 0
        if kind == "batch":
            self.register_buffer("running_mean", torch.zeros(channels))
            self.register_buffer("running_var", torch.ones(channels))
        elif kind == "instance":
            self.groups = channels
        else:
            size = max(n for n in range(1, 9) if channels % n == 0)
            self.groups = channels // size

    def forward(self, x):
        if self.groups:
            return F.group_norm(x, self.groups, self.gamma, self.beta, 1e-5)
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.gamma,
            self.beta,
            self.training,
            0.1,
            1e-5,
        )


class Block(nn.Module):
    def __init__(self, model, inputs, outputs):
        super().__init__()
        bare = model["normalization"] == "none"
        norm = nn.Identity if bare else lambda: Norm(model["normalization"], outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=bare)
        self.norm1 = norm()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bare)
        self.norm2 = norm()
        self.activate = ACTIVATIONS[model["hidden_activation"]]

    def forward(self, x):
        x = self.activate(self.norm1(self.conv1(x)))
        return self.activate(self.norm2(self.conv2(x)))


class Up(nn.Module):
    def __init__(self, model, inputs, outputs):
        super().__init__()
        if model["upsampling"] == "transposed":
            self.transposed = nn.ConvTranspose2d(inputs, outputs, 2, stride=2)
        else:
            self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x):
        if hasattr(self, "transposed"):
            return self.transposed(x)
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class UNet(nn.Module):
    """[N, channels, H, W] -> logits [N, classes, H, W]."""

    def __init__(self, about):
        super().__init__()
        model = json.loads(about["model"])
        channels = int(about["channels"])
        self.classes = json.loads(about["classes"])
        # "softmax", "sigmoid" or "none": what training put on the logits.
        self.activation = about["activation"]
        self.normalize = about.get("normalize", "fixed")
        self.scale = json.loads(about.get("normalization", "null")) or [[0.5, 4.0]] * channels
        depth, base = model["depth"], model["base"]
        width = [base << level for level in range(depth + 1)]
        inputs = [channels] + width[:-1]
        levels = range(depth)
        self.encoder = nn.ModuleList(Block(model, inputs[i], width[i]) for i in levels)
        self.bottom = Block(model, inputs[depth], width[depth])
        self.drop = nn.Dropout2d(model["dropout"])
        upward = list(reversed(levels))
        self.up = nn.ModuleList(Up(model, width[i + 1], width[i]) for i in upward)
        self.decoder = nn.ModuleList(Block(model, 2 * width[i], width[i]) for i in upward)
        self.head = nn.Conv2d(width[0], len(self.classes), 1)

    def forward(self, x):
        skips = []
        for block in self.encoder:
            x = block(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        x = self.drop(self.bottom(x))
        for up, block, skip in zip(self.up, self.decoder, reversed(skips)):
            x = block(torch.cat([skip, up(x)], dim=1))
        return self.head(x)

    def prepare(self, image):
        """[H, W, C] or [H, W] of bytes -> [1, C, H, W] as the network wants it."""
        image = torch.as_tensor(image)
        if image.ndim == 2:
            image = image[:, :, None]
        unit = image.permute(2, 0, 1)[None].float() / 255
        if self.normalize == "image":
            offset = unit.mean((2, 3), keepdim=True)
            spread = unit.std((2, 3), correction=0, keepdim=True)
            return (unit - offset) / spread.clamp(min=1 / 255)
        offset, gain = torch.tensor(self.scale).T.reshape(2, 1, -1, 1, 1)
        return (unit - offset) * gain

    @torch.no_grad()
    def predict(self, image):
        """[H, W, C] of bytes -> [H, W] of class indices."""
        return self.eval()(self.prepare(image))[0].argmax(0)


def read(path):
    """What a safetensors file says about itself, and its tensors of 32 bit floats by name."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    about = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] != "F32":
            raise ValueError(f"{path}: {name} is {entry['dtype']}: expected F32")
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(data, dtype=torch.float32, count=(end - start) // 4, offset=start)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return about, tensors


def load(path):
    """The network with its weights, ready to predict."""
    about, tensors = read(path)
    net = UNet(about)
    net.load_state_dict(tensors)
    return net.eval()
