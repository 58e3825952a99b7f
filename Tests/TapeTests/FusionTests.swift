import Nets
import Tape
import TestSupport
import Testing

/// A program joins a product with the sum it goes into; the tape does not, and is the oracle.
@Suite struct FusionTests {
  enum Addend: CaseIterable {
    case matrix, row, factor
  }

  enum Orientation: CaseIterable {
    case plain, firstTransposed, secondTransposed

    func shapes(_ m: Int, _ k: Int, _ n: Int) -> [Shape] {
      switch self {
      case .plain: [Shape(m, k), Shape(k, n)]
      case .firstTransposed: [Shape(k, m), Shape(k, n)]
      case .secondTransposed: [Shape(m, k), Shape(n, k)]
      }
    }

    func callAsFunction(_ a: Variable, _ b: Variable) -> Variable {
      switch self {
      case .plain: a.matmul(b)
      case .firstTransposed: a.transposedMatmul(b)
      case .secondTransposed: a.matmulTransposed(b)
      }
    }
  }

  @Test(arguments: Addend.allCases) func sumsOfProductsAreTheBitsOfTheirParts(_ kind: Addend) {
    var generator = SeededGenerator(seed: 11)
    let sizes = kind == .factor ? [1, 5, 9] : [1, 2, 5, 6, 10, 13, 17, 33]
    for multiply in Orientation.allCases {
      for m in sizes {
        for n in kind == .factor ? [m] : sizes {
          for k in kind == .factor ? [m] : [1, 3, 8, 11] {
            let addend = kind == .row ? Shape(1, n) : Shape(m, n)
            let values = randomMatrices(
              multiply.shapes(m, k, n) + [addend, .scalar], using: &generator)
            let tape = GradientTape()
            let inputs = values.map { tape.input($0) }
            let product = multiply(inputs[0], inputs[1])
            let term = kind == .factor ? inputs[0] : inputs[2]
            let sums = [
              term + product, inputs[3] * product + term, term + product.stopGradient() * inputs[3],
            ]
            for sum in sums {
              let program = Program(inputs: inputs, outputs: [sum])
              #expect(program.cost.instructions == 1)
              #expect(bits(program.run(values)) == bits([sum.value]), "\(m)×\(k)×\(n)")
            }
          }
        }
      }
    }
  }

  @Test(arguments: Orientation.allCases)
  func rectifiedSumsAndMaskedProductsAreTheBitsOfTheirParts(_ multiply: Orientation) {
    var generator = SeededGenerator(seed: 13)
    let odd = [Double.nan, -.nan, 0, -0.0, .infinity, -.infinity]
    for (m, k, n) in [
      (1, 1, 1), (2, 1, 9), (5, 3, 4), (6, 8, 1), (10, 9, 17), (11, 1, 3), (13, 40, 40), (7, 2, 8),
    ] {
      var values = randomMatrices(
        multiply.shapes(m, k, n) + [Shape(m, n), Shape(1, n), .scalar], using: &generator)
      values[2] = Matrix(Shape(m, n)) { row, column in
        let place = row * n + column
        return place % 3 == 0 ? odd[place / 3 % odd.count] : values[2][row, column]
      }
      let tape = GradientTape()
      let inputs = values.map { tape.input($0) }
      let product = multiply(inputs[0], inputs[1])
      for result in [
        (product + inputs[2]).relu(), (inputs[3] + inputs[4] * product).relu(),
        inputs[2].select(product, elseWhereNotPositive: 0),
      ] {
        let program = Program(inputs: inputs, outputs: [result])
        #expect(program.cost.instructions == 1)
        #expect(bits(program.run(values)) == bits([result.value]), "\(m)×\(k)×\(n)")
      }
      // Nothing but 0 is what a mask leaves, and nothing that others read is taken in.
      for outputs in [
        [inputs[2].select(product, elseWhereNotPositive: -0.0)],
        [inputs[2].select(product, elseWhereNotPositive: 0), product],
      ] {
        let program = Program(inputs: inputs, outputs: outputs)
        #expect(program.cost.instructions == 2)
        #expect(bits(program.run(values)) == bits(outputs.map(\.value)))
      }
    }
  }

  @Test func aSumMayLieOverTheTermItAddsTo() {
    var generator = SeededGenerator(seed: 12)
    let values = randomMatrices([Shape(7, 7), Shape(7, 7)], using: &generator)
    let tape = GradientTape()
    let (x, y) = (tape.input(values[0]), tape.input(values[1]))
    var z = x.tanh()
    for _ in 0..<5 { z = z + x.matmul(y) * 0.5 }
    for _ in 0..<3 { z = z + z.matmul(y) }
    let program = Program(inputs: [x, y], outputs: [z])
    let apart = Program(inputs: [x, y], outputs: [z], reusingMemory: false)
    #expect(program.cost.peakBytes < apart.cost.peakBytes)
    #expect(bits(program.run(values)) == bits([z.value]))
    #expect(bits(apart.run(values)) == bits([z.value]))
  }

  @Test func aProductThatIsReadElsewhereStays() {
    let tape = GradientTape()
    let x = tape.input(Matrix(3))
    let product = x.matmul(x)
    let (sum, difference) = (product + 1, product - 1)
    let program = Program(inputs: [x], outputs: [sum, difference, product])
    #expect(program.cost.instructions == 3)
    #expect(program.run([Matrix(4)]) == [Matrix(17), Matrix(15), Matrix(16)])
    // Of two products in one sum, one is joined and the other computed before it.
    let both = Program(inputs: [x], outputs: [x.matmul(x) + (x * 2).matmul(x)])
    #expect(both.run([Matrix(4)]) == [Matrix(48)])
  }

  @Test func stopGradientIsNotACallUnlessItIsAskedFor() {
    let tape = GradientTape()
    let x = tape.input(Matrix(3))
    let stopped = x.exp().stopGradient()
    #expect(Program(inputs: [x], outputs: [stopped * 2]).cost.instructions == 2)
    let program = Program(inputs: [x], outputs: [stopped, stopped.stopGradient() * 0])
    #expect(program.run([Matrix(0)]) == [Matrix(1), Matrix(0)])
  }
}
