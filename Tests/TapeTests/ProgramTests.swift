import Dispatch
import Nets
import Tape
import TestSupport
import Testing

@Suite struct ProgramTests {
  @Test func keepsOnlyWhatTheOutputsNeed() {
    let tape = GradientTape()
    let x = tape.input(Matrix(2))
    let wanted = x * x
    _ = wanted.exp().tanh().sqrt()
    let program = Program(inputs: [x], outputs: [wanted])
    #expect(program.cost.instructions == 1)
    #expect(program.run([Matrix(3)]) == [Matrix(9)])
  }

  @Test func computesEqualLinesOnce() {
    let tape = GradientTape()
    let x = tape.input(Matrix(2))
    let sum = (2 * x).exp() + (2 * x).exp()
    let program = Program(inputs: [x], outputs: [sum])
    #expect(program.cost.instructions == 3)
    // Zero and minus zero are equal numbers, but not the same constant.
    let signs = [1 / (x * 0.0), 1 / (x * -0.0)]
    #expect(
      Program(inputs: [x], outputs: signs).run([Matrix(1)]) == [
        Matrix(.infinity), Matrix(-.infinity),
      ])
  }

  @Test func leavesOutFactorsOfOneAndRepetitions() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(2, 2), repeating: 3))
    let s = tape.input(Matrix(2))
    let y = s.broadcast(to: x.shape) * (1 * x).broadcast(to: x.shape)
    let program = Program(inputs: [x, s], outputs: [y, y.sum(to: x.shape)])
    #expect(program.cost.instructions == 1)
    #expect(program.run([x.value, Matrix(5)])[1] == Matrix(x.shape, repeating: 15))
  }

  @Test func inputsThatAreNotNamedKeepTheirValue() {
    let tape = GradientTape()
    let (x, y) = (tape.input(Matrix(2)), tape.input(Matrix(5)))
    #expect(Program(inputs: [x], outputs: [x * y, y]).run([Matrix(3)]) == [Matrix(15), Matrix(5)])
  }

  @Test func outputsMayBeInputsAndMayRepeat() {
    let tape = GradientTape()
    let x = tape.input(Matrix(2))
    let y = x + 1
    #expect(
      Program(inputs: [x], outputs: [y, x, y]).run([Matrix(3)]) == [
        Matrix(4), Matrix(3), Matrix(4),
      ])
  }

  @Test func theFirstOrderCutSurvivesReplay() {
    let tape = GradientTape()
    let x = tape.input(Matrix(2))
    let cut = gradient(of: x * (x * x).stopGradient(), wrt: x)
    #expect(Program(inputs: [x], outputs: [cut]).run([Matrix(5)]) == [Matrix(25)])
  }

  @Test func reusesMemoryAndWorkspaces() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(10, 10), repeating: 0.1))
    var y = x
    for _ in 0..<50 { y = y.matmul(x).tanh() + x }
    let output = y.sum()
    let planned = Program(inputs: [x], outputs: [output])
    let separate = Program(inputs: [x], outputs: [output], reusingMemory: false)
    #expect(planned.cost.peakBytes < 5 * 100 * 8)
    #expect(separate.cost.peakBytes > 150 * 100 * 8)

    let workspace = Workspace(for: planned)
    for value in [0.3, -0.2, 0.3] {
      let matrix = Matrix(x.shape, repeating: value)
      workspace.setInput(0, to: matrix)
      workspace.run()
      #expect(bits([workspace.output(0)]) == bits(separate.run([matrix])))
    }
  }

  @Test func inputsStayForRunsToCome() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(2, 2), repeating: 1))
    let program = Program(inputs: [x], outputs: [(x + 1).tanh() * 2 + x.exp()])
    let workspace = Workspace(for: program)
    workspace.setInput(0, to: Matrix(x.shape, repeating: 0.3))
    workspace.run()
    let first = workspace.output(0)
    workspace.run()
    #expect(bits([workspace.output(0)]) == bits([first]))
  }

  /// An input that was read elsewhere and is then set leaves what it was read from alone.
  @Test func settingABoundInputDoesNotWriteToItsBlock() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(1, 2), repeating: 0))
    let workspace = Workspace(for: Program(inputs: [x], outputs: [2 * x]))
    let block = Storage(capacity: 3)
    block.write([5, 6, 7], at: 0)
    workspace.bind(0..<1, to: block, at: 1)
    workspace.run()
    #expect(workspace.output(0).elements == [12, 14])
    workspace.setInput(0, to: Matrix(x.shape, repeating: 1))
    workspace.run()
    #expect(workspace.output(0).elements == [2, 2])
    #expect(block.read(0, 3) == [5, 6, 7])
  }

  @Test func signedZerosSurviveReplay() {
    let tape = GradientTape()
    let x = tape.input(Matrix(1))
    let y = 1 / x.sum(to: .scalar)
    #expect(Program(inputs: [x], outputs: [y]).run([Matrix(-0.0)]) == [Matrix(-.infinity)])
    let z = GradientTape().input(Matrix(-0.0))
    #expect((1 / z.sum()).scalar == -.infinity)
  }

  /// Random programs: replay, planning and merging never change a bit.
  @Test(arguments: 0..<40)
  func randomProgramsAreTheSameBitsOnEveryPath(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let shapes = [Shape(3, 3), Shape(1, 3), Shape(3, 1), .scalar]
    let points = randomMatrices(shapes, using: &generator)
    let identity = Matrix(shapes[0]) { $0 == $1 ? 1 : 0 }

    func record(_ points: [Matrix], on tape: GradientTape) -> (inputs: [Variable], [Variable]) {
      var generator = SeededGenerator(seed: seed &+ 1000)
      let inputs = points.map { tape.input($0) }
      var pool = inputs
      for _ in 0..<30 {
        let full = pool.filter { $0.shape == shapes[0] }
        let (a, b) = (
          full[Int.random(in: 0..<full.count, using: &generator)],
          pool[Int.random(in: 0..<pool.count, using: &generator)]
        )
        switch Int.random(in: 0..<13, using: &generator) {
        case 0: pool.append(a + b)
        case 1: pool.append(b * a)
        case 2: pool.append((a - b).tanh())
        case 3: pool.append(a.matmul(a).tanh())
        case 4: pool.append(a.matmulTransposed(a).relu())
        case 5: pool.append(a.sum(to: shapes[Int.random(in: 1...3, using: &generator)]).tanh())
        case 6: pool.append(a.logSumExp())
        case 7: pool.append(a.select(b, elseWhereNotPositive: 0.5))
        case 8:
          pool.append(
            b.gather(Matrix(shapes[0]) { row, _ in row < b.shape.count ? Double(row) : -1 }))
        case 9:
          pool.append(a.scatterAdd(at: Matrix(a.shape) { Double($0 * $1 - 1) }, into: a.shape))
        case 10: pool.append((a.tanh() + 9 * tape.constant(identity)).solve(a))
        case 11: pool.append((a.sin() - b.cos()).maximum(0.1))
        default: pool.append(a.transposed().stopGradient() * 0.5)
        }
      }
      let loss = pool.suffix(4).map { ($0 * $0).sum() }.reduce(tape.constant(0), +)
      let first = gradient(of: loss, wrt: inputs)
      let squares = first.map { ($0 * $0).sum() }.reduce(tape.constant(0), +)
      return (inputs, [loss] + first + gradient(of: squares, wrt: inputs))
    }

    let tape = GradientTape()
    let (inputs, outputs) = record(points, on: tape)
    let others = randomMatrices(shapes, using: &generator)
    let fresh = record(others, on: GradientTape()).1.map(\.value)
    let program = Program(inputs: inputs, outputs: outputs)
    let separate = Program(inputs: inputs, outputs: outputs, reusingMemory: false)
    #expect(bits(program.run(others)) == bits(fresh))
    #expect(bits(separate.run(others)) == bits(fresh))
    #expect(bits(program.run(points)) == bits(outputs.map(\.value)))
  }

  @Test func runsOnSeveralThreadsAtOnce() async {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(8, 8), repeating: 0))
    let loss = x.matmul(x).tanh().sum()
    let program = Program(inputs: [x], outputs: [loss] + gradient(of: loss, wrt: [x]))
    let values = (0..<64).map { Matrix(x.shape, repeating: 0.01 * Double($0)) }
    let alone = values.map { program.run([$0]) }
    await withTaskGroup(of: (Int, [Matrix]).self) { group in
      for (index, value) in values.enumerated() {
        group.addTask { (index, program.run([value])) }
      }
      for await (index, result) in group { #expect(bits(result) == bits(alone[index])) }
    }
  }

  @Test func countsMultiplyAdds() {
    let tape = GradientTape()
    let (a, b) = (
      tape.input(Matrix(Shape(2, 3), repeating: 1)), tape.input(Matrix(Shape(3, 5), repeating: 1))
    )
    let loss = a.matmul(b).sum()
    let program = Program(inputs: [a, b], outputs: [loss] + gradient(of: loss, wrt: [a, b]))
    #expect(program.cost.multiplyAdds == 3 * 2 * 3 * 5)
    #expect(program.instructionsByLevel == [2, 3])
  }

  @Test func mistakesStopWithAMessage() async {
    let computed = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(1))
      let y = x.tanh()
      _ = Program(inputs: [y], outputs: [y * y])
    }
    #expect(standardError(computed).contains("Program: input 0 is computed by tanh"))

    let shape = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(Shape(2, 2), repeating: 1))
      _ = Program(inputs: [x], outputs: [x.sum()]).run([Matrix(3)])
    }
    #expect(standardError(shape).contains("Program: input 0 is 2×2, but its value is 1×1"))

    let count = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(1))
      _ = Program(inputs: [x], outputs: [x * x]).run([])
    }
    #expect(standardError(count).contains("Program: 0 values for 1 inputs"))

    let foreign = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(1))
      _ = Program(inputs: [GradientTape().input(Matrix(1))], outputs: [x])
    }
    #expect(standardError(foreign).contains("Program: variables are on different tapes"))

    let twice = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let x = GradientTape().input(Matrix(1))
      _ = Program(inputs: [x, x], outputs: [x])
    }
    #expect(standardError(twice).contains("Program: an input is named twice"))

    let stale = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let tape = GradientTape()
      let x = tape.input(Matrix(1))
      let mark = tape.mark
      let y = x.tanh()
      tape.truncate(to: mark)
      _ = x.exp()
      _ = Program(inputs: [x], outputs: [y])
    }
    #expect(standardError(stale).contains("was truncated from the tape"))
  }
}

@Suite struct EqualConstantTests {
  /// A slice or an im2col that each inner step records is computed once, since its indices are one line.
  @Test func whatReadsEqualConstantsIsComputedOnce() throws {
    let tape = GradientTape()
    let x = tape.input(try Matrix([[1, 2], [3, 4]]))
    let sums = (0..<3).map { _ in x.gather(Matrix(Shape(2, 3), repeating: 2)).sum() }
    let program = Program(inputs: [x], outputs: sums)
    #expect(program.cost.instructions == 2)
    #expect(program.cost.peakBytes == 8 * (4 + 6 + 6 + 1))
    #expect(program.run([x.value]).map(\.elements) == [[18], [18], [18]])
  }

  /// By their bits: −0 is not 0, and NaN is itself; inputs never merge, whatever their values here.
  @Test func constantsMergeByTheirBitsAndInputsNever() {
    let tape = GradientTape()
    func quotients(_ leaf: (Matrix) -> Variable, _ entry: Double) -> [Variable] {
      [entry, entry].map { 1 / leaf(Matrix(Shape(1, 2), repeating: $0)) }
    }
    let zeros = [0.0, -0.0].map { 1 / tape.constant(Matrix(Shape(1, 2), repeating: $0)) }
    let program = Program(
      inputs: [], outputs: zeros + quotients(tape.constant, 2) + quotients(tape.constant, .nan))
    #expect(program.cost.instructions == 4)
    #expect(program.run([])[..<2].map { $0[0, 1] } == [.infinity, -.infinity])
    let inputs = quotients({ tape.input($0) }, 2)
    #expect(Program(inputs: [], outputs: inputs).cost.instructions == 2)
  }
}
