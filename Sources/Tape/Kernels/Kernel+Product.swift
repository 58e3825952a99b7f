extension Kernel {
  /// The matrix product, with the first or the second operand read as its transpose.
  ///
  /// The result is computed in panels of eight columns, and these in tiles of five rows that stay in
  /// registers. The terms of an entry are added in one fixed order, so a product is the same bits
  /// wherever its operands lie.
  static func product(transposed: ShapeRule.Transposition) -> Kernel {
    switch transposed {
    case .none: Kernel { multiply($0, transposed: .none) }
    case .first: Kernel { multiply($0, transposed: .first) }
    case .second: Kernel { multiply($0, transposed: .second) }
    }
  }

  @inline(__always)
  private static func multiply(_ call: KernelCall, transposed: ShapeRule.Transposition) {
    let (m, n) = (call.shape.rows, call.shape.columns)
    let k = transposed == .first ? call.a.shape.rows : call.a.shape.columns
    let aStrides = transposed == .first ? (row: 1, term: m) : (row: k, term: 1)
    for column in stride(from: 0, to: n, by: panelWidth) {
      let width = min(panelWidth, n - column)
      let panel: Rows
      if transposed == .second {
        pack(call.b.base + column * k, rows: width, k, into: call.scratch)
        panel = Rows(base: UnsafePointer(call.scratch), stride: panelWidth)
      } else if m >= 32, k * n > 8192 {
        // Read often, and spread over more than the nearest cache: worth a copy that lies together.
        for term in 0..<k {
          let row = load(call.b.base + term * n + column, SIMD8<Double>.self)
          store(row, call.scratch + term * panelWidth, panelWidth)
        }
        panel = Rows(base: UnsafePointer(call.scratch), stride: panelWidth)
      } else {
        panel = Rows(base: call.b.base + column, stride: n)
      }
      for row in stride(from: 0, to: m, by: tileHeight) {
        let target = call.result + row * n + column
        let a = call.a.base + row * aStrides.row
        if width > 4 {
          tile(SIMD8.self, target, n, min(tileHeight, m - row), width, a, aStrides, panel, k)
        } else {
          tile(SIMD4.self, target, n, min(tileHeight, m - row), width, a, aStrides, panel, k)
        }
      }
    }
  }

  /// The columns that are computed together; a product of *k* terms needs scratch for *k* such rows.
  static let panelWidth = 8

  /// The rows that are computed together: with two registers a row, as many as leave room for operands.
  private static let tileHeight = 5
}

/// The rows of a panel of the second operand.
private struct Rows {
  let base: UnsafePointer<Double>
  let stride: Int
}

/// Copies up to eight rows of `k` numbers so that they become eight columns, side by side.
///
/// Columns beyond `rows` repeat the last one; nobody stores what is computed from them.
@inline(__always)
private func pack(
  _ source: UnsafePointer<Double>, rows: Int, _ k: Int, into target: UnsafeMutablePointer<Double>
) {
  func row(_ index: Int) -> UnsafePointer<Double> { source + min(index, rows - 1) * k }
  let (r0, r1, r2, r3) = (row(0), row(1), row(2), row(3))
  let (r4, r5, r6, r7) = (row(4), row(5), row(6), row(7))
  var term = 0
  while term + 4 <= k {
    let (a0, a1) = (load(r0 + term, SIMD4.self), load(r1 + term, SIMD4.self))
    let (a2, a3) = (load(r2 + term, SIMD4.self), load(r3 + term, SIMD4.self))
    let (a4, a5) = (load(r4 + term, SIMD4.self), load(r5 + term, SIMD4.self))
    let (a6, a7) = (load(r6 + term, SIMD4.self), load(r7 + term, SIMD4.self))
    for lane in 0..<4 {
      let column = SIMD8(
        a0[lane], a1[lane], a2[lane], a3[lane], a4[lane], a5[lane], a6[lane], a7[lane])
      store(column, target + (term + lane) * Kernel.panelWidth, Kernel.panelWidth)
    }
    term += 4
  }
  while term < k {
    let column = SIMD8(
      r0[term], r1[term], r2[term], r3[term], r4[term], r5[term], r6[term], r7[term])
    store(column, target + term * Kernel.panelWidth, Kernel.panelWidth)
    term += 1
  }
}

/// Up to five rows of `result`, `width` columns each: `Σₚ a[row, p] · panel[p, column]`.
///
/// Always computes five full rows and stores those that exist: missing rows repeat the last one, and
/// columns beyond `width` are whatever lies there, which is why storage ends in slack.
@inline(__always)
private func tile<Lanes: SIMD>(
  _: Lanes.Type, _ result: UnsafeMutablePointer<Double>, _ stride: Int, _ rows: Int, _ width: Int,
  _ a: UnsafePointer<Double>, _ strides: (row: Int, term: Int), _ panel: Rows, _ k: Int
) where Lanes.Scalar == Double {
  let second = min(1, rows - 1) * strides.row
  let third = min(2, rows - 1) * strides.row
  let fourth = min(3, rows - 1) * strides.row
  let fifth = min(4, rows - 1) * strides.row
  var (sum0, sum1, sum2, sum3, sum4) = (Lanes(), Lanes(), Lanes(), Lanes(), Lanes())
  var (term, row) = (a, panel.base)
  for _ in 0..<k {
    let entries = load(row, Lanes.self)
    sum0.add(term[0], entries)
    sum1.add(term[second], entries)
    sum2.add(term[third], entries)
    sum3.add(term[fourth], entries)
    sum4.add(term[fifth], entries)
    term += strides.term
    row += panel.stride
  }
  store(sum0, result, width)
  if rows > 1 { store(sum1, result + stride, width) }
  if rows > 2 { store(sum2, result + 2 * stride, width) }
  if rows > 3 { store(sum3, result + 3 * stride, width) }
  if rows > 4 { store(sum4, result + 4 * stride, width) }
}

extension SIMD where Scalar == Double {
  /// Adds `factor · entries`, fused where the processor can: elsewhere fusing is a slow call.
  @inline(__always)
  fileprivate mutating func add(_ factor: Double, _ entries: Self) {
    #if FUSED_MULTIPLY_ADD
      addProduct(Self(repeating: factor), entries)
    #else
      self += factor * entries
    #endif
  }
}

@inline(__always)
private func load<Lanes: SIMD>(_ pointer: UnsafePointer<Double>, _: Lanes.Type) -> Lanes
where Lanes.Scalar == Double {
  UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
}

/// Stores the first `width` lanes.
@inline(__always)
private func store<Lanes: SIMD>(
  _ lanes: Lanes, _ pointer: UnsafeMutablePointer<Double>, _ width: Int
) where Lanes.Scalar == Double {
  if width >= Lanes.scalarCount {
    UnsafeMutableRawPointer(pointer).storeBytes(of: lanes, as: Lanes.self)
  } else {
    for lane in 0..<width { pointer[lane] = lanes[lane] }
  }
}
