import Nets
public import Tape

extension SampledPolicyProblem {
  /// By task and step, and last of the adapted policy, what is drawn from the present parameters.
  private func batches(threads: Int) -> [[Parameters<Matrix>]] {
    // First order draws the same, and carries nothing back over the steps.
    let evaluator = MetaGradientEvaluator(self, order: .firstOrder, by: .adjoint, threads: threads)
    _ = evaluator.evaluate()
    return evaluator.drawnData().map { $0.map { Parameters(layout.descriptions, $0) } }
  }

  /// By task, the mean return of the policy after 0, 1, 2 … updates, not discounted.
  ///
  /// Each is that of the trajectories to which the next update adapts, the last that of the outer loss's.
  ///
  /// - Parameter threads: How many tasks run at once; it does not change a bit.
  public func adaptedReturns(threads: Int = 1) -> [[Double]] {
    batches(threads: threads).map { steps in
      steps.map { $0["returns"].elements.reduce(0, +) / Double(trajectories) }
    }
  }

  /// By task, the observations of each trajectory after 0, 1, 2 … updates, a step a row.
  public func adaptedPaths(threads: Int = 1) -> [[[Matrix]]] {
    let (width, horizon) = (environment.observationWidth, environment.horizon)
    return batches(threads: threads).map { steps in
      steps.map { batch in
        (0..<trajectories).map { index in
          let length = (0..<horizon).count { batch["mask"][index, $0] != 0 }
          return Matrix(Shape(length, width)) {
            batch["observations"][index * horizon + $0, $1]
          }
        }
      }
    }
  }

  /// The same problem on the trajectories that it draws now, which are then fixed: every route and every instrument
  /// applies.
  ///
  /// Its tasks have what the inner step reads under `inner/…`, and what the outer loss reads under `outer/…`.
  ///
  /// - Precondition: There is at most one inner step, since each has trajectories of its own; more stop with a message.
  public func drawn(threads: Int = 1) -> Bilevel {
    if steps > 1 {
      stop("\(name).drawn(): one set of trajectories is fixed, but \(steps) steps have one each")
    }
    let prefixes = steps == 0 ? ["outer/"] : ["inner/", "outer/"]
    let tasks = batches(threads: threads).map { steps in
      Parameters<Matrix>(
        zip(prefixes, steps).flatMap { prefix, batch in
          batch.descriptions.map {
            ParameterDescription(name: prefix + $0.name, shape: $0.shape)
          }
        }, steps.flatMap(\.values))
    }
    let layout = layout
    @Sendable func part(_ prefix: String, of task: Parameters<Variable>) -> Parameters<Variable> {
      Parameters(layout.descriptions, layout.descriptions.map { task[prefix + $0.name] })
    }
    return Bilevel(
      name, outer: outer, learned: learned, tasks: tasks, steps: steps,
      start: { [self] outer in start(outer) },
      innerLoss: { [self] inner, outer, task in innerLoss(inner, outer, part("inner/", of: task)) },
      outerLoss: { [self] inner, outer, task in outerLoss(inner, outer, part("outer/", of: task)) })
  }
}
