"""Times one sampled meta-gradient on 2-D navigation in JAX under jit.

python bench_navigation.py [METHOD] [--json]; needs JAX (pip install jax). METHOD is maml, fo-maml or dice-maml, whose
surrogate is Loaded DiCE at lambda 1 in the place of LVC; without it all are timed, in float64 and in float32. The first
two are `autodiff-demo bench --workload navigation`: 20 tasks of 20 trajectories of 100 steps, a ReLU network 2-64-64-2
with a learned log deviation. One call samples at theta, fits the baselines, adapts, samples at what each task adapted
to, and differentiates the mean objective through the adaptation, the samples held constant. Prints microseconds: the
median and the best of the whole, and the best of its phases apart: `sampling` is both samples with their advantages,
`gradient` the rest.
"""

import json
import math
import os
import sys
import time

CORES = math.gcd(20, os.cpu_count())  # a device for each, that share the tasks
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={CORES}"

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient
from jax.sharding import AxisType, PartitionSpec

jax.config.update("jax_enable_x64", True)

TASKS, TRAJECTORIES, HORIZON, SIZES = 20, 20, 100, [2, 64, 64, 2]
DISCOUNT, INNER_RATE, RIDGE, SCALE, TOLERANCE = 0.99, 0.1, 1e-5, 0.1, 0.01
MESH = jax.make_mesh((CORES,), ("cores",), axis_types=(AxisType.Auto,))
SHARED, SPLIT = PartitionSpec(), PartitionSpec("cores")
# Tried, two cores, float64: vmap over tasks 173 ms, map over them 97 ms, sampling at theta by vmap 84 ms, scans unrolled
# by four 82 ms; one device 94 ms. No faster: reverse over reverse, columns for rows, random bits by rbg, unrolling by ten.
UNROLL = 4


def initial(dtype):
    random = np.random.default_rng(0)
    parameters = []
    for fan_in, fan_out in zip(SIZES, SIZES[1:]):
        parameters += [random.standard_normal((fan_in, fan_out)) * (1 / fan_in) ** 0.5, np.zeros((1, fan_out))]
    goals = random.uniform(-0.5, 0.5, (TASKS, 2))
    return [jnp.array(p, dtype) for p in parameters + [np.zeros((1, SIZES[-1]))]], jnp.array(goals, dtype)


def mean_action(parameters, x):
    *hidden, (weights, bias) = zip(parameters[:-1:2], parameters[1:-1:2])
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    return x @ weights + bias


def log_probability(parameters, observations, actions):
    z = (actions - mean_action(parameters, observations)) * jnp.exp(-parameters[-1])
    return -0.5 * jnp.sum(z * z, -1) - jnp.sum(parameters[-1]) - math.log(2 * math.pi)


def sample(parameters, goal, key):
    """Observations and actions, HORIZON x TRAJECTORIES x 2, and advantages."""
    noise = jnp.exp(parameters[-1]) * jax.random.normal(key, (HORIZON, TRAJECTORIES, 2), goal.dtype)

    def step(carry, noise):
        state, alive = carry
        action = mean_action(parameters, state) + noise
        following = state + SCALE * jnp.clip(action, -1, 1)
        offset = following - goal
        reward = jnp.where(alive, -jnp.sqrt(jnp.sum(offset * offset, -1)), 0)
        arrived = jnp.all(jnp.abs(offset) < TOLERANCE, -1)
        return (following, alive & ~arrived), (state, action, reward, alive)

    start = jnp.zeros((TRAJECTORIES, 2), goal.dtype), jnp.ones(TRAJECTORIES, bool)
    _, (observations, actions, rewards, alive) = jax.lax.scan(step, start, noise, unroll=UNROLL)
    return observations, actions, advantages(observations, rewards, alive.astype(goal.dtype))


def advantages(observations, rewards, mask):
    """Returns from each step on minus their ridge regression, standardised over the task, over HORIZON."""
    times = np.arange(HORIZON)
    lags = times[None, :] - times[:, None]
    returns = np.where(lags < 0, 0, DISCOUNT ** np.maximum(lags, 0.0)).astype(mask.dtype) @ rewards
    t = np.broadcast_to(times[:, None, None] / HORIZON, mask.shape + (1,)).astype(mask.dtype)
    features = jnp.concatenate([observations, observations**2, t, t**2, t**3, np.ones_like(t)], -1)
    x = (features * mask[..., None]).reshape(-1, features.shape[-1])
    weights = jnp.linalg.solve(x.T @ x + RIDGE * jnp.eye(x.shape[1], dtype=x.dtype), x.T @ returns.reshape(-1))
    rest, count = (returns - features @ weights) * mask, jnp.sum(mask)
    rest = (rest - jnp.sum(rest) / count) * mask
    return rest / jnp.sqrt(jnp.sum(rest * rest) / count) / HORIZON


def box(x):
    return jnp.exp(x - stop_gradient(x))


def objective(method, parameters, data):
    observations, actions, advantages = data
    l = log_probability(parameters, observations.reshape(-1, 2), actions.reshape(-1, 2)).reshape(HORIZON, -1)
    if method == "dice-maml":
        w = jnp.tril(jnp.ones((HORIZON, HORIZON), l.dtype)) @ l
        terms = box(w) - box(w - l)
    else:
        terms = box(l) - 1
    return jnp.sum(terms * advantages) / TRAJECTORIES


def task_gradient(method, parameters, inner, outer_at):
    """The derivative, by the parameters before adaptation, of the objective after it."""
    inner_gradient = jax.grad(lambda p: objective(method, p, inner))
    if method == "fo-maml":
        gradient = inner_gradient(parameters)
    else:
        gradient, hessian_times = jax.linearize(inner_gradient, parameters)
    adapted = [p + INNER_RATE * g for p, g in zip(parameters, gradient)]
    outer = outer_at(adapted)
    result = jax.grad(lambda p: objective(method, p, outer))(adapted)
    if method == "fo-maml":
        return result
    return [v + INNER_RATE * h for v, h in zip(result, hessian_times(result))]


def on_cores(function, in_specs, out_specs):
    return jax.jit(jax.shard_map(function, mesh=MESH, in_specs=in_specs, out_specs=out_specs, check_vma=False))


def mean_over_tasks(gradients):
    return [jax.lax.pmean(jnp.mean(g, 0), "cores") for g in gradients]


def whole(method):
    def local(parameters, goals, inner_keys, outer_keys):
        def task(given):
            inner, goal, key = given
            return task_gradient(method, parameters, inner, lambda adapted: sample(adapted, goal, key))

        inner = jax.vmap(sample, (None, 0, 0))(parameters, goals, inner_keys)
        return mean_over_tasks(jax.lax.map(task, (inner, goals, outer_keys)))

    return on_cores(local, (SHARED, SPLIT, SPLIT, SPLIT), SHARED)


def gradient_of_samples(method):
    def local(parameters, inner, outer):
        task = lambda data: task_gradient(method, parameters, data[0], lambda _: data[1])
        return mean_over_tasks(jax.lax.map(task, (inner, outer)))

    return on_cores(local, (SHARED, SPLIT, SPLIT), SHARED)


def samples():
    def local(parameters, adapted, goals, inner_keys, outer_keys):
        inner = jax.vmap(sample, (None, 0, 0))(parameters, goals, inner_keys)
        return inner, jax.lax.map(lambda given: sample(*given), (adapted, goals, outer_keys))

    return on_cores(local, (SHARED, SPLIT, SPLIT, SPLIT, SPLIT), SPLIT)


def microseconds(call, seconds=4):
    """Of calls 1, 2, …, each given its number; the first, which compiles, is not among them. In order of size."""
    jax.block_until_ready(call(0))
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        jax.block_until_ready(call(len(times) + 1))
        times.append(round(1e6 * (time.perf_counter() - start)))
    return sorted(times)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    fresh = jax.jit(lambda run: jax.random.split(jax.random.fold_in(jax.random.key(1), run), (2, TASKS)))
    both, results = samples(), []
    for dtype in (np.float64, np.float32):
        parameters, goals = initial(dtype)
        inner, _ = both(parameters, [jnp.stack([p] * TASKS) for p in parameters], goals, *fresh(0))
        gradient = lambda data: jax.grad(lambda p: objective("maml", p, data))(parameters)
        adapted = [p + INNER_RATE * g for p, g in zip(parameters, jax.lax.map(gradient, inner))]
        inner, outer = both(parameters, adapted, goals, *fresh(0))
        for method in words or ["maml", "fo-maml", "dice-maml"]:
            complete, rest = whole(method), gradient_of_samples(method)
            times = microseconds(lambda run: complete(parameters, goals, *fresh(run)))
            result = {
                "workload": "navigation-2x64x64x2-n20-h100-t20",
                "method": method,
                "precision": dtype.__name__,
                "microseconds": times[len(times) // 2],
                "best": times[0],
                "sampling": microseconds(lambda run: both(parameters, adapted, goals, *fresh(run)))[0],
                "gradient": microseconds(lambda run: rest(parameters, inner, outer))[0],
            }
            results.append(result)
            if "--json" not in sys.argv:
                print(" ".join(f"{key} {value}" for key, value in result.items()), flush=True)
    if "--json" in sys.argv:
        print(json.dumps(results))
