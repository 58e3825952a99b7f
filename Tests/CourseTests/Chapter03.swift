import Meta
import Nets
import Tape

/// The blocks of `docs/course/03-an-inner-loop.md`.
func chapter03(_ print: (Any) -> Void) throws {
  // begin
  func supportLoss(_ theta: Variable) -> Variable { (theta - 1) * (theta - 1) }
  func queryLoss(_ theta: Variable) -> Variable { (theta + 1) * (theta + 1) }

  let tape = GradientTape()
  let theta = tape.input(Matrix(3), named: "θ")
  let rate = tape.input(Matrix(0.25), named: "α")

  let inner = gradient(of: supportLoss(theta), wrt: theta)
  let adapted = theta - rate * inner
  let loss = queryLoss(adapted)
  let meta = gradient(of: loss, wrt: [theta, rate])

  print("inner gradient \(inner.scalar), adapted \(adapted.scalar), query loss \(loss.scalar)")
  print("meta-gradient \(meta[0].scalar)")
  // end

  // begin
  print(Program(inputs: [theta, rate], outputs: [loss, meta[0]]).listing)
  // end

  // begin
  print(meta[1].scalar)
  // end

  // begin
  for steps in 1...3 {
    var current = theta
    for _ in 0..<steps {
      current = current - rate * gradient(of: supportLoss(current), wrt: current)
    }
    let gradients = gradient(of: queryLoss(current), wrt: [theta, rate])
    print("\(steps): ends at \(current.scalar), meta-gradient \(gradients[0].scalar)")
    print("   in the rate \(gradients[1].scalar)")
  }
  // end

  // begin
  let description = ParameterDescription(name: "θ", shape: .scalar, role: .head)
  let parameters = Parameters([description], [theta])
  let loop = InnerLoop(adapting: .all, steps: 3, order: .exact)
  let after = loop.adapt(parameters, rate: rate) { supportLoss($0[0]) }
  print(after[0].scalar)
  print(gradient(of: queryLoss(after[0]), wrt: theta).scalar)
  // end

  // begin
  let matrix = tape.constant(try Matrix([[2, 1], [1, 3]]))
  func bowl(_ theta: Variable) -> Variable { 0.5 * (theta * matrix.matmul(theta)).sum() }
  let start = tape.input(try Matrix([[2], [-1]]), named: "θ")
  let next = start - rate * gradient(of: bowl(start), wrt: start)
  let metaGradient = gradient(of: 0.5 * (next * next).sum(), wrt: start)
  print(next.value)
  print(metaGradient.value)
  // end

  // begin
  for size in [0.75, 0.5] {
    let alpha = tape.input(Matrix(size))
    let end = theta - alpha * gradient(of: supportLoss(theta), wrt: theta)
    let slope = gradient(of: queryLoss(end), wrt: [theta, end])
    print("rate \(size): ends at \(end.scalar), slope \(slope[1].scalar), meta \(slope[0].scalar)")
  }
  // end

  // begin
  let second = next - rate * gradient(of: bowl(next), wrt: next)
  print(second.value)
  print(gradient(of: 0.5 * (second * second).sum(), wrt: start).value)
  // end

  // begin
  for steps in 1...4 {
    let loop = InnerLoop(adapting: .all, steps: steps, order: .exact)
    let end = loop.adapt(parameters, rate: rate) { supportLoss($0[0]) }[0]
    let outputs = [queryLoss(end), gradient(of: queryLoss(end), wrt: theta)]
    print(Program(inputs: [theta, rate], outputs: outputs).instructionsByLevel)
  }
  // end
}
