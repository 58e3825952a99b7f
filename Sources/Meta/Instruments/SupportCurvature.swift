import Nets
import Tape

/// The largest curvature that the inner loop of each task meets.
///
/// A step back multiplies by I − αH, first order by I, where H holds the columns of the Hessian that
/// belong to adapted parameters; so α‖H‖ is the most by which one step can differ. Over all steps of
/// gradient descent, ‖exact − first order‖ is at most ∏(1 + α‖Hₜ‖) − 1 times the first-order gradient
/// of the same task.
public struct SupportCurvature: Sendable {
  /// By task and inner step, ‖H‖: where everything adapts, the largest eigenvalue of the support loss's
  /// Hessian by its absolute value; else the largest singular value of the adapted columns.
  public let values: [[Double]]
  /// The inner learning rate.
  public let rate: Double

  /// The largest of all.
  public var largest: Double { values.joined().max() ?? 0 }

  /// By task, the most by which its gradients of both orders can differ, relative to first order.
  public var bounds: [Double] {
    values.map { steps in steps.reduce(1) { $0 * (1 + abs(rate) * $1) } - 1 }
  }
}

extension BilevelProblem {
  /// Measures the largest curvature along the inner path, by power iteration on Hessian-vector products.
  ///
  /// - Parameters:
  ///   - tolerance: The relative change between iterations at which they stop.
  ///   - iterations: The most that are made; the estimate comes from below.
  ///   - generator: Where the first directions come from.
  /// - Complexity: For each task and iteration, two Hessian-vector products a step.
  public func supportCurvature(
    tolerance: Double = 1e-8, iterations: Int = 500,
    using generator: inout some RandomNumberGenerator
  ) -> SupportCurvature {
    let (steps, tasks) = (Differentiation(self, .exact).steps, taskData)
    if steps == 0 { return SupportCurvature(values: tasks.map { _ in [] }, rate: largestRate) }
    let shapes = innerDescriptions.map(\.shape)
    let programs = TaskPrograms(self) { loop in
      let along = loop.steps.map { _ in
        shapes.map { loop.on.tape.input(Matrix($0, repeating: 0)) }
      }
      return (
        zip(loop.steps, along).flatMap { step, along in
          let point = step.seen.values + loop.learned.map { step.seenOuter[$0] }
          let columns = pullback(of: step.gradients, at: along, wrt: point)
          return jacobianVectorProduct(of: step.gradients, wrt: point, along: columns)
        }, along.flatMap(\.self)
      )
    }
    // By task and step, the matrices of one direction of length 1, and the growth along it.
    var directions = tasks.map { _ in
      (0..<steps).map { _ in
        normalized(shapes.map { Matrix.gaussian($0, using: &generator) }).direction
      }
    }
    var values = tasks.map { _ in Array(repeating: 0.0, count: steps) }
    for _ in 0..<iterations {
      var change = 0.0
      let products = programs.outputs { directions[$0].flatMap(\.self) }
      for (task, products) in products.enumerated() {
        for step in 0..<steps {
          let block = Array(products[step * shapes.count..<(step + 1) * shapes.count])
          let (direction, square) = normalized(block)
          let length = square.squareRoot()
          change = max(
            change, abs(length - values[task][step]) / max(length, .leastNonzeroMagnitude))
          values[task][step] = length
          if length > 0, length.isFinite { directions[task][step] = direction }
        }
      }
      if change <= tolerance { break }
    }
    return SupportCurvature(values: values, rate: largestRate)
  }

  /// The largest rate of any variable and step, by its absolute value.
  var largestRate: Double {
    let tape = GradientTape()
    let outer = outer.recorded(on: tape)
    return (0..<steps).flatMap { step in
      innerDescriptions.flatMap {
        rate(of: $0, at: StepNumber(step + 1, on: tape), outer).value.elements
      }
    }.reduce(0) { abs($1) > abs($0) ? $1 : $0 }
  }
}

/// Matrices divided by their common length, and that length.
private func normalized(_ matrices: [Matrix]) -> (direction: [Matrix], length: Double) {
  let length = norm(matrices.flatMap(\.elements))
  return (matrices.map { $0.map { $0 / length } }, length)
}
