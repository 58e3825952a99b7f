#!/usr/bin/env bash
# Builds the API reference of the libraries with the toolchain's own docc, warnings as errors:
# docs/reference.sh [FOLDER], by default .build/reference. A reference that is there is replaced.
set -euo pipefail

output=${1:-$(dirname "$0")/../.build/reference}
if [ -n "$(ls -A "$output" 2>/dev/null)" ] && [ ! -e "$output/data/documentation/tape.json" ]; then
  echo "reference.sh: $output holds something else than a reference" >&2
  exit 2
fi
mkdir -p "$output"
output=$(cd "$output" && pwd)
cd "$(dirname "$0")/.."

# What the compiler says of itself leads to its siblings, through whatever links and wrappers.
target=$(swift -print-target-info)
value() { sed -n "s|.*\"$1\": \"\([^\"]*\)\".*|\1|p" <<<"$target"; }
tool() {
  local path
  path=$(value runtimeResourcePath)/../../bin/$1
  if [ -x "$path" ]; then
    echo "$path"
  elif ! xcrun --find "$1" 2>/dev/null; then
    echo "reference.sh: no $1 beside swift; a toolchain from swift.org or Xcode has it" >&2
    return 1
  fi
}
docc=$(tool docc)
extract=$(tool swift-symbolgraph-extract)

swift build -c release
modules=$(swift build -c release --show-bin-path)/Modules
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

symbols=(
  -I "$modules" -I Sources/Tape/Kernels/Processor/include -target "$(value triple)" -minimum-access-level public -skip-synthesized-members
  -emit-extension-block-symbols)
if [ "$(uname)" = Darwin ]; then symbols+=(-sdk "$(xcrun --show-sdk-path)"); fi
pages=(
  --warnings-as-errors --enable-experimental-external-link-support
  --fallback-default-module-kind Library)
archives=()

# In the order of the imports, so that links lead to the modules before.
for catalogue in Sources/{Tape/Tape,Nets/Nets,Meta/Meta,Meta/Studies/Studies}.docc; do
  module=$(basename "$catalogue" .docc)
  mkdir "$work/$module"
  "$extract" -module-name "$module" "${symbols[@]}" -output-dir "$work/$module"
  "$docc" convert "$catalogue" "${pages[@]}" \
    --additional-symbol-graph-dir "$work/$module" --output-path "$work/$module.doccarchive" |
    sed '/^$/d'
  pages+=(--dependency "$work/$module.doccarchive")
  archives+=("$work/$module.doccarchive")
done

rm -rf "$output"
"$docc" merge "${archives[@]}" --synthesized-landing-page-name Tape \
  --synthesized-landing-page-topics-style list --output-path "$output" | sed '/^$/d'
echo "The reference is in $output. To read it:"
echo "  python3 -m http.server --directory '$output'   # then http://localhost:8000/documentation; Ctrl-C ends it"
