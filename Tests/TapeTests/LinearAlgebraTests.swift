import Nets
import Tape
import TestSupport
import Testing

@Suite struct LinearAlgebraTests {
  @Test(arguments: [Shape(6, 3), Shape(3, 6), Shape(5, 5), Shape(1, 4), Shape(40, 40)])
  func singularValuesAreThoseOfTheFactors(_ shape: Shape) {
    var generator = SeededGenerator(seed: 3)
    let count = min(shape.rows, shape.columns)
    let expected = (0..<count).map { 10.0 / Double(1 << $0) }
    let left = Matrix.orthonormal(Shape(shape.rows, count), using: &generator)
    let right = Matrix.orthonormal(Shape(count, shape.columns), using: &generator)
    let values = left.matmul(.diagonal(expected)).matmul(right).singularValues
    #expect(values.count == count)
    for (value, wanted) in zip(values, expected) {
      #expect(abs(value - wanted) < 1e-14 * expected[0])
    }
    #expect(Matrix(shape, repeating: 0).singularValues == Array(repeating: 0, count: count))
  }

  @Test func linearSystemsAreSolved() throws {
    var generator = SeededGenerator(seed: 4)
    let (a, x) = (
      Matrix.gaussian(Shape(7, 7), using: &generator),
      Matrix.gaussian(Shape(7, 2), using: &generator)
    )
    let solution = try #require(a.solving(a.matmul(x)))
    #expect(relativeDistance([solution], [x]) < 1e-12)
    // A zero in the corner needs a pivot.
    #expect(try Matrix([[0, 1], [2, 0]]).solving(Matrix([[3], [4]])) == Matrix([[2], [3]]))
    #expect(try Matrix([[1, 2], [2, 4]]).solving(Matrix([[1], [1]])) == nil)
  }
}
