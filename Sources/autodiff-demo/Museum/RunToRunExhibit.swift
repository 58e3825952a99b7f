import Meta
import Nets
import Tape

/// Gradients of tasks, added as they come in or in one order.
func runToRunExhibit(_ id: String) throws -> Exhibit {
  let orders = 10
  let name = "sinusoid-1x40x40x1-m10-s1-t25"
  guard let workload = Workload.all.first(where: { $0.name == name }) else {
    throw UserError("museum: no workload '\(name)'")
  }
  let problem = try workload.problem()
  let single = MetaGradientEvaluator(
    try MetaProblem(
      network: problem.network, loss: problem.loss, parameters: problem.parameters.values,
      steps: problem.steps, learningRate: problem.learningRate, tasks: [problem.tasks[0]]), .maml)
  let gradients = problem.tasks.map { task in
    single.setTasks([task])
    return single.evaluate().gradient.flattened
  }
  var generator = SeededGenerator(seed: 1)
  var sums: Set<[UInt64]> = []
  for _ in 0..<orders {
    let asTheyComeIn = gradients.shuffled(using: &generator)
    let sum = asTheyComeIn.dropFirst().reduce(asTheyComeIn[0]) { zip($0, $1).map { $0 + $1 } }
    sums.insert(sum.map(\.bitPattern))
  }
  let threads = [1, 2, 3, 8]
  let results = Set(
    threads.flatMap { count in
      let evaluator = MetaGradientEvaluator(problem, .maml, threads: count)
      return (0..<2).map { _ in
        evaluator.evaluate().gradient.flattened.map(\.bitPattern)
      }
    })
  let (a, b) = ((0.1 + 0.2) + 0.3, 0.1 + (0.2 + 0.3))
  return Exhibit(
    id: id, title: "Another result in every run",
    mistake:
      "Threads add the gradient of a task to the sum when they are done with it. Addition of "
      + "floating-point numbers depends on the order, the order depends on the clock, and "
      + "training carries the difference on.",
    quantity: "different meta-gradients of one problem", wrong: Reading(Double(sums.count)),
    right: Reading(Double(results.count)),
    caughtBy: "bits of MetaGradientEvaluator by threads",
    findings: [
      Finding(
        a != b, "the reason in small: (0.1 + 0.2) + 0.3 is \(a), 0.1 + (0.2 + 0.3) is \(b)"),
      Finding(
        sums.count > 1,
        "25 tasks added in \(orders) orders give \(sums.count) different lists of bits"),
      Finding(
        results.count == 1,
        "MetaGradientEvaluator on \(threads.map(String.init).list) threads, twice each: "
          + "\(results.count) list of bits"),
    ],
    metIn: ["tristandeleu/pytorch-meta 20", "learnables/learn2learn 422"])
}
