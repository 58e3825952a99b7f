import Tape
import Testing

/// A tape of a million lines, all one chain: nothing may recurse over it.
@Suite struct ScaleTests {
  @Test func aMillionLinesRecordDifferentiatePrintAndFree() {
    let tape = GradientTape()
    let x = tape.input(Matrix(1e-3), named: "x")
    var y = x
    let half = tape.constant(0.5)
    for _ in 0..<260_000 { y = (y + x) * half }
    let slope = gradient(of: y, wrt: x)
    #expect(tape.count > 1_000_000)
    #expect(abs(y.scalar - 1e-3) < 1e-12)
    #expect(abs(slope.scalar - 1) < 1e-12)

    let program = Program(inputs: [x], outputs: [y, slope])
    #expect(abs(program.run([Matrix(2)])[0].elements[0] - 2) < 1e-9)
    #expect(tape.listing.utf8.count > 10_000_000)
    #expect(tape.dot.utf8.count > 10_000_000)
  }
}
