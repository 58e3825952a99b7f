#!/usr/bin/env bash
# Proves that what is compiled for one kind of processor is called by nobody else: symbols.sh [release|debug].
#
# - Objects of the AVX2 and AVX-512 kernels define no function that the linker may merge with one of the same
#   name elsewhere, unless its name holds that of the kernels' own module.
# - In the program, nothing but those kernels holds an instruction that an x86-64 of 2003 lacks, and
#   nothing but the AVX-512 kernels one that AVX2 lacks.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "$(uname -m)" != x86_64 ]; then
  echo "symbols.sh: skipped, this is no x86-64"
  exit 0
fi
configuration=${1:-release}
build=$(swift build -c "$configuration" --show-bin-path)
failed=0

for module in AVX2Kernels AVX512Kernels; do
  shared=$(nm "$build/$module.build/"*.o | awk 'NF == 3 && $2 ~ /^[WwVvu]$/ { print $2, $3 }' | sort -u)
  # Data that is merged is equal; code is what matters. Local symbols are nobody else's.
  foreign=$(awk '$1 ~ /[Wwu]/ { print $2 }' <<<"$shared" | grep -v "$module" || true)
  # A name is mangled by words that were seen before: AVX2Kernels may stand as 4AVX27Kernels does.
  echo "$module: $(grep -c . <<<"$shared") mergeable symbols, $(grep -c . <<<"$foreign" || true) of them not its own"
  if [ -n "$foreign" ]; then
    swift demangle <<<"$foreign" >&2
    failed=1
  fi
done

# By function: whether it has instructions of AVX (v...), of AVX-512 (wide or masked registers, and the upper
# sixteen), or of the general ones that came with AVX2.
objdump -d --no-show-raw-insn "$build/autodiff-demo" | awk '
  /^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3); functions++; next }
  name == "" || !/^ / { next }
  {
    operation = $2
    isWide = /%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])/
    isNew = operation ~ /^v/ && operation !~ /^ver[rw]$/ ||
      operation ~ /^(shlx|sarx|shrx|mulx|rorx|andn|bextr|bzhi|pdep|pext|blsr|blsi|blsmsk|lzcnt|movbe)[lqw]?$/
    instructions++
    if (isWide) wide[name]++
    else if (isNew) avx2[name]++
  }
  END {
    for (name in wide) if (name ~ /AVX512Kernels/) in512++; else { print name ": AVX-512"; bad++ }
    for (name in avx2) if (name ~ /AVX512Kernels/ || name ~ /AVX2Kernels/) in256++
      else { print name ": AVX2"; bad++ }
    printf "%d functions, %d instructions; %d kernels with AVX-512, %d with AVX2, %d elsewhere\n", \
      functions, instructions, in512, in256, bad
    exit bad > 0 || in512 == 0 || in256 == 0
  }' || failed=1
exit $failed
