"""The peers `pytorch-cpu` and `pytorch-cuda`: the workloads in PyTorch. Speaks the protocol of bench/protocol.ts.

Every number is the formula of bench/workloads.ts. Started with `--threads N`, because the thread counts of OpenMP
and OpenBLAS are read when they are loaded; or with `--device cuda --mode eager|graph|compile`: operation by
operation, a step captured as a CUDA graph, or compiled by torch.compile and its graphs. All of it in float32: the
short TF32 products that CUDA offers, and cuDNN takes unasked, are switched off.
"""
import gc
import json
import os
import sys
import time

# Standard output belongs to the protocol; compilers and libraries print what they like.
REPLIES = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def argument(name, default):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


THREADS = int(argument("--threads", "1"))
DEVICE = argument("--device", "cpu")
MODE = argument("--mode", "eager")
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)
# OpenMP's threads otherwise spin on the cores that OpenBLAS's threads need: half as fast again with two threads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

MINIMUM_GFLOPS = 30
# Steps whose rows are drawn at once, so that drawing them takes no time worth mentioning.
DRAWN = 256
# Steps before a graph is captured, or that a compiler needs until it has compiled everything.
WARM = 3
# Seconds of a step from which on the second one tells which way is the fastest.
LONG = 0.1

torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False
# Shapes never change: the fastest convolution is looked for once.
torch.backends.cudnn.benchmark = True


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


def rows(step, batch, count, steps):
    """The rows of a table that some steps see, [steps, batch], as bench/workloads.ts draws them."""
    word = np.uint32(108 * 0x9E3779B9 & 0xFFFFFFFF) + np.arange(step * batch, (step + steps) * batch, dtype=np.uint32)
    word = (word ^ (word >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    word = (word ^ (word >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    word = (word ^ (word >> np.uint32(16))) >> np.uint32(8)
    drawn = np.floor(count * (word.astype(np.float64) / 0x1000000)).astype(np.int64)
    return torch.from_numpy(drawn).reshape(steps, batch)


def parameter(tensor):
    return torch.nn.Parameter(tensor.contiguous())


class Rows:
    """The rows of step 0, 1, …: views of a few long draws that lie on the device."""

    def __init__(self, batch, count):
        self.batch = batch
        self.count = count
        self.first = 0
        self.drawn = None

    def __call__(self, step):
        if self.drawn is None or not self.first <= step < self.first + DRAWN:
            self.first = step
            self.drawn = rows(step, self.batch, self.count, DRAWN).to(DEVICE)
        return self.drawn[step - self.first]


class Step:
    """One update or one product. `feed` gives the rows of step t, for steps that have any."""

    def __init__(self, body, feed=None):
        self.count = 0
        self.body = body
        self.feed = feed
        self.index = None
        self.run = None
        if MODE != "eager":
            # Compiles, and makes the optimizer's state. These steps did not happen: `restore` undoes them.
            saved = [tensor.detach().clone() for tensor in STATE]
            self.index = None if feed is None else feed(0).clone()
            if MODE == "graph":
                self.run = self.capture()
            else:
                for _ in range(WARM):
                    self.call()
            restore(saved)

    def call(self):
        return self.body() if self.feed is None else self.body(self.index)

    def capture(self):
        """The step as a CUDA graph: kernels that read and write the same memory each time."""
        # A capture demands steps on a stream of their own before it.
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM):
                self.call()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = self.call()

        def run():
            graph.replay()
            return result

        return run

    def __call__(self):
        step = self.count
        self.count += 1
        if self.run is None:
            return self.body() if self.feed is None else self.body(self.feed(step))
        if self.feed is not None:
            self.index.copy_(self.feed(step))
        return self.run()


# How Adam walks over the parameters; "fused" is CUDA's only.
ADAMS = {"Adam": {"foreach": False}, "foreach Adam": {"foreach": True}, "fused Adam": {"fused": True}}

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


def training(parameters, loss_of, adam, feed=None, beta2=0.999, after=None):
    optimizer = torch.optim.Adam(
        parameters,
        lr=1e-3,
        betas=(0.9, beta2),
        eps=1e-7,
        # Counts its steps on the device, which a captured step has to; elsewhere that costs kernels.
        capturable=MODE != "eager",
        **ADAMS[adam],
    )
    return trained_by(optimizer, parameters, loss_of, feed, after)


def trained_by(optimizer, parameters, loss_of, feed=None, after=None):
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
        if after is not None:
            after()
        return loss.detach()

    return Step(body, feed)


def dense_layers(widths):
    # PyTorch's linear layer keeps [out, in].
    weights = [parameter(weight(i, [widths[i], widths[i + 1]], widths[i]).t()) for i in range(len(widths) - 1)]
    return weights, [parameter(torch.zeros(width, device=DEVICE)) for width in widths[1:]]


def dense(adam):
    weights, biases = dense_layers([784, 512, 48, 512, 784])
    images = elements(100, [128, 784], 0, 1)

    def loss():
        x = F.leaky_relu(F.linear(images, weights[0], biases[0]), 0.2)
        x = torch.tanh(F.linear(x, weights[1], biases[1]))
        x = F.leaky_relu(F.linear(x, weights[2], biases[2]), 0.2)
        return F.mse_loss(F.linear(x, weights[3], biases[3]), images)

    return training([*weights, *biases], loss, adam)


def mlp(adam):
    weights, biases = dense_layers([120, 256, 256, 8])
    inputs = elements(101, [512, 120], -1, 1)
    targets = elements(102, [512, 8], 0, 1)
    targets = targets / targets.sum(1, keepdim=True)

    def loss():
        x = F.gelu(F.linear(inputs, weights[0], biases[0]))
        x = F.gelu(F.linear(x, weights[1], biases[1]))
        return F.cross_entropy(F.linear(x, weights[2], biases[2]), targets)

    return training([*weights, *biases], loss, adam)


def conv(adam, memory_format):
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

    return training([*weights, *biases], loss, adam)


def cifar(memory_format, batch=500):
    shapes = [
        [2, 2, 3, 24], [3, 3, 24, 64], [3, 3, 64, 64], [3, 3, 64, 128], [3, 3, 128, 128], [3, 3, 128, 128],
        [3, 3, 128, 128],
    ]
    filters = [
        weight(i, shape, shape[0] * shape[1] * shape[2]).permute(3, 2, 0, 1).contiguous(memory_format=memory_format)
        for i, shape in enumerate(shapes)
    ]
    whitening, *filters = filters[0], *map(torch.nn.Parameter, filters[1:])
    bias = parameter(torch.zeros(24))
    shifts = [parameter(torch.zeros(shape[3])) for shape in shapes[1:]]
    running = [(torch.zeros(shape[3]), torch.ones(shape[3])) for shape in shapes[1:]]
    output = parameter(weight(7, [128, 10], 128).t())
    images = elements(111, [500, 32, 32, 3], 0, 1)[:batch].permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
    labels = elements(112, [500], 0, 10)[:batch].floor().to(torch.int64)

    def loss():
        x = F.gelu(F.conv2d(images, whitening, bias))
        for i in range(6):
            x = F.conv2d(x, filters[i], padding=1)
            if i % 2 == 0:
                x = F.max_pool2d(x, 2)
            x = F.gelu(F.batch_norm(x, *running[i], bias=shifts[i], training=True, momentum=0.4))
        logits = F.linear(F.max_pool2d(x, 3).flatten(1), output) / 9
        return F.cross_entropy(logits, labels, label_smoothing=0.2)

    # Of the mean and not of the sum: the rate is as much larger, and the decay smaller.
    rate, decay = 1e-4 * batch, 0.0153 / 11.5
    kernels = [bias, *filters, output]
    optimizer = torch.optim.SGD(
        [{"params": kernels}, {"params": shifts, "lr": 64 * rate, "weight_decay": decay / 64}],
        lr=rate, weight_decay=decay, momentum=0.85, nesterov=True,
    )
    return trained_by(optimizer, [*kernels, *shifts], loss)


class Unet:
    """The network of models/flow.ts: its weights by name, and the velocity."""

    def __init__(self, memory_format):
        self.memory_format = memory_format
        self.parameters = {}
        self.seed = 0
        self.linear("time/hidden", 64, 128)
        self.linear("time/output", 128, 128)
        self.add("class", self.formula([101, 128]))
        self.conv("input", [6, 6, 3, 56])
        self.block("down1/block1", 56)
        self.conv("down1/narrow", [3, 3, 56, 64])
        self.block("down2/block1", 64)
        self.conv("down2/narrow", [3, 3, 64, 80])
        self.block("middle/block1", 80)
        self.block("middle/block2", 80)
        for level, width, below in ((2, 64, 80), (1, 56, 64)):
            self.conv(f"up{level}/widen", [2, 2, width, below], transposed=True)
            self.conv(f"up{level}/merge", [1, 1, 2 * width, width])
            self.block(f"up{level}/block1", width)
            self.block(f"up{level}/block2", width)
        self.norm("output", 56)
        self.conv("output", [6, 6, 3, 56], transposed=True)
        self.conv("direct/conv1", [5, 5, 3, 16])
        self.linear("direct/film", 128, 16)
        self.conv("direct/conv2", [1, 1, 16, 3])
        self.frequencies = 1000 * 1e4 ** (-torch.arange(32) / 32)

    def add(self, name, tensor):
        self.parameters[name] = torch.nn.Parameter(tensor)

    def formula(self, shape):
        """The next kernel [..., out] of the formula."""
        self.seed += 1
        return weight(self.seed - 1, shape, int(np.prod(shape[:-1])))

    def linear(self, name, given, out):
        self.add(name, self.formula([given, out]).t().contiguous())
        self.add(f"{name}/bias", torch.zeros(out))

    def conv(self, name, shape, transposed=False):
        """[height, width, in, out] -> [out, in, height, width]; transposed, in and out change places on both sides."""
        kernel = self.formula(shape).permute(3, 2, 0, 1)
        self.add(name, kernel.contiguous(memory_format=self.memory_format))
        self.add(f"{name}/bias", torch.zeros(shape[2 if transposed else 3]))

    def norm(self, name, width):
        self.add(f"{name}/gain", torch.ones(width))
        self.add(f"{name}/shift", torch.zeros(width))

    def block(self, name, width):
        self.norm(name, width)
        self.conv(f"{name}/conv1", [3, 3, width, width])
        self.linear(f"{name}/film", 128, 2 * width)
        self.conv(f"{name}/conv2", [3, 3, width, width])

    def of(self, name):
        return self.parameters[name], self.parameters[f"{name}/bias"]

    def normed(self, name, x):
        return F.silu(F.group_norm(x, 8, self.parameters[f"{name}/gain"], self.parameters[f"{name}/shift"]))

    def through(self, name, x, context):
        inner = F.group_norm(F.conv2d(self.normed(name, x), *self.of(f"{name}/conv1"), padding=1), 8)
        scale, shift = F.linear(context, *self.of(f"{name}/film"))[:, :, None, None].chunk(2, 1)
        return x + F.conv2d(F.silu(inner * (scale + 1) + shift), *self.of(f"{name}/conv2"), padding=1)

    def narrowed(self, name, x):
        # TensorFlow's "same": the odd zero is below and to the right.
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), *self.of(name), stride=2)

    def velocity(self, x, times, labels):
        angles = times[:, None] * self.frequencies
        waves = torch.cat([torch.cos(angles), torch.sin(angles)], 1)
        time = F.linear(F.silu(F.linear(waves, *self.of("time/hidden"))), *self.of("time/output"))
        context = F.silu(time + F.embedding(labels, self.parameters["class"]))
        first = self.through("down1/block1", F.conv2d(x, *self.of("input"), stride=2, padding=2), context)
        second = self.through("down2/block1", self.narrowed("down1/narrow", first), context)
        h = self.narrowed("down2/narrow", second)
        for name in ("middle/block1", "middle/block2"):
            h = self.through(name, h, context)
        for name, skip in (("up2", second), ("up1", first)):
            h = torch.cat([F.conv_transpose2d(h, *self.of(f"{name}/widen"), stride=2), skip], 1)
            h = F.conv2d(h, *self.of(f"{name}/merge"))
            for block in ("block1", "block2"):
                h = self.through(f"{name}/{block}", h, context)
        gains = F.linear(context, *self.of("direct/film"))[:, :, None, None] + 1
        direct = F.conv2d(F.conv2d(x, *self.of("direct/conv1"), padding=2) * gains, *self.of("direct/conv2"))
        return F.conv_transpose2d(self.normed("output", h), *self.of("output"), stride=2, padding=2) + direct


def flow(adam, memory_format):
    unet = Unet(memory_format)
    parameters = list(unet.parameters.values())
    averages = [parameter.detach().clone() for parameter in parameters]

    def pictured(seed, limit):
        tensor = elements(seed, [48, 32, 32, 3], -limit, limit).permute(0, 3, 1, 2)
        return tensor.contiguous(memory_format=memory_format)

    images, noise = pictured(113, 1), pictured(114, 3**0.5)
    times, labels = elements(115, [48], 0, 1), elements(116, [48], 0, 101).floor().to(torch.int64)

    def loss():
        target = images - noise
        mixed = noise + times[:, None, None, None] * target
        return F.mse_loss(unet.velocity(mixed, times, labels), target)

    def average():
        with torch.no_grad():
            torch._foreach_mul_(averages, 0.999)
            torch._foreach_add_(averages, parameters, alpha=1 - 0.999)

    return training(parameters, loss, adam, after=average)


FORMATS = {"NCHW": torch.contiguous_format, "NHWC": torch.channels_last}


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


def binary(adam):
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

    return training([*weights, *biases, *gains, *shifts], loss, adam, Rows(128, 1024))


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


# How a first layer of one-hot prefixes can be written.
FIRST_LAYERS = ("one-hot", "bag")


def histogram_network(first):
    """Its first layer as a product with one-hot rows, or as a sum of looked-up ones: the same sums, as PyTorch has both."""
    weights, biases = dense_layers([135, 256, 256, 8])
    if first == "bag":
        weights[0] = parameter(weight(0, [135, 256], 135))
    starts = 9 * torch.arange(15, device=DEVICE)

    def layer(prefixes):
        if first == "bag":
            return F.embedding_bag(prefixes + starts, weights[0], mode="sum") + biases[0]
        return F.linear(F.one_hot(prefixes, 9).to(torch.float32).reshape(-1, 135), weights[0], biases[0])

    def logits(prefixes):
        x = F.relu(layer(prefixes))
        x = F.relu(F.linear(x, weights[1], biases[1]))
        return 16 * F.linear(x, weights[2], biases[2])

    return [*weights, *biases], logits


def seq2hist(adam, batch, first):
    parameters, logits = histogram_network(first)
    prefixes, histograms = prefix_table()

    def loss(index):
        logs = F.log_softmax(logits(prefixes[index]), 1)
        return -(histograms[index] * logs).sum(1).mean()

    return training(parameters, loss, adam, Rows(batch, len(prefixes)), beta2=0.99)


def generate(batch, first):
    parameters, logits = histogram_network(first)

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


def pictures(name):
    """Pictures [count, 784] that bench/search.ts has drawn."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../.cache/bench", f"{name}.u8")
    return torch.from_numpy(np.fromfile(path, np.uint8).reshape(-1, 784).astype(np.float32)).to(DEVICE)


def nearest(block):
    queries, base = pictures("queries"), pictures("base")

    def body():
        with torch.no_grad():
            found = [torch.cdist(rows, base).topk(2, largest=False) for rows in queries.split(block)]
            return torch.cat([values for values, _ in found]).mean()

    STATE.clear()
    OPTIMIZERS.clear()
    return Step(body)


def nearest_block():
    """Queries at once with which a search is fastest, found on a tenth of the base."""
    queries, base = pictures("queries")[:2500], pictures("base")[:6000]
    times = {}
    for block in (250, 500, 1250, 2500):
        with torch.no_grad():
            def search():
                for rows in queries.split(block):
                    torch.cdist(rows, base).topk(2, largest=False)
            times[block] = min(seconds_of(search, 1) for _ in range(2))
    # Blocks of distances as large, from the whole base.
    return min(times, key=times.get) // 10


# The cell, its gates, units, features, symbols (0: pixels), steps and classes, as bench/workloads.ts has them.
RECURRENT = {
    "gru-64-784": (torch.nn.GRU, 3, 64, 1, 0, 784, 10),
    "lstm-128-784": (torch.nn.LSTM, 4, 128, 1, 0, 784, 10),
    "rnn-256-200": (torch.nn.RNN, 1, 256, 100, 2000, 200, 2),
}
# The same at another batch.
RECURRENT_256 = {f"{name}-256": of for name, of in RECURRENT.items()}


def recurrent(adam, workload, batch_first):
    batch = 256 if workload in RECURRENT_256 else 64
    module, gates, units, features, symbols, time_steps, classes = (RECURRENT | RECURRENT_256)[workload]
    cell = module(features, units, batch_first=batch_first).to(DEVICE)
    with torch.no_grad():
        cell.weight_ih_l0.copy_(weight(0, [features, gates * units], features).t())
        cell.weight_hh_l0.copy_(weight(1, [units, gates * units], units).t())
        cell.bias_ih_l0.zero_()
        cell.bias_hh_l0.zero_()
    output = parameter(weight(2, [units, classes], units).t())
    bias = parameter(torch.zeros(classes, device=DEVICE))
    parameters = [*cell.parameters(), output, bias]
    targets = elements(110, [batch], 0, classes).floor().to(torch.int64)
    if symbols:
        embedding = parameter(weight(3, [symbols, features], 1))
        parameters.append(embedding)
        inputs = elements(109, [batch, time_steps], 0, symbols).floor().to(torch.int64)
    else:
        inputs = elements(109, [batch, time_steps, 1], 0, 1)
    inputs = inputs if batch_first else inputs.transpose(0, 1).contiguous()

    def loss():
        states, _ = cell(F.embedding(inputs, embedding) if symbols else inputs)
        return F.cross_entropy(F.linear(states.mean(1 if batch_first else 0), output, bias), targets)

    return training(parameters, loss, adam)


def candidates(workload):
    """The ways to write a workload of which the fastest is timed: by name, a function that builds the step."""
    if workload == "nearest":
        # Each way takes seconds: a part of the search chooses.
        block = nearest_block()
        return {f"cdist + topk, {block} at once": lambda: nearest(block)}
    if workload == "cifar-step":
        # So does a tenth of the images.
        name = fastest({name: lambda of=of: cifar(of, 50) for name, of in FORMATS.items()})
        return {name: lambda: cifar(FORMATS[name])}
    if workload.startswith("matmul-"):
        return {"out=": lambda: matmul(int(workload.removeprefix("matmul-")))}
    if workload == "generate":
        return {
            f"{batch} at once, {first}": lambda batch=batch, first=first: generate(batch, first)
            for batch in (1000, 10000) for first in FIRST_LAYERS
        }
    builders = {
        "dense-autoencoder": {"dense": dense},
        "mlp": {"dense": mlp},
        "conv-autoencoder": {
            name: lambda adam, of=of: conv(adam, of) for name, of in FORMATS.items()
        },
        "flow-unet": {name: lambda adam, of=of: flow(adam, of) for name, of in FORMATS.items()},
        "binary-autoencoder": {"dense": binary},
        **{
            name: {first: lambda adam, batch=batch, first=first: seq2hist(adam, batch, first) for first in FIRST_LAYERS}
            for name, batch in {"seq2hist": 512, "seq2hist-32": 32}.items()
        },
        **{
            name: {
                "batch first": lambda adam, name=name: recurrent(adam, name, True),
                "steps first": lambda adam, name=name: recurrent(adam, name, False),
            }
            for name in RECURRENT | RECURRENT_256
        },
    }.get(workload)
    if builders is None:
        raise ValueError(f"has no definition of {workload}")
    adams = [adam for adam in ADAMS if DEVICE == "cuda" or adam != "fused Adam"]
    return {
        f"{name}, {adam}": lambda build=build, adam=adam: build(adam)
        for adam in adams for name, build in builders.items()
    }


def synchronize():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def seconds_of(step, count):
    synchronize()
    start = time.perf_counter()
    for _ in range(count):
        step()
    synchronize()
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


def fastest(ways):
    """The name of the fastest of some steps, by taking turns; of long ones by the second step of each, as turns take time."""
    if len(ways) == 1:
        return next(iter(ways))
    steps = {name: build() for name, build in ways.items()}
    second = {name: [seconds_of(step, 1) for _ in range(2)][1] for name, step in steps.items()}
    if min(second.values()) > LONG:
        return min(second, key=second.get)
    counts = {name: max(1, round(0.05 / seconds)) for name, seconds in second.items()}
    times = {name: [] for name in steps}
    for _ in range(5):
        for name, step in steps.items():
            times[name].append(seconds_of(step, counts[name]))
    return min(times, key=lambda name: sorted(times[name])[2])


def load(workload):
    """The fastest candidate, built afresh so that it starts from the first step."""
    global MODE
    torch.set_num_threads(THREADS)
    if DEVICE == "cpu":
        check_blas()
    ways = candidates(workload)
    if MODE == "compile":
        # To compile every way would take longer than the race. The compiler makes one kernel of an optimizer itself,
        # from its foreach form.
        ways = {name: build for name, build in ways.items() if "Adam" not in name or "foreach" in name}
        torch._dynamo.reset()
        MODE = "eager"
        try:
            best = fastest(ways)
        finally:
            MODE = "compile"
    else:
        best = fastest(ways)
    # What the others held is given back before the one that is timed is built.
    gc.collect()
    if DEVICE == "cuda":
        torch.cuda.empty_cache()
        place = f"CUDA {torch.version.cuda} on {torch.cuda.get_device_name()}, {MODE}, no TF32"
    else:
        place = "1 thread" if THREADS == 1 else f"{THREADS} threads"
    return ways[best](), f"PyTorch {torch.__version__}, {place}, {best}"


def main():
    step = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "load":
                step = None
                step, description = load(request["workload"])
                reply = {"description": description}
            else:
                synchronize()
                start = time.perf_counter()
                for _ in range(request["steps"]):
                    loss = step()
                # Waits for the device.
                loss = float(loss)
                reply = {"seconds": time.perf_counter() - start, "loss": loss}
        except Exception as error:  # noqa: BLE001: whatever it is, it is the reason in the table
            reply = {"error": str(error).strip().split("\n")[0] or type(error).__name__}
        print(json.dumps(reply), file=REPLIES, flush=True)


main()
