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
from workloads import LOSS, adapted, arrays, chosen, median_microseconds

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
    adapts = adapted(name, sizes, method)
    rate = 0.01

    def task_loss(parameters, x, y, query_x, query_y):
        def step(current, _=None):
            gradient = jax.grad(lambda p: loss(network(p, x), y))(current)
            if first_order:
                gradient = [jax.lax.stop_gradient(g) for g in gradient]
            return [
                p - rate * g if index in adapts else p
                for index, (p, g) in enumerate(zip(current, gradient))
            ], None

        current = list(parameters)
        if steps >= 1000:  # unrolled, XLA takes minutes: a scan, checkpointed as one would
            current, _ = jax.lax.scan(jax.checkpoint(step), current, None, length=steps)
        else:
            for _ in range(steps):
                current, _ = step(current)
        return loss(network(current, query_x), query_y)

    def mean_loss(parameters, *data):
        return jnp.mean(jax.vmap(task_loss, in_axes=(None, 0, 0, 0, 0))(parameters, *data))

    return jax.jit(jax.grad(mean_loss))


if __name__ == "__main__":
    results = []
    for workload, sizes, support, query, steps, tasks, methods in chosen():
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
            microseconds = median_microseconds(
                lambda: jax.block_until_ready(function(parameters, *data))
            )
            results.append(
                {
                    "workload": workload,
                    "method": method,
                    "microseconds": microseconds,
                    "compileSeconds": round(compile_seconds, 3),
                }
            )
            print(results[-1], file=sys.stderr)
    print(json.dumps(results))
