import KernelInterface

extension Kernel {
  /// The matrix product, with the first or the second operand read as its transpose.
  ///
  /// The result is computed in panels of columns, and these in tiles of rows that stay in registers.
  /// The terms of an entry are added in one fixed order, so a product is the same bits wherever its
  /// operands lie, and for whatever processor it is compiled, if that fuses.
  ///
  /// What becomes of it besides rounds as in a kernel of its own. The result may lie over the third operand, since
  /// entries are read just before they are written.
  static func product(
    transposed: Transposition, ending: ProductEnding
  ) -> Kernel {
    Kernel { multiply($0, transposed: transposed, ending) }
  }

  @inline(__always)
  private static func multiply(
    _ call: KernelCall, transposed: Transposition, _ ending: ProductEnding
  ) {
    let (m, n) = (call.shape.rows, call.shape.columns)
    let k = transposed.isFirst ? call.a.shape.rows : call.a.shape.columns
    if transposed.isFirst, n == 1, ending.isNone || call.c.shape == call.shape {
      // aᵀ · b, a column, lies in memory as the row bᵀ · a does, which needs no narrow tiles.
      return multiply(
        KernelCall(
          result: call.result, shape: Extent(1, m),
          a: Operand(base: call.b.base, shape: Extent(1, k)),
          b: call.a, c: Operand(base: call.c.base, shape: Extent(1, m)), scale: call.scale,
          scratch: call.scratch, continues: call.continues, isLast: call.isLast),
        transposed: .none, ending)
    }
    if !transposed.isFirst, n == 1, k >= 8 { return multiplyByColumn(call, ending) }
    if k == 1, !call.continues, call.isLast { return multiplyColumnByRow(call, ending) }
    let ending = call.isLast ? ending : .asItIs
    var panel = Panel(
      result: call.result, stride: n, rows: m, columns: 0, a: call.a.base,
      rowStep: transposed.isFirst ? 1 : k, termStep: transposed.isFirst ? m : 1,
      b: call.b.base, bStride: n, terms: k, ending: ending, other: call.c.base,
      otherStride: call.c.shape.rows == 1 ? 0 : n, scale: call.scale)
    for column in stride(from: 0, to: n, by: panelWidth) {
      panel.columns = min(panelWidth, n - column)
      panel.result = call.result + column
      if call.continues { panel.sums = UnsafePointer(panel.result) }
      panel.other = call.c.base + column
      if transposed.isSecond, k > 1 {
        for first in stride(from: 0, to: panel.columns, by: 8) {
          pack(
            call.b.base + (column + first) * k, rows: min(8, panel.columns - first), k,
            into: call.scratch + first)
        }
        (panel.b, panel.bStride) = (UnsafePointer(call.scratch), panelWidth)
      } else if m >= 128 || (m >= 32 && k * n > 8192) {
        // Read often, and spread over more than the nearest cache: worth a copy that lies together.
        for term in 0..<k {
          (call.scratch + term * panelWidth)
            .update(from: call.b.base + term * n + column, count: panelWidth)
        }
        (panel.b, panel.bStride) = (UnsafePointer(call.scratch), panelWidth)
      } else {
        panel.b = call.b.base + column
      }
      panel.compute()
    }
  }

  /// The columns that are computed together.
  #if AVX512_KERNELS
    static let panelWidth = 16
  #else
    static let panelWidth = 8
  #endif
}

/// Some columns of a product: `result[row, column] = Σₚ a[row, p] · b[p, column]`, and what it is
/// multiplied by and added to.
private struct Panel {
  var result: UnsafeMutablePointer<Double>
  let stride: Int
  let rows: Int
  var columns: Int
  let a: UnsafePointer<Double>
  let rowStep: Int
  let termStep: Int
  var b: UnsafePointer<Double>
  var bStride: Int
  let terms: Int
  /// Where the sums of earlier terms lie, as the result does.
  var sums: UnsafePointer<Double>?
  let ending: ProductEnding
  /// The third operand, if the ending has one.
  var other: UnsafePointer<Double>
  let otherStride: Int
  let scale: Double

  /// Computes it in registers as wide as its columns ask for.
  @inline(__always)
  func compute() {
    #if AVX512_KERNELS
      if columns > 8 { return compute(Pair.self) }
    #endif
    if columns > 4 { compute(SIMD8<Double>.self) } else { compute(SIMD4<Double>.self) }
  }

  /// Computes it in tiles of as many rows as leave registers for the operands.
  @inline(never)
  private func compute<Row: TileRow>(_: Row.Type) {
    // Two loops, so that tiles which start at zero, nearly all, do not ask each time.
    if sums == nil { tiles(Row.self, continue: false) } else { tiles(Row.self, continue: true) }
  }

  @inline(__always)
  private func tiles<Row: TileRow>(_: Row.Type, continue continues: Bool) {
    var row = 0
    #if AVX512_KERNELS
      while Row.registers == 1, row + 5 < rows {
        tile(TenRows<Row>.self, row, continues)
        row += 10
      }
    #endif
    while row + 1 < rows {
      tile(FiveRows<Row>.self, row, continues)
      row += 5
    }
    if row < rows { tileOfOne(Row.self, row, continues) }
  }

  /// One row.
  @inline(__always)
  private func tileOfOne<Row: TileRow>(_: Row.Type, _ row: Int, _ continues: Bool) {
    var sum = continues ? firstSum(Row.self, row) : Row()
    var (term, entries) = (a + row * rowStep, b)
    for _ in 0..<terms {
      sum.add(term[0], Row(entries))
      term += termStep
      entries += bStride
    }
    finish(sum, row)
  }

  @inline(__always)
  func firstSum<Row: TileRow>(_: Row.Type, _ row: Int) -> Row {
    if let sums { Row(sums + row * stride) } else { Row() }
  }

  @inline(__always)
  func finish<Row: TileRow>(_ sum: Row, _ row: Int) {
    var sum = sum
    sum.end(ending, other + row * otherStride, scale: scale)
    sum.store(result + row * stride, columns)
  }

  /// Some rows from `first` on.
  ///
  /// Always computes them in full and stores those that exist: missing rows repeat the last one, and
  /// columns beyond the last are whatever lies there, which is why storage ends in slack.
  @inline(__always)
  private func tile<Rows: TileRows>(_: Rows.Type, _ first: Int, _ continues: Bool) {
    var sums = Rows(self, first, continues)
    var (term, entries) = (a, b)
    for _ in 0..<terms {
      sums.add(term, Rows.Row(entries))
      term += termStep
      entries += bStride
    }
    sums.store(in: self, first)
  }
}

/// The sums of the rows of a tile, and where in the first operand the factors of each lie.
private protocol TileRows {
  associatedtype Row: TileRow
  init(_ panel: Panel, _ first: Int, _ continues: Bool)
  mutating func add(_ term: UnsafePointer<Double>, _ entries: Row)
  func store(in panel: Panel, _ first: Int)
}

private struct TenRows<Row: TileRow>: TileRows {
  private var upper, lower: FiveRows<Row>

  @inline(__always)
  init(_ panel: Panel, _ first: Int, _ continues: Bool) {
    upper = FiveRows(panel, first, continues)
    lower = FiveRows(panel, first + 5, continues)
  }

  @inline(__always)
  mutating func add(_ term: UnsafePointer<Double>, _ entries: Row) {
    upper.add(term, entries)
    lower.add(term, entries)
  }

  @inline(__always)
  func store(in panel: Panel, _ first: Int) {
    upper.store(in: panel, first)
    lower.store(in: panel, first + 5)
  }
}

private struct FiveRows<Row: TileRow>: TileRows {
  private var (sum0, sum1, sum2, sum3, sum4) = (Row(), Row(), Row(), Row(), Row())
  private let (step0, step1, step2, step3, step4): (Int, Int, Int, Int, Int)

  @inline(__always)
  init(_ panel: Panel, _ first: Int, _ continues: Bool) {
    func step(_ row: Int) -> Int { min(first + row, panel.rows - 1) * panel.rowStep }
    (step0, step1, step2, step3, step4) = (step(0), step(1), step(2), step(3), step(4))
    if !continues { return }
    func sum(_ row: Int) -> Row { panel.firstSum(Row.self, min(first + row, panel.rows - 1)) }
    (sum0, sum1, sum2, sum3, sum4) = (sum(0), sum(1), sum(2), sum(3), sum(4))
  }

  @inline(__always)
  mutating func add(_ term: UnsafePointer<Double>, _ entries: Row) {
    sum0.add(term[step0], entries)
    sum1.add(term[step1], entries)
    sum2.add(term[step2], entries)
    sum3.add(term[step3], entries)
    sum4.add(term[step4], entries)
  }

  @inline(__always)
  func store(in panel: Panel, _ first: Int) {
    panel.finish(sum0, first)
    if first + 1 < panel.rows { panel.finish(sum1, first + 1) }
    if first + 2 < panel.rows { panel.finish(sum2, first + 2) }
    if first + 3 < panel.rows { panel.finish(sum3, first + 3) }
    if first + 4 < panel.rows { panel.finish(sum4, first + 4) }
  }
}

#if AVX512_KERNELS
  /// Sixteen numbers in two registers.
  private struct Pair: TileRow {
    var low = SIMD8<Double>()
    var high = SIMD8<Double>()

    static var registers: Int { 2 }

    @inline(__always) init() {}

    @inline(__always)
    init(_ pointer: UnsafePointer<Double>) {
      low = SIMD8(pointer)
      high = SIMD8(pointer + 8)
    }

    @inline(__always)
    mutating func add(_ factor: Double, _ entries: Pair) {
      low.add(factor, entries.low)
      high.add(factor, entries.high)
    }

    @inline(__always)
    mutating func scale(_ factor: Double, thenAdd addend: Pair) {
      low.scale(factor, thenAdd: addend.low)
      high.scale(factor, thenAdd: addend.high)
    }

    @inline(__always)
    mutating func clear(whereNotPositive mask: Pair) {
      low.clear(whereNotPositive: mask.low)
      high.clear(whereNotPositive: mask.high)
    }

    @inline(__always)
    func store(_ pointer: UnsafeMutablePointer<Double>, _ width: Int) {
      low.store(pointer, width)
      if width > 8 { high.store(pointer + 8, width - 8) }
    }
  }
#endif
