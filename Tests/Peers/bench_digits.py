"""Times the training of docs/studies/digits.md in JAX under jit, and says how well it learned.

python bench_digits.py [METHOD …] [--shots 1] [--seed 0] [--iterations 2000] [--float64] [--json]; needs JAX (pip install
jax). A METHOD is maml, fo-maml, anil, fo-anil or joint; without one all are trained.

Which images make an episode is drawn by numpy before the clock starts; they are fetched, and the steps made, under jit.
Compiling is not timed. `accuracy` is that of 600 test episodes after the inner steps, with a 95 % interval over them.
"""

import argparse
import json
import math
import os
import pathlib
import time

TASKS, WAYS, QUERIES, STEPS, TESTS = 16, 5, 15, 5, 600
CORES = math.gcd(TASKS, os.cpu_count())  # a device for each, that share the tasks
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={CORES}"

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, PartitionSpec

SIZES, INNER_RATE, OUTER_RATE = [64, 64, 64, 5], 0.1, 0.001
METHODS = ["maml", "fo-maml", "anil", "fo-anil", "joint"]
DATA = pathlib.Path(__file__).resolve().parents[2] / "docs" / "data" / "digits.csv"
MESH = jax.make_mesh((CORES,), ("cores",), axis_types=(AxisType.Auto,))
SHARED, SPLIT = PartitionSpec(), PartitionSpec("cores")


def classes():
    """The images, one a row from 0 to 1, and for each class of training and of test the numbers of its rows."""
    table = np.loadtxt(DATA, delimiter=",", skiprows=1)
    digits, images = table[:, 0].astype(int), table[:, 1:].reshape(-1, 8, 8) / 16
    turned = [np.rot90(images, turns, (1, 2)).reshape(-1, 64) for turns in range(4)]
    rows = lambda digit, turns: turns * len(images) + np.flatnonzero(digits == digit)
    parts = [[rows(d, t) for d in part for t in range(4)] for part in (range(6), range(6, 10))]
    return np.concatenate(turned), *parts


def episodes(random, classes, count, shots):
    """Numbers of images, count × ways × (shots + queries)."""
    draw = lambda rows: random.choice(rows, shots + QUERIES, replace=False)
    ways = lambda: random.choice(len(classes), WAYS, replace=False)
    return np.array([[draw(classes[c]) for c in ways()] for _ in range(count)], np.int32)


def logits(parameters, x):
    *hidden, (weights, bias) = zip(parameters[::2], parameters[1::2])
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    return x @ weights + bias


def loss(parameters, x, labels):
    return -jnp.mean(jnp.sum(jax.nn.log_softmax(logits(parameters, x)) * labels, -1))


def labels(count, dtype):
    return jnp.repeat(jnp.eye(WAYS, dtype=dtype), count, 0)


def halves(images, rows, shots):
    """Support and query inputs and labels of one episode."""
    x = images[rows]
    parts = x[:, :shots], x[:, shots:]
    return [a for part in parts for a in (part.reshape(-1, x.shape[-1]), labels(part.shape[1], x.dtype))]


def adapted(method, parameters, x, y):
    fixed, moving = (parameters[:-2], parameters[-2:]) if method.endswith("anil") else ([], parameters)
    inner = jax.grad(lambda p: loss(fixed + p, x, y))
    for _ in range(STEPS):
        gradient = inner(moving)
        if method.startswith("fo-"):
            gradient = jax.lax.stop_gradient(gradient)
        moving = [p - INNER_RATE * g for p, g in zip(moving, gradient)]
    return fixed + moving


def task_loss(method, parameters, images, rows, shots):
    x, y, query_x, query_y = halves(images, rows, shots)
    return loss(parameters if method == "joint" else adapted(method, parameters, x, y), query_x, query_y)


def step(method, shots):
    """One step of Adam on the episodes of an iteration, the tasks shared among the cores."""

    def gradient(parameters, images, rows):
        mean = lambda p: jnp.mean(jax.vmap(lambda r: task_loss(method, p, images, r, shots))(rows))
        return [jax.lax.pmean(g, "cores") for g in jax.grad(mean)(parameters)]

    shared = jax.shard_map(gradient, mesh=MESH, in_specs=(SHARED, SHARED, SPLIT), out_specs=SHARED, check_vma=False)

    def adam(state, images, rows):
        parameters, first, second, count = state
        slope, count = shared(parameters, images, rows), count + 1
        first = [0.9 * m + 0.1 * g for m, g in zip(first, slope)]
        second = [0.999 * v + 0.001 * g * g for v, g in zip(second, slope)]
        rates = OUTER_RATE / (1 - 0.9**count), 1 / (1 - 0.999**count)
        moved = [p - rates[0] * m / (jnp.sqrt(v * rates[1]) + 1e-8) for p, m, v in zip(parameters, first, second)]
        return moved, first, second, count

    return jax.jit(adam, donate_argnums=0)


def accuracies(method, shots):
    def one(parameters, images, rows):
        x, y, query_x, query_y = halves(images, rows, shots)
        said = jnp.argmax(logits(adapted(method, parameters, x, y), query_x), -1)
        return jnp.mean(said == jnp.argmax(query_y, -1))

    return jax.jit(jax.vmap(one, (None, None, 0)))


def initial(random, dtype):
    parameters = []
    for fan_in, fan_out in zip(SIZES, SIZES[1:]):
        parameters += [random.standard_normal((fan_in, fan_out)) * (2 / fan_in) ** 0.5, np.zeros((1, fan_out))]
    parameters = [jnp.array(p, dtype) for p in parameters]
    zeros = lambda: [jnp.zeros_like(p) for p in parameters]
    return parameters, zeros(), zeros(), jnp.zeros((), dtype)


def trained(method, shots, seed, iterations, dtype):
    random = np.random.default_rng(seed)
    images, training, test = classes()
    images, state = jnp.array(images, dtype), initial(random, dtype)
    batches = jnp.array(episodes(random, training, iterations * TASKS, shots).reshape(iterations, TASKS, WAYS, -1))
    batches = list(jax.device_put(batches))
    advance = step(method, shots)
    advance(jax.tree.map(jnp.copy, state), images, batches[0])  # compiles
    start = time.perf_counter()
    for rows in batches:
        state = advance(state, images, rows)
    jax.block_until_ready(state)
    seconds = time.perf_counter() - start
    right = np.asarray(accuracies(method, shots)(state[0], images, episodes(random, test, TESTS, shots)), np.float64)
    return {
        "method": method,
        "shots": shots,
        "precision": dtype.__name__,
        "seed": seed,
        "iterations": iterations,
        "seconds": round(seconds, 2),
        "accuracy": round(100 * right.mean(), 1),
        "interval": round(196 * right.std(ddof=1) / TESTS**0.5, 1),
    }


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("methods", nargs="*", metavar="METHOD")
    options.add_argument("--shots", type=int, default=1)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--iterations", type=int, default=2000)
    options.add_argument("--float64", action="store_true")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    jax.config.update("jax_enable_x64", chosen.float64)
    dtype, results = np.float64 if chosen.float64 else np.float32, []
    for method in chosen.methods or METHODS:
        results.append(trained(method, chosen.shots, chosen.seed, chosen.iterations, dtype))
        if not chosen.json:
            print(" ".join(f"{key} {value}" for key, value in results[-1].items()), flush=True)
    if chosen.json:
        print(json.dumps(results))
