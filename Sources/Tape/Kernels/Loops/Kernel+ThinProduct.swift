import KernelInterface

extension Kernel {
  /// The product with one column, whose terms lie side by side in memory: each of eight sums takes every
  /// eighth term, and the sums are added last.
  @inline(__always)
  static func multiplyByColumn(_ call: KernelCall, _ ending: ProductEnding) {
    let k = call.a.shape.columns
    let otherStep = call.c.shape.rows == 1 ? 0 : 1
    for row in 0..<call.shape.rows {
      let a = call.a.base + row * k
      var sums = SIMD8<Double>()
      var term = 0
      while term + 8 <= k {
        sums.add(SIMD8(a + term), SIMD8(call.b.base + term))
        term += 8
      }
      var total = sums.sum()
      while term < k {
        total += a[term] * call.b.base[term]
        term += 1
      }
      let other = call.c.base[row * otherStep]
      switch ending {
      case .asItIs: break
      case .masked: total = other <= 0 ? 0 : total
      case .added, .addedAndRectified:
        total = other + call.scale * total
        if case .addedAndRectified = ending, total <= 0 { total = 0 }
      }
      call.result[row] = total
    }
  }

  /// The product of a column and a row, which is bound by its result: no tiles, eight columns at a time.
  @inline(__always)
  static func multiplyColumnByRow(_ call: KernelCall, _ ending: ProductEnding) {
    let (rows, columns) = (call.shape.rows, call.shape.columns)
    let otherStride = call.c.shape.rows == 1 ? 0 : columns
    for column in stride(from: 0, to: columns, by: 8) {
      let entries = SIMD8(call.b.base + column)
      for row in 0..<rows {
        var product = SIMD8<Double>()
        product.add(call.a.base[row], entries)
        product.end(ending, call.c.base + row * otherStride + column, scale: call.scale)
        product.store(call.result + row * columns + column, columns - column)
      }
    }
  }
}

extension TileRow {
  @inline(__always)
  mutating func end(_ ending: ProductEnding, _ other: UnsafePointer<Double>, scale: Double) {
    if ending.isNone { return }
    let other = Self(other)
    if case .masked = ending { return clear(whereNotPositive: other) }
    self.scale(scale, thenAdd: other)
    if case .addedAndRectified = ending { clear(whereNotPositive: self) }
  }
}

/// Copies up to eight rows of `k` numbers so that they become eight columns, side by side.
///
/// Columns beyond `rows` repeat the last one; nobody stores what is computed from them.
@inline(__always)
func pack(
  _ source: UnsafePointer<Double>, rows: Int, _ k: Int, into target: UnsafeMutablePointer<Double>
) {
  func row(_ index: Int) -> UnsafePointer<Double> { source + min(index, rows - 1) * k }
  let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3))
  let (r4, r5, r6, r7) = (row(4), row(5), row(6), row(7))
  var term = 0
  while term + 2 <= k {
    // Pairs, of which every second entry then makes a column: so the shuffles stay within 128 bits.
    let upper = (
      SIMD4(lowHalf: SIMD2(r0 + term), highHalf: SIMD2(r2 + term)),
      SIMD4(lowHalf: SIMD2(r1 + term), highHalf: SIMD2(r3 + term))
    )
    let lower = (
      SIMD4(lowHalf: SIMD2(r4 + term), highHalf: SIMD2(r6 + term)),
      SIMD4(lowHalf: SIMD2(r5 + term), highHalf: SIMD2(r7 + term))
    )
    let column = target + term * Kernel.panelWidth
    for lane in 0..<2 {
      let next = column + lane * Kernel.panelWidth
      SIMD4(upper.0[lane], upper.1[lane], upper.0[lane + 2], upper.1[lane + 2]).storeAll(next)
      SIMD4(lower.0[lane], lower.1[lane], lower.0[lane + 2], lower.1[lane + 2]).storeAll(next + 4)
    }
    term += 2
  }
  while term < k {
    let column = SIMD8(
      r0[term], r1[term], r2[term], r3[term], r4[term], r5[term], r6[term], r7[term])
    column.store(target + term * Kernel.panelWidth, 8)
    term += 1
  }
}
