#!/usr/bin/env bash
# Builds a small program that requires the last commit by a version tag, and runs a gradient in it.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/tape"
git -C "$work/tape" -c user.name=tape -c user.email=tape@localhost tag -f -m "A release" 1.2.3 >/dev/null

mkdir -p "$work/program/Sources/program"
cat >"$work/program/Package.swift" <<END
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "program", platforms: [.macOS(.v15)],
  dependencies: [.package(url: "file://$work/tape", from: "1.0.0")],
  targets: [
    .executableTarget(name: "program", dependencies: [.product(name: "Tape", package: "tape")])
  ])
END
cat >"$work/program/Sources/program/main.swift" <<'END'
import Tape

print(gradient(at: try Matrix([[1, 2], [3, 4]])) { ($0.matmul($0) * 0.5).sum() }.elements)
END
# By hand: at [i, j] half the sum of column i plus half that of row j.
answer=$(swift run -c release --package-path "$work/program" \
  --cache-path "$work/cache" --security-path "$work/security" program)
echo "$answer"
test "$answer" = "[3.5, 5.5, 4.5, 6.5]"
