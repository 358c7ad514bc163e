"""Writes inception_from_torch.json: what PyTorch makes of the Inception network that the Fréchet Inception distance is
taken of, with weights that a rule gives by their names, and of two ways to resize an image.

The network is written here from its description (Szegedy et al. 2016; where TensorFlow's network of 2015 differs, by what
is published of it): average pools that do not count padding, a max pool in the last block, 1008 logits, no auxiliary head.

Made with PyTorch 1.13 and Pillow 9.4: /usr/bin/python3 analysis/inception_from_torch.py && deno fmt analysis
"""
import json
import pathlib

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

SIZES = 139, 299
STORED = 40


class Unit(nn.Module):
    """Convolution without bias, batch normalization, ReLU."""

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


def mean_around(x):
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def largest_around(x):
    return F.max_pool2d(x, 3, stride=1, padding=1)


def halved(x):
    return F.max_pool2d(x, 3, stride=2)


class Fives(nn.Module):
    def __init__(self, inputs, pooled):
        super().__init__()
        self.branch1x1 = Unit(inputs, 64, 1)
        self.branch5x5_1 = Unit(inputs, 48, 1)
        self.branch5x5_2 = Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Unit(inputs, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(inputs, pooled, 1)

    def forward(self, x):
        return torch.cat([
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(mean_around(x)),
        ], 1)


class Narrow(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.branch3x3 = Unit(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = Unit(inputs, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2)

    def forward(self, x):
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, halved(x)], 1)


class Sevens(nn.Module):
    def __init__(self, inputs, inner):
        super().__init__()
        wide, high = dict(kernel=(1, 7), padding=(0, 3)), dict(kernel=(7, 1), padding=(3, 0))
        self.branch1x1 = Unit(inputs, 192, 1)
        self.branch7x7_1 = Unit(inputs, inner, 1)
        self.branch7x7_2 = Unit(inner, inner, **wide)
        self.branch7x7_3 = Unit(inner, 192, **high)
        self.branch7x7dbl_1 = Unit(inputs, inner, 1)
        self.branch7x7dbl_2 = Unit(inner, inner, **high)
        self.branch7x7dbl_3 = Unit(inner, inner, **wide)
        self.branch7x7dbl_4 = Unit(inner, inner, **high)
        self.branch7x7dbl_5 = Unit(inner, 192, **wide)
        self.branch_pool = Unit(inputs, 192, 1)

    def forward(self, x):
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(mean_around(x))], 1)


class NarrowAgain(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.branch3x3_1 = Unit(inputs, 192, 1)
        self.branch3x3_2 = Unit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Unit(inputs, 192, 1)
        self.branch7x7x3_2 = Unit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Unit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2)

    def forward(self, x):
        sevens = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), self.branch7x7x3_4(sevens), halved(x)], 1)


class Split(nn.Module):
    def __init__(self, inputs, pool):
        super().__init__()
        self.pool = pool
        wide, high = dict(kernel=(1, 3), padding=(0, 1)), dict(kernel=(3, 1), padding=(1, 0))
        self.branch1x1 = Unit(inputs, 320, 1)
        self.branch3x3_1 = Unit(inputs, 384, 1)
        self.branch3x3_2a = Unit(384, 384, **wide)
        self.branch3x3_2b = Unit(384, 384, **high)
        self.branch3x3dbl_1 = Unit(inputs, 448, 1)
        self.branch3x3dbl_2 = Unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Unit(384, 384, **wide)
        self.branch3x3dbl_3b = Unit(384, 384, **high)
        self.branch_pool = Unit(inputs, 192, 1)

    def forward(self, x):
        once, twice = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        return torch.cat([
            self.branch1x1(x),
            self.branch3x3_2a(once),
            self.branch3x3_2b(once),
            self.branch3x3dbl_3a(twice),
            self.branch3x3dbl_3b(twice),
            self.branch_pool(self.pool(x)),
        ], 1)


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b = Fives(192, 32)
        self.Mixed_5c = Fives(256, 64)
        self.Mixed_5d = Fives(288, 64)
        self.Mixed_6a = Narrow(288)
        self.Mixed_6b = Sevens(768, 128)
        self.Mixed_6c = Sevens(768, 160)
        self.Mixed_6d = Sevens(768, 160)
        self.Mixed_6e = Sevens(768, 192)
        self.Mixed_7a = NarrowAgain(768)
        self.Mixed_7b = Split(1280, mean_around)
        self.Mixed_7c = Split(2048, largest_around)
        self.fc = nn.Linear(2048, 1008)

    def forward(self, x):
        """The means over places of the four taps, and the logits."""
        first = halved(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        second = halved(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(first)))
        third = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(second))))
        third = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(third))))
        fourth = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(third)))
        taps = [tap.mean((2, 3)) for tap in (first, second, third, fourth)]
        return [*taps, self.fc(taps[-1])]


def hashed(name, count):
    """Numbers in -1..1 by name and place: the finalizer of MurmurHash3 over FNV-1a of the name plus the place."""
    start = 2166136261
    for byte in name.encode():
        start = (start ^ byte) * 16777619 % 2**32
    with np.errstate(over="ignore"):
        h = np.uint32(start) + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B9)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h = h ^ (h >> np.uint32(16))
    return h / 2**31 - 1


def by_rule(name, shape):
    """Scaled so that numbers neither vanish nor grow from layer to layer."""
    numbers = hashed(name, int(np.prod(shape))).reshape(shape)
    if len(shape) > 1:
        return numbers * np.sqrt(6 / np.prod(shape[1:]))
    if name.endswith(("bn.weight", "running_var")):
        return 1 + numbers / 4
    return numbers / 10


def some(values):
    """A few, evenly spread, as they are stored."""
    flat = np.asarray(values, dtype=np.float64).reshape(-1)
    return [float(f"{value:.8g}") for value in flat[:: max(1, len(flat) // STORED)][:STORED]]


def resized(picture, size):
    """The picture [H, W, 3] of 0..255 by both rules: [size, size, 3]."""
    channels = [
        np.asarray(Image.fromarray(picture[:, :, c].astype(np.float32)).resize((size, size), Image.BICUBIC))
        for c in range(3)
    ]
    image = torch.tensor(picture, dtype=torch.float32).permute(2, 0, 1)[None]
    bilinear = F.interpolate(image, (size, size), mode="bilinear", align_corners=False)[0].permute(1, 2, 0)
    return {"clean": some(np.stack(channels, 2).clip(0, 255)), "pytorch": some(bilinear.numpy())}


def main():
    network = Inception().eval()
    state = {
        name: torch.tensor(by_rule(name, value.shape), dtype=value.dtype) if value.dim() > 0 else value
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(state)
    taps = {}
    with torch.no_grad():
        for size in SIZES:
            image = hashed("image", size * size * 3).reshape(1, size, size, 3)
            outputs = network(torch.tensor(image, dtype=torch.float32).permute(0, 3, 1, 2))
            taps[size] = [some(output.numpy()) for output in outputs]
    picture = np.round(127.5 * (hashed("picture", 9 * 7 * 3) + 1)).reshape(9, 7, 3)
    out = {
        "torch": torch.__version__,
        "weights": {name: list(value.shape) for name, value in state.items() if value.dim() > 1},
        "taps": taps,
        "resized": {size: resized(picture, size) for size in (4, 9, 23)},
    }
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")


main()
