import Meta
import Nets
import Tape

/// The blocks of `docs/course/01-a-tape-by-hand.md`.
func chapter01(_ print: (Any) -> Void) throws {
  // begin
  let tape = GradientTape()
  let x = tape.input(Matrix(2), named: "x")
  let z = tape.input(Matrix(3), named: "z")
  let a = x * z
  let b = a + x
  let y = a * b
  print(y.scalar)
  print(tape.listing)
  // end

  // begin
  let slopes = gradient(of: y, wrt: [x, z])
  print(slopes.map(\.scalar))
  print(tape.listing)
  // end

  // begin
  let program = Program(inputs: [x, z], outputs: [y] + slopes)
  print(program.listing)
  print(program.run([Matrix(1), Matrix(1)]).map(\.elements))
  // end

  // begin
  let lab = GradientTape()
  let w = lab.input(try Matrix([[1], [-1]]), named: "w")
  let data = lab.constant(try Matrix([[1, 2], [3, 4]]))
  let targets = lab.constant(try Matrix([[0], [1]]))
  let residual = data.matmul(w) - targets
  let slope = gradient(of: (residual * residual).sum(), wrt: w)
  print(slope.value)
  print(lab.listing)
  // end

  // begin
  let once = GradientTape()
  let p = once.input(Matrix(2), named: "x")
  let q = once.input(Matrix(3), named: "z")
  let s = p + q
  print(gradient(of: s * s, wrt: [p, q]).map(\.scalar))
  print(once.listing)
  // end

  // begin
  let twice = GradientTape()
  let u = twice.input(Matrix(2), named: "x")
  let v = twice.input(Matrix(3), named: "z")
  let square = (u + v) * (u + v)
  let slopeOfSquare = gradient(of: square, wrt: u)
  print(twice.listing)
  print(Program(inputs: [u, v], outputs: [slopeOfSquare]).listing)
  // end

  // begin
  print(gradient(of: y, wrt: a).scalar)
  // end

  // begin
  for n in [10, 100, 1000] {
    let chain = GradientTape()
    let base = chain.input(Matrix(1))
    var power = base
    for _ in 0..<n { power = power * base }
    let before = chain.count
    _ = gradient(of: power, wrt: base)
    print("\(before) lines, and \(chain.count - before) for the gradient")
  }
  // end
}
