"""The peers `pytorch-cpu` and `pytorch-cuda`: the workloads in PyTorch. Speaks the protocol of bench/protocol.ts.

Every number is the formula of bench/workloads.ts. Started with `--threads N`, because the thread counts of OpenMP
and OpenBLAS are read when they are loaded; or with `--device cuda --mode eager|graph|compile`: operation by
operation, a step captured as a CUDA graph, or compiled by torch.compile and its graphs.
"""
import json
import os
import sys
import time



def argument(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


THREADS = int(argument("--threads", "1"))
DEVICE = argument("--device", "cpu")
MODE = argument("--mode", "eager")
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
    return torch.from_numpy(numbers.astype(np.float32)).reshape(shape).to(DEVICE)


def weight(seed, shape, fan_in):
    limit = (3 / fan_in) ** 0.5
    return elements(seed, shape, -limit, limit)


def rows(step, batch, count):
    """The rows of a table that a step sees, as bench/workloads.ts draws them."""
    word = np.uint32(108 * 0x9E3779B9 & 0xFFFFFFFF) + np.arange(step * batch, (step + 1) * batch, dtype=np.uint32)
    word = (word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    word = (word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    word = (word ^ (word >> np.uint32(16))) >> np.uint32(8)
    return torch.from_numpy(np.floor(count * (word.astype(np.float64) / 0x1000000)).astype(np.int64))


def parameter(tensor):
    return torch.nn.Parameter(tensor.contiguous())


class Step:
    """One update or one product. `feed` gives the rows of step t, for steps that have any."""

    def __init__(self, body, feed=None):
        self.count = 0
        self.body = body
        self.feed = feed
        self.index = None
        self.run = body
        if MODE == "graph":
            self.capture()

    def capture(self):
        """Records the step as a CUDA graph. The steps of the warm-up happened: `restore` undoes them."""
        if self.feed is not None:
            self.index = self.feed(0).to(DEVICE)
        saved = [tensor.detach().clone() for tensor in STATE]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.call()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self.call()

        def run():
            graph.replay()
            return result

        self.run = run
        restore(saved)

    def call(self):
        return self.body() if self.feed is None else self.body(self.index)

    def __call__(self):
        if self.feed is None:
            self.count += 1
            return self.run()
        index = self.feed(self.count)
        self.count += 1
        if MODE == "graph":
            self.index.copy_(index, non_blocking=True)
            return self.run()
        return self.body(index.to(DEVICE, non_blocking=True))


# The parameters and the optimizer of the workload that is being built, for `restore`.
STATE = []
OPTIMIZERS = []


def restore(saved):
    """Puts parameters back to what they were, and Adam's moments and counts to zero."""
    with torch.no_grad():
        for tensor, value in zip(STATE, saved):
            tensor.copy_(value)
        for optimizer in OPTIMIZERS:
            for slots in optimizer.state.values():
                for slot in slots.values():
                    slot.zero_()


def training(parameters, loss_of, foreach, feed=None, beta2=0.999):
    optimizer = torch.optim.Adam(
        parameters, lr=1e-3, betas=(0.9, beta2), eps=1e-7, foreach=foreach, capturable=DEVICE == "cuda"
    )
    STATE[:] = parameters
    OPTIMIZERS[:] = [optimizer]
    forward = torch.compile(loss_of, mode="reduce-overhead") if MODE == "compile" else loss_of
    update = torch.compile(optimizer.step) if MODE == "compile" else optimizer.step

    def body(*inputs):
        # A graph replays into the gradients that were there when it was captured.
        optimizer.zero_grad(set_to_none=True)
        loss = forward(*inputs)
        loss.backward()
        update()
        return loss.detach()

    return Step(body, feed)


def dense_layers(widths):
    # PyTorch's linear layer keeps [out, in].
    weights = [parameter(weight(i, [widths[i], widths[i + 1]], widths[i]).t()) for i in range(len(widths) - 1)]
    return weights, [parameter(torch.zeros(width, device=DEVICE)) for width in widths[1:]]


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
    biases = [parameter(torch.zeros(width, device=DEVICE)) for width in channels[1:]]
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


def matmul(size):
    left, right = elements(104, [size, size], 0, 1), elements(105, [size, size], 0, 1)
    product = torch.empty(size, size, device=DEVICE)

    def body():
        torch.matmul(left, right, out=product)
        return product[0, 0]

    STATE.clear()
    OPTIMIZERS.clear()
    return Step(body)


class Sign(torch.autograd.Function):
    """-1 or +1, 0 being +1; backwards, the gradient of tanh."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (1 - torch.tanh(x) ** 2)


def binary(foreach):
    shapes = [[784, 512], [512, 48], [48, 512], [512, 512], [512, 784]]
    weights = [parameter(weight(i, shape, shape[0]).t()) for i, shape in enumerate(shapes)]
    biases = [parameter(torch.zeros(shape[1], device=DEVICE)) for shape in shapes]
    gains = [parameter(torch.ones(512, device=DEVICE)) for _ in range(3)]
    shifts = [parameter(torch.zeros(512, device=DEVICE)) for _ in range(3)]
    images = elements(106, [1024, 784], 0, 1)

    def hidden(x, layer, norm):
        x = F.linear(x, weights[layer], biases[layer])
        return F.leaky_relu(F.layer_norm(x, [512], gains[norm], shifts[norm], 1e-5), 0.01)

    def loss(index):
        x = images[index]
        codes = Sign.apply(F.linear(hidden(x, 0, 0), weights[1], biases[1]))
        drawn = torch.sigmoid(F.linear(hidden(hidden(codes, 2, 1), 3, 2), weights[4], biases[4]))
        return torch.log(((drawn - x) ** 2).mean(1) + 1e-5).mean()

    return training([*weights, *biases, *gains, *shifts], loss, foreach, lambda t: rows(t, 128, 1024))


def prefix_table():
    """The distinct prefixes [P, 15] of the formula's sequences, 8 being absent, and the histograms of what follows."""
    sequences = elements(107, [1024, 16], 0, 8).cpu().to(torch.int64).tolist()
    places, prefixes, counts = {}, [], []
    for sequence in sequences:
        for position in range(16):
            seen = tuple(sequence[:position])
            if seen not in places:
                places[seen] = len(prefixes)
                prefixes.append([*seen, *([8] * (15 - position))])
                counts.append([0.0] * 8)
            counts[places[seen]][sequence[position]] += 1
    histograms = torch.tensor(counts)
    return torch.tensor(prefixes).to(DEVICE), (histograms / histograms.sum(1, keepdim=True)).to(DEVICE)


def histogram_network():
    weights, biases = dense_layers([135, 256, 256, 8])

    def logits(prefixes):
        x = F.one_hot(prefixes, 9).to(torch.float32).reshape(-1, 135)
        x = F.relu(F.linear(x, weights[0], biases[0]))
        x = F.relu(F.linear(x, weights[1], biases[1]))
        return 16 * F.linear(x, weights[2], biases[2])

    return [*weights, *biases], logits


def seq2hist(foreach):
    parameters, logits = histogram_network()
    prefixes, histograms = prefix_table()

    def loss(index):
        logs = F.log_softmax(logits(prefixes[index]), 1)
        return -(histograms[index] * logs).sum(1).mean()

    return training(parameters, loss, foreach, lambda t: rows(t, 512, len(prefixes)), beta2=0.99)


def generate(batch):
    parameters, logits = histogram_network()

    def draw():
        tokens = torch.full([batch, 15], 8, dtype=torch.int64, device=DEVICE)
        total = torch.zeros([], device=DEVICE)
        for position in range(16):
            shares = F.softmax(logits(tokens), 1)
            # The first of exponential clocks with these rates: a draw without a wait for the device.
            token = torch.argmax(shares / torch.empty_like(shares).exponential_(), 1)
            if position < 15:
                tokens[:, position] = token
            total = total + token.sum()
        return total / (batch * 16)

    draw = torch.compile(draw) if MODE == "compile" else draw

    def body():
        with torch.no_grad():
            for _ in range(10000 // batch):
                mean = draw()
        return mean

    STATE.clear()
    OPTIMIZERS.clear()
    return Step(body)


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
        elif workload == "binary-autoencoder":
            ways["dense" + suffix] = lambda foreach=foreach: binary(foreach)
        elif workload == "seq2hist":
            ways["dense" + suffix] = lambda foreach=foreach: seq2hist(foreach)
        elif workload == "generate":
            ways = {f"{batch} at once": lambda batch=batch: generate(batch) for batch in (1000, 10000)}
        elif workload.startswith("matmul-"):
            ways = {"out=": lambda: matmul(int(workload.removeprefix("matmul-")))}
    if not ways:
        raise ValueError(f"has no definition of {workload}")
    return ways


def seconds_of(step, count):
    start = time.perf_counter()
    for _ in range(count):
        step()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / count


def check_blas():
    step = matmul(512)
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
    if DEVICE == "cpu":
        check_blas()
    ways = candidates(workload)
    if DEVICE == "cuda" and len(ways) > 1 and MODE != "eager":
        # Compiling or capturing every way would take longer than the race: foreach, or all at once, is the fast one.
        name = list(ways)[-1]
        ways = {name: ways[name]}
    best = next(iter(ways))
    if len(ways) > 1:
        steps = {name: build() for name, build in ways.items()}
        counts = {name: max(1, round(0.05 / min(seconds_of(step, 1) for _ in range(3)))) for name, step in steps.items()}
        times = {name: [] for name in steps}
        for _ in range(5):
            for name, step in steps.items():
                times[name].append(seconds_of(step, counts[name]))
        best = min(times, key=lambda name: sorted(times[name])[2])
    if DEVICE == "cuda":
        place = f"CUDA {torch.version.cuda} on {torch.cuda.get_device_name()}, {MODE}"
    else:
        place = "1 thread" if THREADS == 1 else f"{THREADS} threads"
    return ways[best](), f"PyTorch {torch.__version__}, {place}, {best}"


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
