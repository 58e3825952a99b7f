"""The workloads of `autodiff-demo bench` for its peers: see docs/benchmarks.md."""

import sys
import time

import numpy as np

LOSS = {
    "linear": "half-mean-squared-error",
    "sinusoid": "mean-squared-error",
    "long": "mean-squared-error",
    "omniglot": "softmax-cross-entropy",
}
LINEAR = ["maml", "fo-maml", "anil", "fo-anil"]
NETS = ["maml", "fo-maml"]
WORKLOADS = [
    ("linear-20x3-m25-s1-t1", [20, 3, 1], 25, 25, 1, 1, LINEAR),
    ("linear-20x3-m25-s1-t10", [20, 3, 1], 25, 25, 1, 10, LINEAR),
    ("linear-100x5-m50-s1-t10", [100, 5, 1], 50, 50, 1, 10, LINEAR),
    ("sinusoid-1x40x40x1-m10-s1-t1", [1, 40, 40, 1], 10, 10, 1, 1, NETS),
    ("sinusoid-1x40x40x1-m10-s1-t25", [1, 40, 40, 1], 10, 10, 1, 25, NETS),
    ("sinusoid-1x40x40x1-m10-s5-t25", [1, 40, 40, 1], 10, 10, 5, 25, NETS),
    ("sinusoid-1x40x40x1-m10-s50-t25", [1, 40, 40, 1], 10, 10, 50, 25, NETS),
    ("omniglot-784x256x128x64x64x5-m5q75-s1-t4", [784, 256, 128, 64, 64, 5], 5, 75, 1, 4, NETS),
    ("omniglot-784x256x128x64x64x5-m5q75-s5-t4", [784, 256, 128, 64, 64, 5], 5, 75, 5, 4, NETS),
    ("long-1x40x40x1-m10-s1000-t25", [1, 40, 40, 1], 10, 10, 1000, 25, ["maml"]),
]


def arrays(name, sizes, support, query, tasks):
    """Parameters, then support inputs, support targets, query inputs, query targets of all tasks."""
    random = np.random.default_rng(0)
    parameters = []
    for fan_in, fan_out in zip(sizes, sizes[1:]):
        parameters.append(random.standard_normal((fan_in, fan_out)) * (1 / fan_in) ** 0.5)
        if name != "linear":
            parameters.append(np.zeros((1, fan_out)))
    data = []
    for count in (support, query):
        data.append(random.standard_normal((tasks, count, sizes[0])))
        if name == "omniglot":
            data.append(np.eye(sizes[-1])[np.arange(tasks * count) % sizes[-1]].reshape(tasks, count, -1))
        else:
            data.append(random.standard_normal((tasks, count, sizes[-1])))
    return parameters, data


def adapted(name, sizes, method):
    """The positions of the parameters that the inner loop changes."""
    count = 2 if name == "linear" else 2 * (len(sizes) - 1)
    head = {1} if name == "linear" else {count - 2, count - 1}
    return head if method.endswith("anil") else set(range(count))


def chosen():
    """The workloads whose names begin as the first word of the command line."""
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    return [workload for workload in WORKLOADS if workload[0].startswith(words[0] if words else "")]


def median_microseconds(call, seconds=0.7):
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return round(1e6 * sorted(times)[len(times) // 2], 2)
