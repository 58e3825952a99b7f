"""Writes reference.json: exact MAML of the four small networks, by JAX in float64.

python -m venv venv && venv/bin/pip install jax numpy
venv/bin/python docs/examples/Tests/make_reference.py > docs/examples/Tests/reference.json
"""

import json

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

RATE, STEPS = 0.1, 2


def fill(shape, phase):
    """Numbers that both sides can make."""
    count = int(np.prod(shape))
    return jnp.array(0.8 * np.sin(phase + 1.7 * np.arange(count))).reshape(shape)


def sine(p, x):
    return jnp.sin(3 * x @ p["V"] + p["a"]) @ p["W"] + p["b"]


def recurrent(p, x):
    h = jnp.zeros((x.shape[0], 3))
    for t in range(x.shape[1]):
        h = jnp.tanh(jnp.outer(x[:, t], p["U"]) + h @ p["V"] + p["a"])
    return h @ p["W"] + p["b"]


def convolutional(p, x):
    images = x.reshape(-1, 1, 4, 4)
    kernels = p["K"].T.reshape(2, 1, 3, 3)
    maps = jax.lax.conv_general_dilated(images, kernels, (1, 1), "SAME")
    maps = jnp.tanh(maps.transpose(0, 2, 3, 1) + p["a"])
    return maps.reshape(x.shape[0], -1) @ p["W"] + p["b"]


def attention(p, x):
    tokens = x.reshape(x.shape[0], 3, 2)
    q, k, v = (tokens @ p[name] for name in "QKV")
    weights = jax.nn.softmax(q @ k.transpose(0, 2, 1) / jnp.sqrt(2.0), axis=-1)
    return (weights @ v).mean(axis=1) @ p["W"]


NETWORKS = {
    "sine": (sine, 2, {"V": (2, 4), "a": (1, 4), "W": (4, 1), "b": (1, 1)}),
    "recurrent": (
        recurrent, 5,
        {"U": (1, 3), "V": (3, 3), "a": (1, 3), "W": (3, 1), "b": (1, 1)},
    ),
    "convolutional": (
        convolutional, 16, {"K": (9, 2), "a": (1, 2), "W": (32, 1), "b": (1, 1)},
    ),
    "attention": (attention, 6, {"Q": (2, 2), "K": (2, 2), "V": (2, 2), "W": (2, 1)}),
}


def reference(network, width, shapes):
    start = {name: fill(shape, i) for i, (name, shape) in enumerate(shapes.items())}
    tasks = [
        tuple(fill(shape, 10 * task + i) for i, shape in
              enumerate([(3, width), (3, 1), (2, width), (2, 1)]))
        for task in range(2)
    ]

    def loss(p, x, y):
        return jnp.mean((network(p, x) - y) ** 2)

    def meta_loss(p):
        total = 0
        for x, y, query_x, query_y in tasks:
            adapted = p
            for _ in range(STEPS):
                slopes = jax.grad(loss)(adapted, x, y)
                adapted = {name: adapted[name] - RATE * slopes[name] for name in adapted}
            total += loss(adapted, query_x, query_y)
        return total / len(tasks)

    value, gradient = jax.value_and_grad(meta_loss)(start)
    flat = [float(number) for name in shapes for number in gradient[name].reshape(-1)]
    return {"loss": float(value), "gradient": flat}


print(json.dumps({name: reference(*parts) for name, parts in NETWORKS.items()}, indent=1))
