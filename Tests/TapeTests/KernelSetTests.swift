import Nets
import Tape
import TestSupport
import Testing

/// All sets of kernels that this processor can run, against each other: those that fuse to the bit, the
/// baseline, which does not on x86-64, to rounding.
@Suite struct KernelSetTests {
  /// Holds what the sets compute against what the fastest of them does.
  static func compare(_ name: String, _ compute: (KernelSet) -> [Matrix]) {
    let available = KernelSet.available
    let expected = compute(available[available.count - 1])
    for set in available {
      let found = compute(set)
      if set == .baseline {
        #expect(relativeDistance(found, expected) < 1e-12, "\(name), \(set)")
      } else {
        #expect(bits(found) == bits(expected), "\(name), \(set)")
      }
    }
  }

  /// The value of what is recorded, computed on the tape and by a program, where sums take products in.
  static func values(_ kernels: KernelSet, _ record: (GradientTape) -> Variable) -> [Matrix] {
    let tape = GradientTape(kernels: kernels)
    let result = record(tape)
    return [result.value] + Program(inputs: [], outputs: [result]).run([])
  }

  @Test(arguments: Operation.allCases) func everyOperation(_ operation: Operation) {
    let rule = Operation.rules[Int(operation.rawValue)]
    var generator = SeededGenerator(seed: 7)
    for (operands, target) in rule.examples(using: &generator) {
      Self.compare("\(operation)") { set in
        Self.values(set) { tape in
          tape.record(operation, operands.map { tape.constant($0) }, target: target)
        }
      }
    }
  }

  /// Sizes around those of tiles and panels, and those where operands are copied or rows run in strips.
  static let sizes =
    [1, 5, 6, 11].flatMap { m in
      [1, 8, 19].flatMap { k in [1, 4, 5, 9, 16, 33].map { n in (m: m, k: k, n: n) } }
    } + [(40, 100, 100), (130, 5, 20), (1100, 9, 64), (1100, 64, 1)]

  @Test func productsOfManyShapes() {
    var generator = SeededGenerator(seed: 8)
    for (m, k, n) in Self.sizes {
      let shapes = [
        Shape(m, k), Shape(k, n), Shape(k, m), Shape(n, k), Shape(m, n), Shape(1, n), .scalar,
      ]
      let values = randomMatrices(shapes, using: &generator)
      let products: [([Variable]) -> Variable] = [
        { $0[0].matmul($0[1]) }, { $0[2].transposedMatmul($0[1]) },
        { $0[0].matmulTransposed($0[3]) },
      ]
      for product in products {
        let uses: [([Variable]) -> Variable] = [
          product, { $0[4] + $0[6] * product($0) }, { $0[5] + product($0) },
          { ($0[4] + $0[6] * product($0)).relu() },
          { $0[4].select(product($0), elseWhereNotPositive: 0) },
          { ($0[4] - $0[5]).transposedMatmul((product($0) * $0[6]).relu()) },
        ]
        for (index, use) in uses.enumerated() {
          Self.compare("product of \(m)×\(k)×\(n), use \(index)") { set in
            Self.values(set) { tape in use(values.map { tape.constant($0) }) }
          }
        }
      }
    }
  }

  @Test func entriesAndSumsOfManyShapes() {
    var generator = SeededGenerator(seed: 9)
    for (m, k, n) in Self.sizes where k > 8 {
      let (full, row, column) = (Shape(m, n), Shape(1, n), Shape(m, 1))
      let values = randomMatrices([full, full, row, column, .scalar], using: &generator)
      let positions = Matrix(full) { i, j in
        i + j == 2 ? -1 : Double(Int.random(in: 0..<full.count, using: &generator))
      }
      let uses: [([Variable]) -> Variable] = [
        { $0[0] + $0[2] }, { $0[3] - $0[0] }, { $0[0] * $0[4] }, { $0[1] / ($0[0] * $0[0] + 1) },
        { $0[0].relu() * $0[1].step() }, { ($0[0] * $0[0]).sqrt() },
        { $0[0].select($0[1], elseWhereNotPositive: $0[4]) },
        { $0[0].select($0[2], elseWhereNotPositive: $0[3]) },
        { $0[0].sum() }, { $0[0].sum(to: row) }, { $0[0].sum(to: column) },
        { $0[2].broadcast(to: full) }, { $0[0].gather(positions) },
        { $0[0].scatterAdd(at: positions, into: full) },
      ]
      for (index, use) in uses.enumerated() {
        Self.compare("\(full), use \(index)") { set in
          Self.values(set) { tape in use(values.map { tape.constant($0) }) }
        }
      }
    }
  }

  @Test func solutionsOfManySizes() {
    var generator = SeededGenerator(seed: 10)
    for n in [1, 2, 3, 5, 8, 9, 17, 40] {
      var values = randomMatrices([Shape(n, n), Shape(n, 1), Shape(n, 6)], using: &generator)
      for row in 0..<n { values[0][row, n - 1 - row] += Double(2 * n) }
      for right in [1, 2] {
        Self.compare("solve \(n)") { set in
          Self.values(set) { $0.constant(values[0]).solve($0.constant(values[right])) }
        }
      }
    }
  }

  @Test func namesThatCannotBeChosen() throws {
    #expect(KernelSet.objection(to: "baseline") == nil)
    let unknown = try #require(KernelSet.objection(to: "sse9"))
    #expect(unknown.contains("'sse9'") && unknown.contains("baseline, avx2, avx512"))
    for set in KernelSet.allCases {
      let objection = KernelSet.objection(to: set.rawValue)
      #expect((objection == nil) == KernelSet.available.contains(set), "\(set)")
    }
  }
}
