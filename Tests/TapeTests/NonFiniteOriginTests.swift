import Tape
import TestSupport
import Testing

@Suite struct NonFiniteOriginTests {
  /// log 0 is made by a forward line, and what reads it is not blamed.
  @Test func theFirstLineIsNamedWithItsOperands() throws {
    let tape = GradientTape()
    let x = tape.input(try Matrix([[1, 0, 2]]), named: "x")
    let y = tape.from("entropy") { (x * x.log()).sum() }
    let origin = try #require(tape.nonFiniteOrigin(through: y))
    #expect((origin.operation, origin.level, origin.source) == (.log, 0, "entropy"))
    #expect((origin.row, origin.column) == (0, 1))
    #expect(origin.value == -.infinity)
    #expect(
      origin.description
        == "%1 log, level 0 in entropy, is first not finite: -inf at [0, 1], from %0 input (0.0…2.0)"
    )
    #expect(tape.nonFiniteOrigin(through: x) == nil)
  }

  /// A derivative that is not finite where the function is: the origin is a line of level 1.
  @Test func aGradientIsBlamedOnItsOwnLevel() throws {
    let tape = GradientTape()
    let x = tape.input(Matrix(1e-200), named: "x")
    let inverse = tape.from("inverse") { 1 / x }
    let slope = gradient(of: inverse, wrt: x)
    #expect(tape.nonFiniteOrigin(through: inverse) == nil)
    let origin = try #require(tape.nonFiniteOrigin(through: slope))
    #expect((origin.operation, origin.level, origin.source) == (.divide, 1, "inverse"))
    #expect(origin.operands.count == 2)
  }

  @Test func anInputCanBeTheOrigin() throws {
    let tape = GradientTape()
    let x = tape.input(Matrix(.nan), named: "x")
    let origin = try #require(tape.nonFiniteOrigin(through: x * 2))
    #expect(origin.description == "%0 input, level 0 in x, is first not finite: nan at [0, 0]")
  }

  @Test func aTapeStopsWhereItIsAskedTo() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let tape = GradientTape()
      tape.stopsWhereNotFinite = true
      let x = tape.input(Matrix(0), named: "x")
      let y = x.log()
      _ = (y * y).value
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("%1 log, level 0, is first not finite: -inf at [0, 0]"))
    // Unasked, it goes on.
    let tape = GradientTape()
    #expect(tape.input(Matrix(0)).log().scalar == -.infinity)
  }

  /// What was computed before the question is looked at all the same.
  @Test func linesComputedBeforeAreLookedAtToo() throws {
    let tape = GradientTape()
    let y = tape.input(Matrix(-1)).log()
    #expect(y.scalar.isNaN)
    #expect(tape.nonFiniteOrigin(through: y + 1)?.line == 1)
  }
}
