import Meta
import Tape
import Testing

@Suite struct SubspaceDistanceTests {
  @Test func aDistanceIsTheSineOfTheLargestAngle() throws {
    let truth = Matrix(Shape(4, 2)) { $0 == $1 ? 1 : 0 }
    for angle in [0, 1e-9, 0.3, 1.2, Double.pi / 2] {
      // The second column leaves the plane by the angle; scale and mixing of columns do not matter.
      let tilted = Matrix(Shape(4, 2)) { row, column in
        column == 0 ? (row == 0 ? 1 : 0) : [0, scalarCos(angle), scalarSin(angle), 0][row]
      }
      let mixed = tilted.matmul(try Matrix([[2, -1], [0.5, 3]]))
      let distance = try #require(subspaceDistance(mixed, from: truth))
      #expect(abs(distance - scalarSin(angle)) < 1e-15)
    }
    #expect(subspaceDistance(Matrix(Shape(4, 2), repeating: 1), from: truth) == nil)
  }
}
