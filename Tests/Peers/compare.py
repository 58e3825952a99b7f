"""Runs autodiff-demo bench and its peers in turn and prints the ratios of their times.

python compare.py [PREFIX]; needs JAX in this Python, and a release build of autodiff-demo. A ratio
above one says that we are faster. Each workload is timed ours, JAX float64, JAX float32, ours again,
so that a machine whose speed drifts shows in the last column.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BENCH = [ROOT / ".build" / "release" / "autodiff-demo", "bench", "--json", "--workload"]
PEERS = pathlib.Path(__file__).parent
JAX = [sys.executable, PEERS / "bench_jax.py"]
NAVIGATION = [sys.executable, PEERS / "bench_navigation.py", "--json"]


def run(command):
    return times(results(command))


def results(command):
    answer = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def times(results):
    return {(r["workload"], r["method"]): r["microseconds"] for r in results}


def run_jax(workload):
    """In float64, and in float32."""
    if workload.startswith("navigation"):
        both = results(NAVIGATION)
        return [times(r for r in both if r["precision"] == name) for name in ("float64", "float32")]
    return run(JAX + [workload]), run(JAX + [workload, "--float32"])


prefix = sys.argv[1] if len(sys.argv) > 1 else ""
names = subprocess.run(
    [str(BENCH[0]), "bench", "--json", "--seconds", "0.001", "--workload", prefix],
    check=True, capture_output=True, text=True,
)
workloads = list(dict.fromkeys(r["workload"] for r in json.loads(names.stdout)))

def ratio(peer, time):
    return f"{peer / time:.2f}" if peer else "–"


print("| workload | method | ours (µs) | JAX f64 ÷ ours | f64, x (B W) | JAX f32 ÷ ours | ours again |")
print("|---|---|---:|---:|---:|---:|---:|")
for workload in workloads:
    ours = run(BENCH + [workload])
    double, single = run_jax(workload)
    linear = workload.startswith("linear")
    other = run(JAX + [workload, "--parameters-first"]) if linear else {}
    again = run(BENCH + [workload])
    for key, time in ours.items():
        if key[0] != workload:  # one name may begin another
            continue
        print(
            f"| {key[0]} | {key[1]} | {time:.1f} | {ratio(double[key], time)} "
            f"| {ratio(other.get(key), time)} | {ratio(single[key], time)} "
            f"| {ratio(again[key], time)} |",
            flush=True,
        )
