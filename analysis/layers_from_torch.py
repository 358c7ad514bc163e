"""Writes layers_from_torch.json: one input and filter, and what PyTorch's own six layers make of them.

Made with PyTorch 1.13: /usr/bin/python3 analysis/layers_from_torch.py && deno fmt analysis
"""
import json
import pathlib

import torch

torch.manual_seed(0)
pixels, kernel = torch.rand(32, 1), torch.randn(3, 1)
signal, taps = pixels.reshape(1, 1, 32), kernel.reshape(1, 1, 3)
norm = torch.nn.BatchNorm1d(1, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)
linear = torch.nn.Linear(32, 10, bias=True)


def numbers(tensor):
    return tensor.detach().reshape(-1).tolist()


with torch.no_grad():
    outputs = {
        "max_pool": torch.nn.MaxPool1d(
            kernel_size=2, stride=1, padding=0, dilation=1, return_indices=False, ceil_mode=False
        )(signal),
        "average_pool": torch.nn.AvgPool1d(
            kernel_size=2, stride=1, padding=0, ceil_mode=False, count_include_pad=True
        )(signal),
        "convolution": torch.nn.functional.conv1d(
            signal, taps, bias=None, stride=1, padding=0, dilation=1, groups=1
        ),
        "sigmoid": torch.nn.Sigmoid()(signal),
        "batch_norm_training": norm(signal),
        "batch_norm_statistics": torch.stack([norm.running_mean, norm.running_var]),
        "batch_norm_evaluation": norm.eval()(signal),
        "linear": linear(signal),
    }
out = {
    "torch": torch.__version__,
    "input": numbers(pixels),
    "filter": numbers(kernel),
    "linear": {"weight": numbers(linear.weight), "bias": numbers(linear.bias)},
    "outputs": {name: numbers(tensor) for name, tensor in outputs.items()},
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out, indent=2) + "\n")
