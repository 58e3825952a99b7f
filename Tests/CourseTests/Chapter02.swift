import Meta
import Nets
import Tape

/// The blocks of `docs/course/02-a-gradient-of-a-gradient.md`.
func chapter02(_ print: (Any) -> Void) throws {
  // begin
  let tape = GradientTape()
  let x = tape.input(Matrix(3), named: "x")
  let z = tape.input(Matrix(2), named: "z")
  let f = x * x * z
  let g = gradient(of: f, wrt: [x, z])
  let firstRow = gradient(of: g[0], wrt: [x, z])
  let secondRow = gradient(of: g[1], wrt: [x, z])
  print(g.map(\.scalar))
  print([firstRow, secondRow].map { $0.map(\.scalar) })
  print(tape.listing)
  // end

  // begin
  let along = [tape.input(Matrix(1), named: "v1"), tape.input(Matrix(2), named: "v2")]
  let product = hessianVectorProduct(of: f, wrt: [x, z], along: along)
  print(product.map(\.scalar))
  // end

  // begin
  let compiled = Program(inputs: [x, z] + along, outputs: product)
  print(compiled.listing)
  // end

  // begin
  let lab = GradientTape()
  let points = lab.input(Matrix(Shape(16, 8), repeating: 0.5), named: "points")
  let weights = [Shape(8, 8), Shape(8, 1)].map { lab.input(Matrix($0, repeating: 0.25)) }
  let moves = weights.map { lab.input($0.value) }
  let loss = (points.matmul(weights[0]).tanh().matmul(weights[1]) - 1).tanh().sum()
  let slopes = gradient(of: loss, wrt: weights)
  let curved = hessianVectorProduct(of: loss, wrt: weights, along: moves)
  func multiplyAdds(_ outputs: [Variable]) -> Int {
    Program(inputs: [points] + weights + moves, outputs: outputs).cost.multiplyAdds
  }
  print("loss                   \(multiplyAdds([loss]))")
  print("gradient               \(multiplyAdds(slopes))")
  print("Hessian times vector   \(multiplyAdds(curved))")
  print("Hessian, 72 such       \(72 * multiplyAdds(curved))")
  // end

  // begin
  let confused = gradient(of: x + x, wrt: x)
  let right = gradient(at: x) { y in x + y }
  print(confused.scalar)
  print(right.scalar)
  // end

  // begin
  let deep = GradientTape()
  let t = deep.input(Matrix(2))
  var derivative = t * t * t * t
  for order in 1...5 {
    derivative = gradient(of: derivative, wrt: t)
    print("order \(order): \(derivative.scalar)")
  }
  // end

  // begin
  let weighted = g[0] * along[0] + g[1] * along[1]
  let other = gradient(of: weighted, wrt: [x, z])
  print(other.map(\.scalar))
  let weightedSlopes = (slopes[0] * moves[0]).sum() + (slopes[1] * moves[1]).sum()
  print(multiplyAdds(gradient(of: weightedSlopes, wrt: weights)))
  // end

  // begin
  let answer = gradient(at: Matrix(2)) { x in
    x * gradient(at: x) { y in x * y * y }
  }
  print(answer)
  let wrong = gradient(at: Matrix(2)) { x in
    x * gradient(of: x * x * x, wrt: x)
  }
  print(wrong)
  // end

  // begin
  print(Program(inputs: [x, z] + along, outputs: other).listing)
  // end
}
