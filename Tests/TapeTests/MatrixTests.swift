import Tape
import TestSupport
import Testing

@Suite struct MatrixTests {
  @Test func holdsItsEntriesRowByRow() throws {
    let matrix = try Matrix([[1, 2, 3], [4, 5, 6]])
    #expect(matrix == (try Matrix(rows: 2, columns: 3, elements: [1, 2, 3, 4, 5, 6])))
    #expect(matrix[1, 0] == 4)
    #expect(matrix.map { 2 * $0 }.elements == [2, 4, 6, 8, 10, 12])
    #expect(Matrix(Shape(2, 2)) { Double(10 * $0 + $1) }.elements == [0, 1, 10, 11])
  }

  @Test func sizesThatDisagreeAreNamed() {
    func message(_ make: () throws -> Matrix) -> String {
      do {
        _ = try make()
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(
      message { try Matrix(rows: 2, columns: 3, elements: [1, 2]) } == "2 values, but 2×3 need 6")
    #expect(
      message { try Matrix(rows: 0, columns: 3, elements: []) }
        == "rows and columns are at least 1, but are 0 and 3 (0 values)")
    #expect(message { try Matrix([[1, 2], [3]]) } == "row 1 has 1 values, but row 0 has 2")
    #expect(message { try Matrix([]) }.contains("at least 1"))
    #expect(
      message { try Matrix(rows: .max, columns: 3, elements: [1]) }
        == "1 values, but \(Int.max)×3 need \(Int.max)")
  }

  @Test func indicesOutOfRangeStopWithAMessage() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Matrix(Shape(2, 3), repeating: 0)[0, 3]
    }
    #expect(standardError(result).contains("Matrix: no entry (0, 3) in a matrix of 2×3"))
    let empty = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Shape(0, 3)
    }
    #expect(standardError(empty).contains("rows and columns are at least 1, but are 0 and 3"))
  }

  @Test func broadcastingFillsTheLargest() {
    #expect(Shape.scalar.broadcasts(to: Shape(3, 4)))
    #expect(Shape(1, 4).broadcasts(to: Shape(3, 4)))
    #expect(Shape(3, 1).broadcasts(to: Shape(3, 4)))
    #expect(!Shape(3, 4).broadcasts(to: Shape(3, 1)))
    #expect(!Shape(2, 4).broadcasts(to: Shape(3, 4)))
  }
}
