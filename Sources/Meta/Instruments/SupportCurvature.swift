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
  /// Measures the largest curvature along the inner path, by Lanczos iteration on Hessian-vector products.
  ///
  /// - Parameters:
  ///   - tolerance: The residual of ‖H‖² at which iterations stop, relative to it. Some singular value is
  ///     nearer than half of that, relatively; the estimate comes from below, and most often has twice as many
  ///     digits.
  ///   - iterations: The most that are made.
  ///   - generator: Where the first directions come from.
  /// - Complexity: For each task and iteration, of which there are some dozens, two Hessian-vector products a
  ///   step; memory for a direction of each.
  public func supportCurvature(
    tolerance: Double = 1e-9, iterations: Int = 500,
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
    let size = shapes.reduce(0) { $0 + $1.count }
    // By task, then by step.
    let starts = (0..<tasks.count * steps).map { _ in
      Matrix.gaussian(Shape(1, size), using: &generator).elements
    }
    let squares = largestEigenvalues(from: starts, tolerance: tolerance, iterations: iterations) {
      directions in
      let products = programs.outputs { task in
        directions[task * steps..<(task + 1) * steps].flatMap { $0.split(into: shapes) }
      }
      return products.flatMap { matrices in
        (0..<steps).map { step -> [Double] in
          let start = step * shapes.count
          return matrices[start..<start + shapes.count].flattened
        }
      }
    }
    return SupportCurvature(
      values: tasks.indices.map { task in
        squares[task * steps..<(task + 1) * steps].map { $0.value.squareRoot() }
      }, rate: largestRate)
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

extension [Double] {
  /// The entries as matrices of the given shapes, one after another.
  fileprivate func split(into shapes: [Shape]) -> [Matrix] {
    var start = 0
    return shapes.map { shape in
      defer { start += shape.count }
      return Matrix(shape) { self[start + $0 * shape.columns + $1] }
    }
  }
}
