import Nets
import Tape
import TestSupport
import Testing

/// `gather` and `scatterAdd`, and what is spelled in them: slices, joined matrices, picked entries.
@Suite struct PositionTests {
  static let matrix = Matrix(Shape(3, 4)) { Double(10 * $0 + $1) }

  @Test func entriesByPosition() throws {
    let tape = GradientTape()
    let x = tape.input(Self.matrix)
    let indices = try Matrix([[11, -1, 0], [5, 5, -1]])
    let gathered = x.gather(indices)
    #expect(gathered.value == (try Matrix([[23, 0, 0], [11, 11, 0]])))
    let values = tape.input(try Matrix([[1, 2, 3], [4, 5, 6]]))
    let scattered = values.scatterAdd(at: indices, into: x.shape)
    #expect(scattered.value == (try Matrix([[3, 0, 0, 0], [0, 9, 0, 0], [0, 0, 0, 1]])))
    // Each is the other's pullback.
    #expect(pullback(of: [gathered], at: [values], wrt: [x])[0].value == scattered.value)
    #expect(pullback(of: [scattered], at: [x], wrt: [values])[0].value == gathered.value)
  }

  @Test func aReplayBringsOtherIndices() throws {
    let tape = GradientTape()
    let (x, indices) = (tape.input(Self.matrix), tape.input(try Matrix([[0, 1]])))
    let gathered = x.gather(indices)
    let outputs = [gathered] + gradient(of: (gathered * gathered).sum(), wrt: [x, indices])
    let program = Program(inputs: [x, indices], outputs: outputs)
    let results = program.run([Self.matrix, try Matrix([[6, -1]])])
    #expect(results[0].elements == [12, 0])
    #expect(results[1] == Matrix(x.shape) { $0 == 1 && $1 == 2 ? 24 : 0 })
    #expect(results[2].elements == [0, 0])
  }

  @Test func slices() throws {
    let tape = GradientTape()
    let x = tape.input(Self.matrix)
    #expect(x.rows(1..<3).value == (try Matrix([[10, 11, 12, 13], [20, 21, 22, 23]])))
    #expect(x.columns(3..<4).value == (try Matrix([[3], [13], [23]])))
    #expect(x.block(rows: 0..<2, columns: 1..<3).value == (try Matrix([[1, 2], [11, 12]])))
    let flat = x.reshaped(to: Shape(2, 6))
    #expect(flat.value.elements == Self.matrix.elements && flat.shape == Shape(2, 6))
    let slope = gradient(of: x.block(rows: 1..<2, columns: 2..<4).sum(), wrt: x)
    #expect(slope.value == (try Matrix([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])))
  }

  @Test(arguments: 1...5) func partsJoinedAreTheWhole(_ count: Int) {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(6, 5)) { Double(5 * $0 - $1) })
    let rows = (0..<count).map { x.rows($0..<($0 == count - 1 ? 6 : $0 + 1)) }
    #expect(concatenated(rows: rows).value == x.value)
    let columns = (0..<count).map { x.columns($0..<($0 == count - 1 ? 5 : $0 + 1)) }
    #expect(concatenated(columns: columns).value == x.value)
  }

  @Test func oneEntryARow() throws {
    let tape = GradientTape()
    let x = tape.input(Self.matrix)
    #expect(x.pick(columns: [3, 0, 1]).value.elements == [3, 10, 21])
    let columns = tape.input(try Matrix([[3], [0], [-1]]))
    let picked = x.pick(columns: columns)
    #expect(picked.value.elements == [3, 10, 0])
    let program = Program(inputs: [columns], outputs: [picked])
    #expect(program.run([try Matrix([[0], [-1], [3]])])[0].elements == [0, 0, 23])
    #expect(
      gradient(of: picked.sum(), wrt: x).value
        == (try Matrix([[0, 0, 0, 1], [1, 0, 0, 0], [0, 0, 0, 0]])))
  }

  @Test func derivativesOfEveryOrder() {
    var generator = SeededGenerator(seed: 5)
    let points = randomMatrices([Shape(4, 3), Shape(4, 2)], using: &generator)
    let findings = checkDerivatives(
      of: { x in
        let wide = concatenated(columns: [x[0], x[1].tanh(), x[0].columns(1..<3)])
        let tall = concatenated(rows: [wide, wide.rows(0..<2).exp()]).reshaped(to: Shape(3, 14))
        return tall * tall + tall.pick(columns: [2, 13, 0])
      }, at: points, using: &generator)
    #expect(findings.allSatisfy { $0.passes() }, "\(findings)")
  }

  @Test func mistakesStopWithAMessage() async {
    let beyond = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let tape = GradientTape()
      _ = tape.input(PositionTests.matrix).gather(try Matrix([[0, 1], [12, 0]])).value
    }
    #expect(
      standardError(beyond).contains(
        "gather: index 12.0 at [1, 0] is not a position in 3×4: a whole number from -1 to 11"))

    for index in ["0.5", "-2.0", "10.0", "nan", "inf", "1e+300"] {
      let replayed = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) { [index = index as String] in
        let tape = GradientTape()
        let values = tape.input(PositionTests.matrix)
        let indices = tape.input(Matrix(values.shape, repeating: 9))
        let scattered = values.scatterAdd(at: indices, into: Shape(2, 5))
        let wrong = Matrix(values.shape) { $0 == 1 && $1 == 2 ? Double(index) ?? 0 : -1 }
        _ = Program(inputs: [indices], outputs: [scattered]).run([wrong])
      }
      #expect(
        standardError(replayed).contains(
          "scatterAdd: index \(index) at [1, 2] is not a position in 2×5"))
    }

    for column in [4, 0.5, -0.5, -2] {
      let picked = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) { [column = column as Double] in
        let x = GradientTape().input(PositionTests.matrix)
        _ = x.pick(columns: x.tape.input(try Matrix([[column], [0], [0]]))).value
      }
      #expect(standardError(picked).contains("at [0, 0] is not a position in 3×4"))
    }

    let range = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = GradientTape().input(PositionTests.matrix).rows(2..<4)
    }
    #expect(
      standardError(range).contains(
        "block: rows 2..<4 and columns 0..<4 are empty, or not in a matrix of 3×4"))

    let reshaped = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = GradientTape().input(PositionTests.matrix).reshaped(to: Shape(2, 5))
    }
    #expect(standardError(reshaped).contains("3×4 has not the entries of 2×5"))

    let joined = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(PositionTests.matrix)
      _ = concatenated(rows: [x, x.transposed()])
    }
    #expect(
      standardError(joined).contains("concatenated(rows:): shapes do not fit: 3×4 and 4×3"))

    let columns = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = GradientTape().input(PositionTests.matrix).pick(columns: [0, 4, 0])
    }
    #expect(standardError(columns).contains("[0, 4, 0] are not one column of 3×4 for each row"))
  }
}
