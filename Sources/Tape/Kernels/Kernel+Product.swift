extension Kernel {
  /// The matrix product, with the first or the second operand read as its transpose.
  ///
  /// Both loops below add the terms of an entry in one fixed order, so a product is the same bits
  /// wherever its operands lie.
  static func product(transposed: ShapeRule.Transposition) -> Kernel {
    switch transposed {
    case .none:
      Kernel { call in
        let (m, k, n) = (call.shape.rows, call.a.shape.columns, call.shape.columns)
        if n == 1 {
          // A k×1 column lies in memory as a 1×k row: entries are dot products.
          dotProducts(call.result, call.a.base, call.b.base, m: m, k: k, n: 1)
        } else {
          rowSums(call.result, call.a.base, (k, 1), call.b.base, m: m, k: k, n: n)
        }
      }
    case .first:
      Kernel { call in
        let (m, k, n) = (call.shape.rows, call.a.shape.rows, call.shape.columns)
        if n == 1 {
          // aᵀ·b is the row bᵀ·a, whose inner loop runs along the rows of a.
          rowSums(call.result, call.b.base, (1, 1), call.a.base, m: 1, k: k, n: m)
        } else {
          rowSums(call.result, call.a.base, (1, m), call.b.base, m: m, k: k, n: n)
        }
      }
    case .second:
      Kernel { call in
        let (m, k, n) = (call.shape.rows, call.a.shape.columns, call.shape.columns)
        dotProducts(call.result, call.a.base, call.b.base, m: m, k: k, n: n)
      }
    }
  }
}

/// `result[i, j] = Σₚ a[i, p] · b[p, j]` in tiles of 4 rows and 4 columns, along the rows of `b`.
///
/// `a[i, p]` is found at `i · strides.row + p · strides.term`; `b` is k×n, row by row.
private func rowSums(
  _ result: UnsafeMutablePointer<Double>,
  _ a: UnsafePointer<Double>, _ strides: (row: Int, term: Int),
  _ b: UnsafePointer<Double>, m: Int, k: Int, n: Int
) {
  var i = 0
  while i < m {
    let tall = i + 4 <= m
    let a0 = a + i * strides.row
    var j = 0
    while j + 4 <= n {
      if tall {
        var (s0, s1, s2, s3) = (SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>(), SIMD4<Double>())
        for p in 0..<k {
          let row = load4(b + p * n + j)
          let term = a0 + p * strides.term
          s0 += term[0] * row
          s1 += term[strides.row] * row
          s2 += term[2 * strides.row] * row
          s3 += term[3 * strides.row] * row
        }
        store4(s0, result + i * n + j)
        store4(s1, result + (i + 1) * n + j)
        store4(s2, result + (i + 2) * n + j)
        store4(s3, result + (i + 3) * n + j)
      } else {
        var s = SIMD4<Double>()
        for p in 0..<k { s += a0[p * strides.term] * load4(b + p * n + j) }
        store4(s, result + i * n + j)
      }
      j += 4
    }
    while j < n {
      for row in 0..<(tall ? 4 : 1) {
        var s = 0.0
        for p in 0..<k { s += a0[row * strides.row + p * strides.term] * b[p * n + j] }
        result[(i + row) * n + j] = s
      }
      j += 1
    }
    i += tall ? 4 : 1
  }
}

/// `result[i, j] = Σₚ a[i, p] · b[j, p]`, along the rows of both.
private func dotProducts(
  _ result: UnsafeMutablePointer<Double>,
  _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, m: Int, k: Int, n: Int
) {
  for i in 0..<m {
    for j in 0..<n {
      let (x, y) = (a + i * k, b + j * k)
      var sums = SIMD4<Double>()
      var p = 0
      while p + 4 <= k {
        sums += load4(x + p) * load4(y + p)
        p += 4
      }
      var total = sums.sum()
      while p < k {
        total += x[p] * y[p]
        p += 1
      }
      result[i * n + j] = total
    }
  }
}

@inline(__always)
private func load4(_ pointer: UnsafePointer<Double>) -> SIMD4<Double> {
  UnsafeRawPointer(pointer).loadUnaligned(as: SIMD4<Double>.self)
}

@inline(__always)
private func store4(_ value: SIMD4<Double>, _ pointer: UnsafeMutablePointer<Double>) {
  UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: SIMD4<Double>.self)
}
