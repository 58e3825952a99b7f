#!/usr/bin/env bash
# Runs what was built on processors of 2008 and 2013, emulated: the demo of the release build and the tests
# of the kernels of the debug build. An instruction that they lack ends it. Then the same on this processor,
# with each set of kernels that it has: fused ones give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "$(uname -m)" != x86_64 ]; then
  echo "emulated.sh: skipped, this is no x86-64"
  exit 0
fi
demo=$(swift build -c release --show-bin-path)/autodiff-demo
tests=$(swift build --show-bin-path)/tapePackageTests.xctest
suites='TapeTests\.(KernelTests|KernelSetTests)'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What the demo computes over the fixtures, every digit of it.
answers() {
  local file
  for file in Tests/Fixtures/*.json; do
    for method in maml fo-maml; do "$@" "$demo" metagradient "$file" --method $method --json; done
  done
}

if command -v qemu-x86_64 >/dev/null; then
  for processor in Nehalem Haswell; do
    emulated() { qemu-x86_64 -cpu $processor "$@" 2> >(grep -v "TCG doesn't support" >&2); }
    echo "== $processor: $(emulated "$demo" bench --workload linear-20x3 --method maml --seconds 0.01 --threads 2 | head -n 1)"
    emulated "$demo" check Tests/Fixtures/*.json Tests/Fixtures/bilevel/*.json | tail -n 1
    answers emulated >"$work/$processor"
    emulated "$tests" --testing-library swift-testing --filter "$suites" 2>&1 | grep -a "Test run with"
    # In reach of the emulation: what it cannot run is refused in one line.
    if TAPE_KERNELS=avx512 emulated "$demo" bench 2>"$work/refused"; then exit 1; fi
    grep "TAPE_KERNELS: this processor cannot run the kernels 'avx512'" "$work/refused"
  done
else
  echo "emulated.sh: no emulation, there is no qemu-x86_64 (Debian's qemu-user)"
fi

echo "== this processor"
for set in baseline avx2 avx512; do
  if ! TAPE_KERNELS=$set "$demo" check Tests/Fixtures/*.json Tests/Fixtures/bilevel/*.json >"$work/check" 2>&1; then
    cat "$work/check"
    grep -q "this processor cannot run" "$work/check" && continue
    exit 1
  fi
  echo "$set: $(tail -n 1 "$work/check")"
  TAPE_KERNELS=$set answers env >"$work/$set"
done
if [ -e "$work/avx512" ]; then cmp "$work/avx2" "$work/avx512" && echo "avx2 and avx512: the same bytes"; fi
if [ -e "$work/avx2" ] && [ -e "$work/Haswell" ]; then
  cmp "$work/avx2" "$work/Haswell" && echo "avx2 and the emulated Haswell: the same bytes"
fi
