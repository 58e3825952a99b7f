import Foundation
import Nets
import Tape
import TestSupport
import Testing

@Suite struct MatrixArithmeticTests {
  let a = Matrix(Shape(2, 3)) { Double(3 * $0 + $1 + 1) }

  @Test func arithmeticIsEntrywise() throws {
    let b = try Matrix([[1, 0, -1], [2, 0.5, 4]])
    #expect(try a + b == Matrix([[2, 2, 2], [6, 5.5, 10]]))
    #expect(try a - b == Matrix([[0, 2, 4], [2, 4.5, 2]]))
    #expect(try -b == Matrix([[-1, 0, 1], [-2, -0.5, -4]]))
    #expect(try 2 * b == Matrix([[2, 0, -2], [4, 1, 8]]))
    #expect(b * 2 == 2 * b)
    #expect(4 * b / 2 == 2 * b)
    #expect(a.dot(b) == 32.5)
    var sum = a
    sum += b
    sum -= a
    #expect(sum == b)
  }

  @Test func productsTransposesAndParts() throws {
    #expect(try a.matmul(a.transposed) == Matrix([[14, 32], [32, 77]]))
    #expect(a.matmul(.identity(3)) == a)
    #expect(try Matrix.diagonal([2, 3]).matmul(a) == Matrix([[2, 4, 6], [12, 15, 18]]))
    #expect(try a.rows(1..<2) == Matrix([[4, 5, 6]]))
    #expect(try a.columns(1..<3) == Matrix([[2, 3], [5, 6]]))
  }

  @Test func theNormNeitherOverflowsNorUnderflows() throws {
    #expect(abs(try Matrix([[3e200, 4e200]]).norm / 5e200 - 1) < 1e-15)
    #expect(abs(try Matrix([[3e-200, 4e-200]]).norm - 5e-200) < 1e-215)
    #expect(Matrix(0).norm == 0)
    #expect(Matrix(.nan).norm.isNaN)
    #expect(try Matrix([[1, -.infinity]]).norm == .infinity)
  }

  @Test func filesHoldRowsColumnsAndValues() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(try Matrix([[1, 2.5]])), as: UTF8.self)
    #expect(text == #"{"columns":2,"rows":1,"values":[1,2.5]}"#)
    #expect(try JSONDecoder().decode(Matrix.self, from: encoder.encode(a)) == a)
    let wrong = Data(#"{"rows": 2, "columns": 2, "values": [1]}"#.utf8)
    #expect {
      try JSONDecoder().decode(Matrix.self, from: wrong)
    } throws: { "\($0)".contains("1 values, but 2×2 need 4") }
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(Shape.self, from: Data(#"{"rows": 0, "columns": 2}"#.utf8))
    }
  }

  @Test func shapesThatDoNotFitStop() async {
    let sum = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Matrix(Shape(2, 3), repeating: 0) + Matrix(Shape(1, 3), repeating: 0)
    }
    #expect(standardError(sum).contains("Matrix +: 2×3 and 1×3"))
    let product = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Matrix(Shape(2, 3), repeating: 0).matmul(Matrix(Shape(2, 3), repeating: 0))
    }
    #expect(standardError(product).contains("Matrix.matmul: 2×3 and 2×3"))
    let rows = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Matrix(Shape(2, 3), repeating: 0).rows(1..<3)
    }
    #expect(standardError(rows).contains("no rows 1..<3, columns 0..<3 in a matrix of 2×3"))
  }
}
