import Nets
import Tape
import TestSupport
import Testing

@Suite struct GradientTapeTests {
  @Test func truncatingForgetsAndLetsTheTapeGoOn() async {
    let tape = GradientTape()
    let x = tape.input(Matrix(2))
    let mark = tape.mark
    tape.from("cut in here") {
      tape.truncate(to: mark)
      let line = (x + 1).index
      #expect(tape.recording.source(line) == "cut in here")
    }
    tape.truncate(to: mark)
    for turn in 1...3 {
      let y = tape.from("turn") { x * Double(turn) }
      #expect(y.scalar == 2 * Double(turn))
      #expect(gradient(of: y, wrt: x).scalar == Double(turn))
      tape.truncate(to: mark)
      #expect(tape.count == 1)
      #expect(tape.recording.literals.count == 1)
    }
    let gone = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tape = GradientTape()
      let start = tape.mark
      _ = tape.input(Matrix(1))
      let later = tape.mark
      tape.truncate(to: start)
      _ = tape.input(Matrix(2))
      tape.truncate(to: later)
    }
    #expect(standardError(gone).contains("truncate: the mark is not, or no longer, a place"))
    let past = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tape = GradientTape()
      GradientTape().truncate(to: tape.mark)
    }
    #expect(standardError(past).contains("truncate: the mark is not, or no longer, a place"))
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tape = GradientTape()
      let mark = tape.mark
      let x = tape.input(Matrix(2))
      tape.truncate(to: mark)
      _ = x + 1
    }
    #expect(standardError(result).contains("Variable: its line 0 was truncated from the tape"))
  }

  @Test func levelsCountHowOftenALineWasDifferentiated() {
    let tape = GradientTape()
    let x = tape.input(Matrix(0.5))
    var value = x.tanh()
    for level in 1...4 {
      value = gradient(of: value, wrt: x)
      #expect(value.instruction.level == level)
    }
    // What is written forward from gradients is forward again.
    #expect((x - 0.1 * gradient(of: x * x, wrt: x)).instruction.level == 0)
  }

  @Test func gradientsBearTheSourceOfWhatTheyDifferentiate() {
    let tape = GradientTape()
    let x = tape.input(Matrix(0.5), named: "x")
    let loss = tape.from("step 1") { tape.from("loss") { x.tanh() } }
    let derivative = tape.from("elsewhere") { gradient(of: loss, wrt: x) }
    #expect(tape.recording.source(derivative.index) == "step 1 / loss")
    #expect(tape.recording.source(x.index) == "x")
  }

  @Test func listsEachLineWithLevelAndSource() {
    let tape = GradientTape()
    let x = tape.input(Matrix(Shape(1, 2), repeating: 0.5), named: "x")
    let loss = tape.from("loss") { (2 * x).tanh().sum() }
    _ = gradient(of: loss, wrt: x)
    let expected = """
      line  level  instruction       shape  source
      %0    0      input             1×2    x
      %2    0      multiply 2.0 %0   1×2    loss
      %3    0      tanh %2           1×2    loss
      %4    0      sum %3            1×1    loss
      %6      1    broadcast 1.0     1×2    loss
      %7      1    multiply %3 %3    1×2    loss
      %9      1    subtract 1.0 %7   1×2    loss
      %10     1    multiply %6 %9    1×2    loss
      %11     1    multiply %10 2.0  1×2    loss

      """
    #expect(tape.listing == expected)
  }

  @Test func drawsLevelsAndCuts() {
    let tape = GradientTape()
    let x = tape.input(Matrix(0.5), named: "the \"x\"")
    let y = x * x.stopGradient()
    let dot = Program(inputs: [x], outputs: [gradient(of: y, wrt: x), y]).dot
    #expect(dot.hasPrefix("digraph tape {\n") && dot.hasSuffix("}\n"))
    #expect(dot.contains("label=\"%0 input\\n1×1\\nthe \\\"x\\\"\""))
    #expect(dot.contains("n0 -> n1 [style=dashed, color=red];"))
    #expect(dot.contains("shape=octagon"))
  }
}
