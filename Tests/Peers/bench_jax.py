"""Times meta-gradients in JAX under jit, vmapped over tasks.

python bench_jax.py [PREFIX] [--float32] [--parameters-first]; needs JAX (pip install jax). The last
option writes the linear network as x (B W) instead of (x B) W. Prints one JSON list of {"workload", "method", "microseconds",
"compileSeconds"}; the workloads are those of `autodiff-demo bench`, see docs/benchmarks.md.
"""

import json
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

from make_reference import LOSSES, forward
from workloads import LOSS, WORKLOADS, arrays

FLOAT32 = "--float32" in sys.argv
jax.config.update("jax_enable_x64", not FLOAT32)
DTYPE = np.float32 if FLOAT32 else np.float64

def meta_gradient(name, sizes, steps, method):
    kind = "linear" if name == "linear" else "relu"
    if kind == "linear" and "--parameters-first" in sys.argv:
        network = lambda p, x: x @ (p[0] @ p[1])
    else:
        network = lambda p, x: forward(kind, p, x)
    loss = LOSSES[LOSS[name]]
    first_order = method.startswith("fo-")
    count = 2 if kind == "linear" else 2 * (len(sizes) - 1)
    head = {1} if kind == "linear" else {count - 2, count - 1}
    adapts = head if method.endswith("anil") else set(range(count))
    rate = 0.01

    def task_loss(parameters, x, y, query_x, query_y):
        def step(adapted, _=None):
            gradient = jax.grad(lambda p: loss(network(p, x), y))(adapted)
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
        return loss(network(adapted, query_x), query_y)

    def mean_loss(parameters, *data):
        return jnp.mean(jax.vmap(task_loss, in_axes=(None, 0, 0, 0, 0))(parameters, *data))

    return jax.jit(jax.grad(mean_loss))


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
        parameters, data = [
            [jnp.array(a, DTYPE) for a in part]
            for part in arrays(name, sizes, support, query, tasks)
        ]
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
