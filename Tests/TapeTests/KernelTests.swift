import Nets
import Tape
import TestSupport
import Testing

/// The kernels against loops that are too simple to be wrong.
@Suite struct KernelTests {
  static func product(_ a: Matrix, _ b: Matrix) -> Matrix {
    Matrix(Shape(a.rows, b.columns)) { row, column in
      (0..<a.columns).reduce(0) { $0 + a[row, $1] * b[$1, column] }
    }
  }

  static func transposed(_ a: Matrix) -> Matrix { Matrix(a.shape.transposed) { a[$1, $0] } }

  @Test func productsOfEverySmallSizeInEveryOrientation() {
    var generator = SeededGenerator(seed: 1)
    let tape = GradientTape()
    for m in [1, 2, 3, 4, 5, 8, 9, 17] {
      for k in [1, 2, 3, 4, 5, 7, 8, 16, 19] {
        for n in [1, 2, 3, 4, 5, 8, 11, 16, 21] {
          let a = randomMatrices([Shape(m, k)], using: &generator)[0]
          let b = randomMatrices([Shape(k, n)], using: &generator)[0]
          let expected = Self.product(a, b)
          let (x, y) = (tape.constant(a), tape.constant(b))
          let (xt, yt) = (tape.constant(Self.transposed(a)), tape.constant(Self.transposed(b)))
          for product in [x.matmul(y), xt.transposedMatmul(y), x.matmulTransposed(yt)] {
            #expect(relativeDistance([product.value], [expected]) < 1e-13, "\(m)×\(k)×\(n)")
          }
        }
      }
    }
  }

  @Test func sumsAndTranspositions() throws {
    let tape = GradientTape()
    let x = tape.constant(try Matrix([[1, 2, 3], [4, 5, 6]]))
    #expect(x.sum().scalar == 21)
    #expect(x.mean().scalar == 3.5)
    #expect(x.sum(to: Shape(1, 3)).value == (try Matrix([[5, 7, 9]])))
    #expect(x.sum(to: Shape(2, 1)).value == (try Matrix([[6], [15]])))
    #expect(x.transposed().value == (try Matrix([[1, 4], [2, 5], [3, 6]])))
  }

  @Test func broadcastingInEveryPosition() throws {
    let tape = GradientTape()
    let full = tape.constant(try Matrix([[1, 2, 3], [4, 5, 6]]))
    let row = tape.constant(try Matrix([[10, 20, 30]]))
    let column = tape.constant(try Matrix([[100], [200]]))
    #expect((full + row).value == (try Matrix([[11, 22, 33], [14, 25, 36]])))
    #expect((column - full).value == (try Matrix([[99, 98, 97], [196, 195, 194]])))
    #expect((2 * full).value == full.value.map { 2 * $0 })
    #expect((full / 2).value == full.value.map { $0 / 2 })
    #expect(row.broadcast(to: full.shape).value == (try Matrix([[10, 20, 30], [10, 20, 30]])))
    #expect(
      column.broadcast(to: full.shape).value == (try Matrix([[100, 100, 100], [200, 200, 200]])))
    let mask = tape.constant(try Matrix([[1], [-1]]))
    #expect(
      mask.select(full, elseWhereNotPositive: row).value
        == (try Matrix([[1, 2, 3], [10, 20, 30]])))
    #expect(tape.constant(3).broadcast(to: Shape(1, 2)).value == (try Matrix([[3, 3]])))
  }
}
