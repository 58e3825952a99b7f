import KernelInterface

extension Kernel {
  /// Sums the first operand to the shape of the result: over rows, over columns, or over both.
  static let sum = Kernel { call in
    let (rows, columns) = (call.a.shape.rows, call.a.shape.columns)
    let (source, result) = (call.a.base, call.result)
    // A sum of one number is that number, also if it is −0.
    if call.shape == call.a.shape && !call.continues {
      for i in 0..<call.shape.count { result[i] = source[i] }
    } else if call.shape.columns == columns {
      sumRows(source, Extent(rows, columns), result, continues: call.continues)
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
    _ source: UnsafePointer<Double>, _ shape: Extent, _ result: UnsafeMutablePointer<Double>,
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
}
