"""Adds JAX's meta-gradients to a problem file: python make_reference.py PROBLEM.json > REFERENCE.json

Needs JAX (pip install jax); computes in float64. The format is described in docs/problem-files.md.
`autodiff-demo check REFERENCE.json` then holds the engine against the result.
"""

import json
import sys

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def matrix(entry):
    return jnp.array(entry["values"], jnp.float64).reshape(entry["rows"], entry["columns"])


def entry(name, value):
    rows, columns = value.shape
    values = [float(v) for v in value.reshape(-1)]
    return {"name": name, "rows": rows, "columns": columns, "values": values}


def forward(kind, parameters, x):
    if kind == "linear":
        return x @ parameters[0] @ parameters[1]
    layers = list(zip(parameters[::2], parameters[1::2]))
    for index, (weights, bias) in enumerate(layers):
        x = x @ weights + bias
        if index < len(layers) - 1:
            x = jax.nn.relu(x)
    return x


LOSSES = {
    "half-mean-squared-error": lambda f, y: 0.5 * jnp.mean((f - y) ** 2),
    "mean-squared-error": lambda f, y: jnp.mean((f - y) ** 2),
    "softmax-cross-entropy": lambda f, y: -jnp.mean(jnp.sum(y * jax.nn.log_softmax(f), axis=1)),
}


def references(problem):
    kind = problem["network"]["kind"]
    loss = LOSSES[problem["loss"]]
    if kind == "linear":
        names, head = ["B", "W"], {1}
    else:
        layers = len(problem["network"]["sizes"]) - 1
        names = [f"{part}{layer + 1}" for layer in range(layers) for part in "Wb"]
        head = {len(names) - 2, len(names) - 1}
    by_name = {p["name"]: matrix(p) for p in problem["parameters"]}
    start = [by_name[name] for name in names]
    steps, rate = problem["adaptation"]["steps"], problem["adaptation"]["learningRate"]
    tasks = [
        tuple(matrix(task[part][side]) for part in ("support", "query") for side in ("inputs", "targets"))
        for task in problem["tasks"]
    ]

    def meta_loss(parameters, adapts, first_order):
        def task_loss(x, y, query_x, query_y):
            adapted = list(parameters)
            for _ in range(steps):
                gradient = jax.grad(lambda p: loss(forward(kind, p, x), y))(adapted)
                if first_order:
                    gradient = [jax.lax.stop_gradient(g) for g in gradient]
                adapted = [
                    p - rate * g if index in adapts else p
                    for index, (p, g) in enumerate(zip(adapted, gradient))
                ]
            return loss(forward(kind, adapted, query_x), query_y)

        return sum(task_loss(*task) for task in tasks) / len(tasks)

    everything = set(range(len(names)))
    results = {}
    for method, adapts, first_order in [
        ("maml", everything, False),
        ("fo-maml", everything, True),
        ("anil", head, False),
        ("fo-anil", head, True),
        ("joint", set(), False),
    ]:
        value, gradient = jax.value_and_grad(meta_loss)(start, adapts, first_order)
        results[method] = {
            "loss": float(value),
            "gradient": [entry(name, g) for name, g in zip(names, gradient)],
        }
    return results


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with open(sys.argv[1]) as file:
        contents = json.load(file)
    problem = contents.get("problem", contents)
    json.dump({"problem": problem, "references": references(problem)}, sys.stdout)
    print()
