import KernelInterface

extension Kernel {
  /// Applies `f` to each entry of the first operand, broadcast.
  @inline(__always)
  static func map(_ f: @escaping @Sendable (Double) -> Double) -> Kernel {
    Kernel { call in
      call.forEachRun { result, count, a, _, _ in
        if a.isUnder(result) {
          for i in 0..<count { result[i] = f(result[i]) }
        } else if a.stride == 1 {
          for i in 0..<count { result[i] = f(a.base[i]) }
        } else {
          let value = f(a.base[0])
          for i in 0..<count { result[i] = value }
        }
      }
    }
  }

  /// Applies `f` to each pair of entries of the first two operands, broadcast.
  @inline(__always)
  static func zip(_ f: @escaping @Sendable (Double, Double) -> Double) -> Kernel {
    Kernel { call in
      call.forEachRun { result, count, a, b, _ in
        switch (a.stride, b.stride) {
        case (1, 1):
          if a.isUnder(result) {
            for i in 0..<count { result[i] = f(result[i], b.base[i]) }
          } else if b.isUnder(result) {
            for i in 0..<count { result[i] = f(a.base[i], result[i]) }
          } else {
            for i in 0..<count { result[i] = f(a.base[i], b.base[i]) }
          }
        case (1, _):
          let right = b.base[0]
          if a.isUnder(result) {
            for i in 0..<count { result[i] = f(result[i], right) }
          } else {
            for i in 0..<count { result[i] = f(a.base[i], right) }
          }
        case (_, 1):
          let left = a.base[0]
          if b.isUnder(result) {
            for i in 0..<count { result[i] = f(left, result[i]) }
          } else {
            for i in 0..<count { result[i] = f(left, b.base[i]) }
          }
        default:
          let value = f(a.base[0], b.base[0])
          for i in 0..<count { result[i] = value }
        }
      }
    }
  }

  /// The second operand, but the third where the first is zero or negative (NaN keeps the second).
  static let select = Kernel { call in
    call.forEachRun { result, count, mask, b, c in
      if mask.stride == 1, b.stride == 1, c.stride == 0 {
        let otherwise = c.base[0]
        if b.isUnder(result) {
          for i in 0..<count { result[i] = mask.base[i] <= 0 ? otherwise : result[i] }
        } else {
          for i in 0..<count { result[i] = mask.base[i] <= 0 ? otherwise : b.base[i] }
        }
      } else {
        for i in 0..<count {
          result[i] =
            mask.base[i * mask.stride] <= 0 ? c.base[i * c.stride] : b.base[i * b.stride]
        }
      }
    }
  }
}

/// Consecutive entries of an operand: one after the other, or (stride 0) the same one throughout.
private struct Lane {
  let base: UnsafePointer<Double>
  let stride: Int

  /// Whether the result is written over it, entry by entry: a loop that says so needs no second
  /// pointer, and so becomes vector instructions where one with two that overlap would not.
  @inline(__always)
  func isUnder(_ result: UnsafeMutablePointer<Double>) -> Bool {
    stride == 1 && base == UnsafePointer(result)
  }
}

extension KernelCall {
  /// Walks the result in runs within which every operand either advances entry by entry or stands still.
  ///
  /// The whole matrix is one run unless a row or a column is broadcast; then each row is one.
  @inline(__always)
  fileprivate func forEachRun(_ body: (UnsafeMutablePointer<Double>, Int, Lane, Lane, Lane) -> Void)
  {
    if isWhole(a), isWhole(b), isWhole(c) {
      body(result, shape.count, whole(a), whole(b), whole(c))
    } else {
      let columns = shape.columns
      for row in 0..<shape.rows {
        body(result + row * columns, columns, lane(a, row), lane(b, row), lane(c, row))
      }
    }
  }

  @inline(__always)
  private func isWhole(_ operand: Operand) -> Bool {
    operand.shape.count == 1 || operand.shape == shape
  }

  @inline(__always)
  private func whole(_ operand: Operand) -> Lane {
    Lane(base: operand.base, stride: operand.shape == shape ? 1 : 0)
  }

  @inline(__always)
  private func lane(_ operand: Operand, _ row: Int) -> Lane {
    let start = operand.shape.rows == 1 ? 0 : row * operand.shape.columns
    return Lane(base: operand.base + start, stride: operand.shape.columns == 1 ? 0 : 1)
  }
}
