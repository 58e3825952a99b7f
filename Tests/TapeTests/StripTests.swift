import Nets
import Tape
import TestSupport
import Testing

/// Programs of many rows run in strips; the tape does not, nor do programs that keep all values apart.
@Suite struct StripTests {
  /// Whole strips, a last one of any length, one of a single row, and just enough rows.
  static let rows = [512, 600, 601, 799]

  /// Checks the outputs of `record` at two points, in one workspace after another.
  private func check(
    _ shapes: [Shape], seed: UInt64, _ record: ([Variable]) -> [Variable]
  ) {
    var generator = SeededGenerator(seed: seed)
    let (points, others) = (
      randomMatrices(shapes, using: &generator), randomMatrices(shapes, using: &generator)
    )
    func recorded(_ values: [Matrix]) -> (inputs: [Variable], outputs: [Variable]) {
      let tape = GradientTape()
      let inputs = values.map { tape.input($0) }
      return (inputs, record(inputs))
    }
    let (inputs, outputs) = recorded(points)
    let program = Program(inputs: inputs, outputs: outputs)
    let apart = Program(inputs: inputs, outputs: outputs, reusingMemory: false)
    let workspace = Workspace(for: program)
    for (values, fresh) in [(others, recorded(others).outputs), (points, outputs)] {
      for (position, value) in values.enumerated() { workspace.setInput(position, to: value) }
      workspace.run()
      let result = outputs.indices.map { workspace.output($0) }
      #expect(bits(result) == bits(fresh.map(\.value)), "seed \(seed)")
      #expect(bits(result) == bits(apart.run(values)), "seed \(seed)")
    }
  }

  @Test(arguments: rows) func aNetworkAndItsDerivativesAreTheBitsOfWholeMatrices(_ rows: Int) {
    let shapes = [
      Shape(rows, 3), Shape(rows, 5), Shape(3, 40), Shape(1, 40), Shape(40, 33), Shape(1, 33),
      Shape(33, 5), Shape(40, 1),
    ]
    check(shapes, seed: 1) { leaves in
      let (x, y, w) = (leaves[0], leaves[1], Array(leaves[2...]))
      let hidden = (x.matmul(w[0]) + w[1]).relu()
      let logits = (hidden.matmul(w[2]) + w[3]).tanh().matmul(w[4])
      let loss = -(y * logits.logSoftmax()).sum() + hidden.matmul(w[5]).square().sum()
      let slopes = gradient(of: loss, wrt: w)
      let squares = slopes.map { $0.square().sum() }.reduce(loss, +)
      // The hidden values are read in the group, and asked for.
      return [loss, hidden] + slopes + gradient(of: squares, wrt: w)
    }
  }

  @Test(arguments: rows) func stepsReadWhatEarlierOnesHaveSummed(_ rows: Int) {
    check([Shape(rows, 24), Shape(rows, 40), Shape(24, 40), Shape(1, 40)], seed: 2) { leaves in
      let (x, y) = (leaves[0], leaves[1])
      var (w, b) = (leaves[2], leaves[3])
      for _ in 0..<3 {
        let error = x.matmul(w) + b - y
        w = w + x.transposedMatmul(error) * (-0.1 / Double(rows))
        b = b - 0.1 / Double(rows) * error.sum(to: b.shape)
      }
      return [w, b, (x.matmul(w) + b - y).square().sum()]
    }
  }

  /// A second number of rows, and calls in between that cannot run in strips.
  @Test func groupsMeet() {
    let shapes = [Shape(600, 70), Shape(700, 70), Shape(70, 70)]
    check(shapes, seed: 3) { leaves in
      let (x, y, w) = (leaves[0], leaves[1], leaves[2])
      let weights = (w.transposed() + w).tanh()
      let p = x.matmul(weights).tanh()
      let q = y.matmulTransposed(weights).tanh()
      let moments = p.transposedMatmul(p.exp()) + weights
      let turned = p.transposed().matmul(p.relu()).transposed()
      let r = q.matmul(moments.tanh()) + q.sum(to: Shape(1, 70))
      return [turned, r.sum(to: Shape(700, 1)), (q * r).sum(), x.matmul(turned).logSumExp()]
    }
  }

  @Test(arguments: 1...20) func randomProgramsAreTheBitsOfWholeMatrices(_ seed: UInt64) {
    let rows = Self.rows[Int(seed) % 4]
    let n = 48
    let shapes = [Shape(rows, n), Shape(rows, n), Shape(rows, 1), Shape(n, n), Shape(1, n)]
    check(shapes, seed: seed) { leaves in
      // The same choices on each tape.
      var generator = SeededGenerator(seed: 100 + seed)
      var (tall, columns, square, wide) = (
        Array(leaves[..<2]), [leaves[2]], [leaves[3]], [leaves[4]]
      )
      for _ in 0..<24 {
        func any(_ pool: [Variable]) -> Variable {
          pool[Int.random(in: 0..<pool.count, using: &generator)]
        }
        let (a, b, c, s, r) = (any(tall), any(tall), any(columns), any(square), any(wide))
        switch Int.random(in: 0..<18, using: &generator) {
        case 0: tall.append((a - b).tanh())
        case 1: tall.append(a * c + r)
        case 2: tall.append(a.matmul(s).tanh() + b)
        case 3: tall.append((a.matmulTransposed(s) + r).tanh())
        case 4: tall.append(a.logSoftmax())
        case 5: tall.append(a.select(b, elseWhereNotPositive: -0.0))
        case 6: tall.append(c.broadcast(to: a.shape).relu())
        case 7: columns.append(a.logSumExp())
        case 8: columns.append(a.sum(to: c.shape).tanh())
        case 9: columns.append((a.matmul(r.transposed()) + c).sin())
        case 10: square.append((s + a.transposedMatmul(b) * 0.001).tanh())
        case 11: square.append((r + a.transposedMatmul(a) * 0.01).tanh())
        case 12: wide.append(a.sum(to: r.shape).tanh())
        case 13: wide.append(c.transposedMatmul(a).tanh())
        case 14: square.append(s * a.sum().tanh() + (a.transposedMatmul(c) * 0.01).tanh())
        case 15: wide.append(r * (c.transposedMatmul(c) + c.sum()).tanh())
        case 16: tall.append(a.transposed().stopGradient().transposed() * 0.5)
        default: square.append((s.transposed() + r).tanh())
        }
      }
      let last = [tall, columns, square, wide].map { $0[$0.count - 1] }
      let loss = last.map { $0.square().sum() }.reduce(leaves[0].sum(), +)
      return last + [loss] + gradient(of: loss, wrt: leaves)
    }
  }

  @Test func zerosKeepTheirSigns() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(601, 64), repeating: 1))
    let column = Shape(601, 1)
    let minus = x * -0.0
    let outputs = [minus.sum(), minus.sum(to: Shape(1, 64)), minus.sum(to: column).sum(), minus]
    let values = [Matrix(x.shape, repeating: 2)]
    let apart = Program(inputs: [x], outputs: outputs, reusingMemory: false)
    #expect(bits(Program(inputs: [x], outputs: outputs).run(values)) == bits(apart.run(values)))
  }

  @Test func whatOnlyTheGroupReadsTakesTheMemoryOfOneStrip() {
    func cost(_ rows: Int, _ columns: Int) -> Int {
      let tape = GradientTape()
      let x = tape.input(Matrix(Shape(rows, columns), repeating: 1))
      let loss = (x.tanh() * x.exp()).square().sum()
      let program = Program(inputs: [x], outputs: [loss])
      return program.cost.peakBytes / 8 - x.shape.count
    }
    #expect(cost(1000, 64) < 3 * 200 * 64)
    #expect(cost(100_000, 64) == cost(1000, 64))
    // What fits a cache anyway stays whole.
    #expect(cost(500, 64) >= 500 * 64)
    #expect(cost(1000, 2) >= 1000 * 2)
  }
}
