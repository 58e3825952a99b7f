extension Kernel {
  /// Sums the first operand to the shape of the result: over rows, over columns, or over both.
  static let sum = Kernel { call in
    let (rows, columns) = (call.a.shape.rows, call.a.shape.columns)
    let (source, result) = (call.a.base, call.result)
    let rowStep = call.shape.rows == 1 ? 0 : call.shape.columns

    // A sum of one number is that number, also if it is −0.
    if call.shape == call.a.shape {
      for i in 0..<call.shape.count { result[i] = source[i] }
      return
    }
    for i in 0..<call.shape.count { result[i] = 0 }
    for row in 0..<rows {
      let entries = source + row * columns
      let target = result + row * rowStep
      if call.shape.columns == 1 {
        var total = 0.0
        for column in 0..<columns { total += entries[column] }
        target[0] += total
      } else {
        for column in 0..<columns { target[column] += entries[column] }
      }
    }
  }

  /// The logarithm of the sum of the exponentials of each row, taken relative to its largest entry.
  static let logSumExp = Kernel { call in
    let columns = call.a.shape.columns
    for row in 0..<call.a.shape.rows {
      let entries = call.a.base + row * columns
      var largest = entries[0]
      for column in 1..<columns { largest = max(largest, entries[column]) }
      var total = 0.0
      for column in 0..<columns { total += scalarExp(entries[column] - largest) }
      call.result[row] = largest + scalarLog(total)
    }
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
