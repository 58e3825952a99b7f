"""Makes the reference of sampled adaptation, with every trajectory and every data set listed:

    python make_sampled_adaptation_reference.py > Tests/Fixtures/mdp/sampled-adaptation.json

Needs JAX (pip install jax); computes in float64. Data sets are listed in order, so that none needs a multiplicity. The
gradient of the whole objective is JAX's. For the paths the second derivative of each estimator is written out by
products of scores: no estimator is differentiated, and there is no stop-gradient here.
"""

import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

# seed: states, actions, tasks, discount, horizon, trajectories, rate, first state known, steps without chance, baseline
CASES = {
    1: (2, 2, 1, 0.9, 2, 1, 0.5, True, False, False),
    2: (2, 2, 1, 0.9, 2, 2, 2.0, True, False, False),
    3: (2, 2, 2, 1.0, 2, 2, 1.0, False, False, True),
    4: (1, 3, 2, 0.0, 1, 3, 1.5, False, False, True),
    5: (3, 2, 1, 0.8, 2, 1, 1.0, False, False, False),
    6: (2, 2, 1, 0.7, 3, 1, 3.0, True, False, True),
    7: (2, 2, 1, 0.9, 3, 2, 0.7, True, True, True),
}


def random_problem(seed):
    states, actions, tasks, discount, horizon, count, rate, starts, moves, has_baseline = CASES[seed]
    random = np.random.default_rng(seed)

    def distribution(is_certain):
        if is_certain:
            return np.eye(states)[random.integers(states)].tolist()
        counts = np.floor(100 * random.dirichlet(np.ones(states)))
        counts[random.integers(states)] += 100 - counts.sum()
        return [float(c / 100) for c in counts]

    problem = {
        "format": "mdp-1", "states": states, "actions": actions, "discount": discount, "horizon": horizon,
        "adaptation": {"steps": 1, "learningRate": rate},
        "logits": random.normal(size=(states, actions)).round(3).tolist(),
        "tasks": [
            {
                "transitions": [[distribution(moves) for _ in range(actions)] for _ in range(states)],
                "rewards": random.normal(1, 1, size=(states, actions)).round(3).tolist(),
                "start": distribution(starts),
            }
            for _ in range(tasks)
        ],
    }
    baseline = random.normal(size=(states, horizon)).round(3) * has_baseline
    return problem, count, baseline.tolist()


def trajectories(task, states, actions, horizon):
    """Every (states, actions) with the probability of its states."""
    for s in itertools.product(range(states), repeat=horizon):
        for a in itertools.product(range(actions), repeat=horizon):
            chance = task["start"][s[0]]
            for t in range(horizon - 1):
                chance *= task["transitions"][s[t]][a[t]][s[t + 1]]
            if chance > 0:
                yield s, a, chance


def outer(x, y):
    return jnp.einsum("sa,tb->satb", x, y)


def references(problem, count, baseline):
    rate, discount, horizon = problem["adaptation"]["learningRate"], problem["discount"], problem["horizon"]
    theta = jnp.array(problem["logits"])
    results = [task_references(problem, task, theta, rate, discount, horizon, count, baseline) for task in problem["tasks"]]
    mean = jax.tree_util.tree_map(lambda *parts: sum(parts) / len(parts), *results)
    return jax.tree_util.tree_map(lambda x: np.asarray(x).tolist(), mean)


def task_references(problem, task, theta, rate, discount, horizon, count, baseline):
    states, actions = theta.shape
    listed = list(trajectories(task, states, actions, horizon))
    s = jnp.array([t[0] for t in listed])
    a = jnp.array([t[1] for t in listed])
    chance = jnp.array([t[2] for t in listed])
    powers = discount ** jnp.arange(horizon) if discount else jnp.eye(horizon)[0]
    rewards = powers * jnp.array(task["rewards"])[s, a]
    advantages = jnp.cumsum(rewards[:, ::-1], 1)[:, ::-1] - powers * jnp.array(baseline)[s, jnp.arange(horizon)]
    offs = powers * jnp.array(baseline)[s, jnp.arange(horizon)]

    log = lambda theta: jax.nn.log_softmax(theta)[s, a]  # trajectory, time
    probability = lambda theta: chance * jnp.exp(log(theta).sum(1))
    # The value as the mean return over trajectories: no Bellman equation.
    value = lambda theta: probability(theta) @ rewards.sum(1)
    slope = jax.grad(value)
    scores = jax.jacobian(log)(theta)  # trajectory, time, s, a
    curvatures = jax.jacobian(jax.jacobian(log))(theta)
    estimates = lambda theta: jnp.einsum("nt,ntsa->nsa", advantages, jax.jacobian(log)(theta))

    def second(weights):
        """Of exp(w - w0), w being a sum of log-probabilities with these weights, by trajectory."""
        w = jnp.einsum("t,ntsa->nsa", weights, scores)
        return jnp.einsum("t,ntsaub->nsaub", weights, curvatures) + jax.vmap(outer)(w, w)

    def loaded(decay):
        total = 0
        for t in range(horizon):
            weights = jnp.array([decay ** (t - u) if u <= t else 0.0 for u in range(horizon)])
            before = weights - jnp.eye(horizon)[t]
            total = total + advantages[:, t, None, None, None, None] * (second(weights) - second(before))
        return total

    def dice():
        total = 0
        for t in range(horizon):
            so_far = (jnp.arange(horizon) <= t).astype(float)
            own, earlier = jnp.eye(horizon)[t], so_far - jnp.eye(horizon)[t]
            x, y = scores[:, t], jnp.einsum("t,ntsa->nsa", earlier, scores)
            # (1 - box(own)) and (1 - box(own)) (1 - box(earlier)), at second order.
            first, product = -second(own), jax.vmap(outer)(x, y) + jax.vmap(outer)(y, x)
            total = total + rewards[:, t, None, None, None, None] * second(so_far)
            total = total + offs[:, t, None, None, None, None] * (first - product)
        return total

    hessians = {
        "naive": jnp.einsum("nt,ntsaub->nsaub", advantages, curvatures),
        "lvc": sum(
            advantages[:, t, None, None, None, None] * second(jnp.eye(horizon)[t]) for t in range(horizon)
        ),
        "dice": dice(),
        "loaded-dice-0.5": loaded(0.5),
    }

    sets = jnp.array(list(itertools.product(range(len(listed)), repeat=count)))

    def sampled(theta):
        step = estimates(theta)[sets].mean(1)
        return probability(theta)[sets].prod(1) @ jax.vmap(lambda step: value(theta + rate * step))(step)

    chances = probability(theta)[sets].prod(1)
    adapted = theta + rate * estimates(theta)[sets].mean(1)
    values, slopes = jax.vmap(value)(adapted), jax.vmap(slope)(adapted)
    whole_scores = scores.sum(1)[sets]  # data set, member, s, a
    score = jnp.einsum("d,d,dnsa->sa", chances, values, whole_scores)
    shares = rate / count * jnp.einsum("dnsa,dsa->dn", estimates(theta)[sets], slopes)
    linear = jnp.einsum("d,dn,dnsa->sa", chances, shares, whole_scores)
    gradients = {
        "expected": jax.grad(lambda theta: value(theta + rate * slope(theta)))(theta),
        "sampled": jax.grad(sampled)(theta),
    }
    for name, hessian in hessians.items():
        path = jnp.einsum("d,dsa->sa", chances, slopes) + rate * jnp.einsum(
            "d,dsaub,dub->sa", chances, hessian[sets].mean(1), slopes
        )
        gradients |= {name: path, f"{name}+score": path + score, f"{name}+linearised-score": path + linear}
    return {
        "value": value(theta),
        "expectedValue": value(theta + rate * slope(theta)),
        "sampledValue": sampled(theta),
        "gradients": gradients,
    }


answer = []
for seed in CASES:
    problem, count, baseline = random_problem(seed)
    answer.append(
        {"problem": problem, "trajectories": count, "baseline": baseline, "references": references(problem, count, baseline)}
    )
print(json.dumps(answer))
