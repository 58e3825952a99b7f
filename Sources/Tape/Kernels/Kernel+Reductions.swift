extension Kernel {
  /// Sums the first operand to the shape of the result: over rows, over columns, or over both.
  static let sum = Kernel { call in
    let (rows, columns) = (call.a.shape.rows, call.a.shape.columns)
    let (source, result) = (call.a.base, call.result)
    // A sum of one number is that number, also if it is −0.
    if call.shape == call.a.shape && !call.continues {
      for i in 0..<call.shape.count { result[i] = source[i] }
    } else if call.shape.columns == columns {
      sumRows(source, Shape(rows, columns), result, continues: call.continues)
    } else {
      var all = call.continues ? result[0] : 0
      for row in 0..<rows {
        var total = 0.0
        for column in 0..<columns { total += source[row * columns + column] }
        all += total
        if call.shape.rows == rows && !call.continues { result[row] = total }
      }
      if call.shape.rows < rows || call.continues { result[0] = all }
    }
  }

  /// Adds the rows, eight columns at a time, so that the sums stay in a register.
  private static func sumRows(
    _ source: UnsafePointer<Double>, _ shape: Shape, _ result: UnsafeMutablePointer<Double>,
    continues: Bool
  ) {
    var column = 0
    while column + 8 <= shape.columns {
      var total = continues ? SIMD8(UnsafePointer(result) + column) : SIMD8<Double>()
      for row in 0..<shape.rows {
        total += SIMD8(source + row * shape.columns + column)
      }
      total.store(result + column, 8)
      column += 8
    }
    while column < shape.columns {
      var total = continues ? result[column] : 0
      for row in 0..<shape.rows { total += source[row * shape.columns + column] }
      result[column] = total
      column += 1
    }
  }

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
