"""Times meta-gradients in JAX under jit, vmapped over tasks: python bench_jax.py [PREFIX] [--float32]

Needs JAX (pip install jax). Prints one JSON list of {"workload", "method", "microseconds",
"compileSeconds"}; the workloads are those of `autodiff-demo bench`, see docs/benchmarks.md.
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from make_reference import LOSSES, forward

FLOAT32 = "--float32" in sys.argv
jax.config.update("jax_enable_x64", not FLOAT32)
DTYPE = np.float32 if FLOAT32 else np.float64

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


def meta_gradient(name, sizes, steps, method):
    kind = "linear" if name == "linear" else "relu"
    loss = LOSSES[LOSS[name]]
    first_order = method.startswith("fo-")
    count = 2 if kind == "linear" else 2 * (len(sizes) - 1)
    head = {1} if kind == "linear" else {count - 2, count - 1}
    adapts = head if method.endswith("anil") else set(range(count))
    rate = 0.01

    def task_loss(parameters, x, y, query_x, query_y):
        def step(adapted, _=None):
            gradient = jax.grad(lambda p: loss(forward(kind, p, x), y))(adapted)
            if first_order:
                gradient = [jax.lax.stop_gradient(g) for g in gradient]
            return [
                p - rate * g if index in adapts else p
                for index, (p, g) in enumerate(zip(adapted, gradient))
            ], None

        adapted = list(parameters)
        if steps >= 1000:  # unrolled, XLA takes minutes: a scan, checkpointed as one would
            adapted, _ = jax.lax.scan(jax.checkpoint(step), adapted, None, length=steps)
        else:
            for _ in range(steps):
                adapted, _ = step(adapted)
        return loss(forward(kind, adapted, query_x), query_y)

    def mean_loss(parameters, *data):
        return jnp.mean(jax.vmap(task_loss, in_axes=(None, 0, 0, 0, 0))(parameters, *data))

    return jax.jit(jax.grad(mean_loss))


def inputs(name, sizes, support, query, tasks):
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
    return [jnp.array(p, DTYPE) for p in parameters], [jnp.array(d, DTYPE) for d in data]


def median_time(call, seconds):
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


if __name__ == "__main__":
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    prefix = arguments[0] if arguments else ""
    results = []
    for workload, sizes, support, query, steps, tasks, methods in WORKLOADS:
        if not workload.startswith(prefix):
            continue
        name = workload.split("-")[0]
        parameters, data = inputs(name, sizes, support, query, tasks)
        for method in methods:
            function = meta_gradient(name, sizes, steps, method)
            start = time.perf_counter()
            jax.block_until_ready(function(parameters, *data))
            compile_seconds = time.perf_counter() - start
            microseconds = 1e6 * median_time(lambda: function(parameters, *data), 0.7)
            results.append(
                {
                    "workload": workload,
                    "method": method,
                    "microseconds": round(microseconds, 2),
                    "compileSeconds": round(compile_seconds, 3),
                }
            )
            print(results[-1], file=sys.stderr)
    print(json.dumps(results))
