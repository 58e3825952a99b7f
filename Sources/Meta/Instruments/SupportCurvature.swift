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
  ///   - threads: How many tasks are measured at once; it does not change a bit.
  ///   - generator: Where the first directions come from, one number for each task.
  /// - Complexity: For each task and iteration, of which there are some dozens, two Hessian-vector products a
  ///   step; memory for the directions of one task for each thread.
  public func supportCurvature(
    tolerance: Double = 1e-9, iterations: Int = 500, threads: Int = 1,
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
    // A seed for each task: so tasks are independent, and none has to wait for the directions of another.
    let seeds = tasks.map { _ in generator.next() }
    let values = programs.map(
      threads: threads,
      prepare: { workspace in
        let along = Storage(capacity: steps * size)
        workspace.bind(
          workspace.program.inputs.indices.suffix(steps * shapes.count), to: along, at: 0)
        return (along: along, products: Storage(capacity: steps * size))
      }
    ) { task, workspace, memory in
      var generator = SeededGenerator(seed: seeds[task])
      let starts = (0..<steps).map { _ in
        (0..<size).map { _ in Double(Int64(bitPattern: generator.next())) }
      }
      return largestEigenvalues(from: starts, tolerance: tolerance, iterations: iterations) {
        directions in
        for (step, direction) in directions.enumerated() {
          memory.along.write(direction, at: step * size)
        }
        workspace.run()
        workspace.copyOutputs(workspace.program.outputs.indices, to: memory.products, at: 0)
        return (0..<steps).map { memory.products.read($0 * size, size) }
      }.map { $0.value.squareRoot() }
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
