"""Times meta-gradients in PyTorch, functional and vmapped over tasks: python bench_torch.py [PREFIX]

Needs PyTorch (pip install torch). Prints the same JSON as bench_jax.py, in float64; `--float32` for
single precision. The inner loop is differentiated by torch.func.grad within torch.func.vmap, eager,
as one would write it; a task at a time, in a Python loop, is slower still.
"""

import json
import sys

import torch
import torch.nn.functional as F
from torch.func import grad, vmap

from workloads import LOSS, adapted, arrays, chosen, median_microseconds

DTYPE = torch.float32 if "--float32" in sys.argv else torch.float64


def forward(linear, parameters, x):
    if linear:
        return x @ parameters[0] @ parameters[1]
    for layer in range(0, len(parameters), 2):
        x = x @ parameters[layer] + parameters[layer + 1]
        if layer + 2 < len(parameters):
            x = torch.relu(x)
    return x


LOSSES = {
    "half-mean-squared-error": lambda o, y: 0.5 * ((o - y) ** 2).mean(),
    "mean-squared-error": lambda o, y: ((o - y) ** 2).mean(),
    "softmax-cross-entropy": lambda o, y: -(y * F.log_softmax(o, 1)).sum(1).mean(),
}


def meta_gradient(name, sizes, steps, method):
    linear = name == "linear"
    loss = LOSSES[LOSS[name]]
    adapts = adapted(name, sizes, method)

    def task_loss(parameters, x, y, query_x, query_y):
        current = list(parameters)
        for _ in range(steps):
            gradient = grad(lambda p: loss(forward(linear, p, x), y))(current)
            if method.startswith("fo-"):
                gradient = [g.detach() for g in gradient]
            current = [
                p - 0.01 * g if index in adapts else p
                for index, (p, g) in enumerate(zip(current, gradient))
            ]
        return loss(forward(linear, current, query_x), query_y)

    def mean_loss(parameters, *data):
        return vmap(task_loss, in_dims=(None, 0, 0, 0, 0))(parameters, *data).mean()

    return grad(mean_loss)


if __name__ == "__main__":
    results = []
    for workload, sizes, support, query, steps, tasks, methods in chosen():
        if steps >= 1000:  # a tape of 1000 steps takes minutes
            continue
        name = workload.split("-")[0]
        parameters, data = [
            [torch.tensor(a, dtype=DTYPE) for a in part]
            for part in arrays(name, sizes, support, query, tasks)
        ]
        for method in methods:
            function = meta_gradient(name, sizes, steps, method)
            function(parameters, *data)
            microseconds = median_microseconds(lambda: function(parameters, *data))
            results.append({"workload": workload, "method": method, "microseconds": microseconds})
            print(results[-1], file=sys.stderr)
    print(json.dumps(results))
