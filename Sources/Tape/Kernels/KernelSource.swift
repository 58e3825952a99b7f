import KernelInterface

/// Where the kernel of an operation comes from.
enum KernelSource: Sendable {
  /// The set that is chosen for the processor.
  case vectorized(Loop)
  /// Here: no wider register makes it faster.
  case common(Kernel)

  /// Applies `f` to each entry of the one operand.
  static func map(_ f: @escaping @Sendable (Double) -> Double) -> KernelSource {
    .common(
      Kernel { call in
        for i in 0..<call.shape.rows * call.shape.columns { call.result[i] = f(call.a.base[i]) }
      })
  }

  func kernel(_ kernels: KernelSet) -> Kernel {
    switch self {
    case .vectorized(let loop): kernels.kernel(loop)
    case .common(let kernel): kernel
    }
  }
}

extension Kernel {
  /// The logarithm of the sum of the exponentials of each row, taken relative to its largest entry.
  static let logSumExp = Kernel { call in
    for row in 0..<call.a.shape.rows {
      let (largest, rest) = logSumExp(row, of: call.a)
      call.result[row] = largest + rest
    }
  }

  /// Each entry less the logarithm of the sum of the exponentials of its row.
  ///
  /// The largest entry is taken off first, so that what is left keeps its digits. The result may lie
  /// over the operand.
  static let logSoftmax = Kernel { call in
    let columns = call.a.shape.columns
    for row in 0..<call.a.shape.rows {
      let (largest, rest) = logSumExp(row, of: call.a)
      for i in row * columns..<(row + 1) * columns {
        call.result[i] = (call.a.base[i] - largest) - rest
      }
    }
  }

  private static func logSumExp(_ row: Int, of a: Operand) -> (largest: Double, rest: Double) {
    let columns = a.shape.columns
    let entries = a.base + row * columns
    var largest = entries[0]
    for column in 1..<columns { largest = max(largest, entries[column]) }
    var total = 0.0
    for column in 0..<columns { total += scalarExp(entries[column] - largest) }
    return (largest, scalarLog(total))
  }

  /// Exchanges rows and columns.
  static let transpose = Kernel { call in
    let (rows, columns) = (call.a.shape.rows, call.a.shape.columns)
    for row in 0..<rows {
      for column in 0..<columns {
        call.result[column * rows + row] = call.a.base[row * columns + column]
      }
    }
  }
}
