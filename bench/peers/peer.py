"""The peer `pytorch-cpu`: the workloads in PyTorch. Speaks the protocol of bench/protocol.ts.

Every number is the formula of bench/workloads.ts. Started with `--threads N`, because the thread counts of OpenMP
and OpenBLAS are read when they are loaded.
"""
import json
import os
import sys
import time

THREADS = int(sys.argv[sys.argv.index("--threads") + 1])
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

MINIMUM_GFLOPS = 30


def elements(seed, shape, low, high):
    """A tensor of the formula, row-major."""
    word = np.arange(np.prod(shape), dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    word = (word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    word = (word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    word = (word ^ (word >> np.uint32(16))) >> np.uint32(8)
    numbers = low + (high - low) * (word.astype(np.float64) / 0x1000000)
    return torch.from_numpy(numbers.astype(np.float32)).reshape(shape)


def weight(seed, shape, fan_in):
    limit = (3 / fan_in) ** 0.5
    return elements(seed, shape, -limit, limit)


def parameter(tensor):
    return torch.nn.Parameter(tensor.contiguous())


def training(parameters, loss_of, foreach):
    optimizer = torch.optim.Adam(parameters, lr=1e-3, eps=1e-7, foreach=foreach)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def dense_layers(widths):
    # PyTorch's linear layer keeps [out, in].
    weights = [parameter(weight(i, [widths[i], widths[i + 1]], widths[i]).t()) for i in range(len(widths) - 1)]
    return weights, [parameter(torch.zeros(width)) for width in widths[1:]]


def dense(foreach):
    weights, biases = dense_layers([784, 512, 48, 512, 784])
    images = elements(100, [128, 784], 0, 1)

    def loss():
        x = F.leaky_relu(F.linear(images, weights[0], biases[0]), 0.2)
        x = torch.tanh(F.linear(x, weights[1], biases[1]))
        x = F.leaky_relu(F.linear(x, weights[2], biases[2]), 0.2)
        return F.mse_loss(F.linear(x, weights[3], biases[3]), images)

    return training([*weights, *biases], loss, foreach)


def mlp(foreach):
    weights, biases = dense_layers([120, 256, 256, 8])
    inputs = elements(101, [512, 120], -1, 1)
    targets = elements(102, [512, 8], 0, 1)
    targets = targets / targets.sum(1, keepdim=True)

    def loss():
        x = F.gelu(F.linear(inputs, weights[0], biases[0]))
        x = F.gelu(F.linear(x, weights[1], biases[1]))
        return F.cross_entropy(F.linear(x, weights[2], biases[2]), targets)

    return training([*weights, *biases], loss, foreach)


def conv(foreach, memory_format):
    channels = [3, 32, 64, 128, 64, 32, 3]
    weights = []
    for i in range(6):
        given, out = channels[i], channels[i + 1]
        if i < 3:  # [4, 4, in, out] -> [out, in, 4, 4]
            tensor = weight(i, [4, 4, given, out], 16 * given)
        else:  # [4, 4, out, in] -> [in, out, 4, 4]
            tensor = weight(i, [4, 4, out, given], 4 * given)
        weights.append(torch.nn.Parameter(tensor.permute(3, 2, 0, 1).contiguous(memory_format=memory_format)))
    biases = [parameter(torch.zeros(width)) for width in channels[1:]]
    images = elements(103, [64, 32, 32, 3], 0, 1).permute(0, 3, 1, 2).contiguous(memory_format=memory_format)

    def loss():
        x = images
        for i in range(6):
            layer = F.conv2d if i < 3 else F.conv_transpose2d
            x = layer(x, weights[i], biases[i], stride=2, padding=1)
            if i < 5:
                x = F.leaky_relu(x, 0.2)
        return F.mse_loss(x, images)

    return training([*weights, *biases], loss, foreach)


def matmul():
    left, right = elements(104, [512, 512], 0, 1), elements(105, [512, 512], 0, 1)
    product = torch.empty(512, 512)

    def step():
        torch.matmul(left, right, out=product)
        return product[0, 0]

    return step


def candidates(workload):
    """The ways to write a workload of which the fastest is timed: by name, a function that builds the step."""
    ways = {}
    for foreach, suffix in ((False, ""), (True, ", foreach Adam")):
        if workload == "dense-autoencoder":
            ways["dense" + suffix] = lambda foreach=foreach: dense(foreach)
        elif workload == "mlp":
            ways["dense" + suffix] = lambda foreach=foreach: mlp(foreach)
        elif workload == "conv-autoencoder":
            for name, layout in (("NCHW", torch.contiguous_format), ("NHWC", torch.channels_last)):
                ways[name + suffix] = lambda foreach=foreach, layout=layout: conv(foreach, layout)
        elif workload == "matmul-512":
            ways = {"out=": matmul}
    if not ways:
        raise ValueError(f"has no definition of {workload}")
    return ways


def seconds_of(step, count):
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def check_blas():
    step = matmul()
    seconds_of(step, 2)
    gflops = 2 * 512**3 / min(seconds_of(step, 1) for _ in range(5)) / 1e9
    if gflops < MINIMUM_GFLOPS:
        raise RuntimeError(
            f"PyTorch multiplies matrices at {gflops:.1f} GFLOP/s, below {MINIMUM_GFLOPS}: no fair comparison. "
            "Install a fast BLAS: apt-get install libopenblas0-pthread"
        )


def load(workload):
    """The fastest candidate, built afresh so that it starts from the first step."""
    torch.set_num_threads(THREADS)
    check_blas()
    ways = candidates(workload)
    best = next(iter(ways))
    if len(ways) > 1:
        steps = {name: build() for name, build in ways.items()}
        counts = {name: max(1, round(0.05 / min(seconds_of(step, 1) for _ in range(3)))) for name, step in steps.items()}
        times = {name: [] for name in steps}
        for _ in range(5):
            for name, step in steps.items():
                times[name].append(seconds_of(step, counts[name]))
        best = min(times, key=lambda name: sorted(times[name])[2])
    threads = "1 thread" if THREADS == 1 else f"{THREADS} threads"
    return ways[best](), f"PyTorch {torch.__version__}, {threads}, {best}"


def main():
    step = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                step, description = load(request["workload"])
                reply = {"description": description}
            else:
                start = time.perf_counter()
                for _ in range(request["steps"]):
                    loss = step()
                loss = float(loss)
                reply = {"seconds": time.perf_counter() - start, "loss": loss}
        except Exception as error:  # noqa: BLE001: whatever it is, it is the reason in the table
            reply = {"error": str(error).split("\n")[0]}
        print(json.dumps(reply), flush=True)


main()
