import KernelInterface

// What is in this folder is compiled three times: for any processor, for AVX2 with fused multiply-adds and
// for AVX-512. So it is written in plain loops: a function of the standard library that is not inlined
// would exist once in the program, compiled for one of them, and the others would call it too.

/// The kernel that computes a loop.
package func kernel(_ loop: Loop) -> Kernel {
  switch loop {
  case .copy: .map { $0 }
  case .add: .zip { $0 + $1 }
  case .subtract: .zip { $0 - $1 }
  case .multiply: .zip { $0 * $1 }
  case .divide: .zip { $0 / $1 }
  case .product(let transposed, let ending): .product(transposed: transposed, ending: ending)
  case .sum: .sum
  case .solve: .solve
  case .gather: .gather
  case .scatterAdd: .scatterAdd
  case .relu: .map { $0 <= 0 ? 0 : $0 }
  case .step: .map { $0 > 0 ? 1 : 0 }
  case .sqrt: .map { $0.squareRoot() }
  case .select: .select
  }
}

extension Extent {
  @inline(__always)
  var count: Int { rows * columns }

  @inline(__always)
  static func == (left: Extent, right: Extent) -> Bool {
    left.rows == right.rows && left.columns == right.columns
  }
}

extension Transposition {
  // Not by `==`, which is a function of the standard library.
  @inline(__always)
  var isFirst: Bool { if case .first = self { true } else { false } }

  @inline(__always)
  var isSecond: Bool { if case .second = self { true } else { false } }
}

extension ProductEnding {
  @inline(__always)
  var isNone: Bool { if case .asItIs = self { true } else { false } }
}
