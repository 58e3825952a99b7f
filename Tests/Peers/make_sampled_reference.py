"""Makes Tests/Fixtures/policy/sampled-policy.json: surrogates of the policy gradient on fixed trajectories.

python make_sampled_reference.py > ../Fixtures/policy/sampled-policy.json; needs JAX (pip install jax), computes in float64.
A ReLU network 2-5-4-2 gives the mean of a normal policy, a row its log deviation. Two batches, inner and outer, of 3
trajectories of 6 steps, the second of which ends after 4. All numbers are made up but for this: an advantage is the
discounted reward from there on minus the baseline, so that DiCE is Loaded DiCE at λ = 1. Rewards and baselines are
discounted from the first step. What has ended has advantages, rewards and baselines of zero, and its actions and its
observations, which are not zero, may not count. Gradients and the direction are by the parameters' names.
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import stop_gradient

jax.config.update("jax_enable_x64", True)

SIZES, TRAJECTORIES, HORIZON, DISCOUNT, INNER_RATE = [2, 5, 4, 2], 3, 6, 0.9, 0.3
NAMES = ["W1", "b1", "W2", "b2", "W3", "b3", "logDeviation"]
random = np.random.default_rng(12)


def parameters(scale):
    shapes = [shape for i, o in zip(SIZES, SIZES[1:]) for shape in ((i, o), (1, o))] + [(1, SIZES[-1])]
    return [(scale * random.normal(size=shape)).round(3) for shape in shapes]


def batch():
    mask = np.ones((TRAJECTORIES, HORIZON))
    mask[1, 4:] = 0
    discounts = DISCOUNT ** np.arange(HORIZON)
    rewards = mask * discounts * random.normal(0.3, 0.3, mask.shape).round(3)
    baselines = mask * discounts * random.normal(0.5, 0.3, mask.shape).round(3)
    rows = (TRAJECTORIES * HORIZON, SIZES[0])
    return {
        "observations": random.normal(size=rows).round(3),
        "actions": random.normal(size=rows).round(3),
        "mask": mask,
        "advantages": np.cumsum(rewards[:, ::-1], 1)[:, ::-1] * mask - baselines,
        "rewards": rewards,
        "baselines": baselines,
    }


def log_probabilities(parameters, batch):
    *layers, log_deviation = parameters
    mean = batch["observations"]
    for index in range(0, len(layers), 2):
        mean = mean @ layers[index] + layers[index + 1]
        if index + 2 < len(layers):
            mean = jax.nn.relu(mean)
    logs = jax.scipy.stats.norm.logpdf(batch["actions"], mean, jnp.exp(log_deviation)).sum(1)
    return batch["mask"] * logs.reshape(TRAJECTORIES, HORIZON)


def box(x):
    return jnp.exp(x - stop_gradient(x))


def loaded(decay):
    def terms(l, batch):
        w = [l[:, 0]]
        for time in range(1, HORIZON):
            w.append(decay * w[-1] + l[:, time])
        w = jnp.stack(w, 1)
        return (box(w) - box(w - l)) * batch["advantages"]

    return terms


def dice(l, batch):
    """With both terms of the baseline; all of it but the return itself, which `objective` adds."""
    until, before = jnp.cumsum(l, 1), jnp.cumsum(l, 1) - l
    first = (1 - box(l)) * batch["baselines"]
    second = (1 - box(l)) * (1 - box(before)) * batch["baselines"]
    return (box(until) - 1) * batch["rewards"] + first - second


SURROGATES = {
    "naive": lambda l, batch: (l - stop_gradient(l)) * batch["advantages"],
    "lvc": lambda l, batch: (box(l) - 1) * batch["advantages"],
    "dice": dice,
    "loaded-dice-0": loaded(0.0),
    "loaded-dice-0.5": loaded(0.5),
    "loaded-dice-1": loaded(1.0),
}


def objective(terms, parameters, batch):
    """A surrogate whose value is the mean discounted return."""
    terms = terms(log_probabilities(parameters, batch), batch) + batch["rewards"]
    return terms.sum() / TRAJECTORIES


def outer_value(terms, parameters, inner, outer, first_order):
    gradient = jax.grad(lambda p: objective(terms, p, inner))(parameters)
    if first_order:
        gradient = stop_gradient(gradient)
    adapted = [p + INNER_RATE * g for p, g in zip(parameters, gradient)]
    return objective(SURROGATES["lvc"], adapted, outer)


def reference(terms, theta, direction, inner, outer):
    gradient = jax.grad(lambda p: objective(terms, p, inner))
    meta = jax.grad(lambda p, first_order: outer_value(terms, p, inner, outer, first_order))
    return {
        "value": objective(terms, theta, inner),
        "gradient": gradient(theta),
        "hessianTimesDirection": jax.jvp(gradient, (theta,), (direction,))[1],
        "outerValue": outer_value(terms, theta, inner, outer, False),
        "metaGradient": meta(theta, False),
        "firstOrderMetaGradient": meta(theta, True),
    }


def plain(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf).tolist(), tree)


def named(values):
    return dict(zip(NAMES, plain(values)))


def largest_difference(one, other):
    """Relative to the largest entry, array by array."""
    differences = jax.tree.map(lambda a, b: float(jnp.abs(a - b).max() / jnp.abs(b).max()), one, other)
    return max(jax.tree.leaves(differences))


if __name__ == "__main__":
    theta, direction = parameters(0.6), parameters(1.0)
    inner, outer = batch(), batch()
    references = {
        name: reference(terms, [jnp.array(p) for p in theta], [jnp.array(d) for d in direction], inner, outer)
        for name, terms in SURROGATES.items()
    }
    for one, other in (("dice", "loaded-dice-1"), ("lvc", "loaded-dice-0")):
        difference = largest_difference(references[one], references[other])
        assert difference < 1e-13, (one, other, difference)
    for name, result in references.items():
        apart = largest_difference(result["metaGradient"], result["firstOrderMetaGradient"])
        print(f"{name}: the meta-gradient is {apart:.3g} from first order", file=sys.stderr)
    json.dump(
        {
            "sizes": SIZES,
            "parameters": named(theta),
            "direction": named(direction),
            "innerRate": INNER_RATE,
            "inner": plain(inner),
            "outer": plain(outer),
            "references": {
                name: {
                    key: named(value) if isinstance(value, list) else float(value)
                    for key, value in result.items()
                }
                for name, result in references.items()
            },
        },
        sys.stdout,
    )
    print()
