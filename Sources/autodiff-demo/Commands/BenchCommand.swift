import Foundation
import Meta
import Tape

/// `bench`: how long the meta-gradients of the fixed workloads take.
let benchCommand = Command(
  name: "bench",
  summary: "Times meta-gradients of fixed workloads",
  operands: "", operandCount: 0...0,
  options: [
    .init(name: "--workload", value: "PREFIX", help: "only workloads whose name begins so"),
    .init(name: "--method", value: "M", help: "only this method: " + names(Method.self)),
    .init(name: "--seconds", value: "S", help: "how long each is repeated (default 0.5)"),
    .init(name: "--threads", value: "N", help: "how many tasks run at once (default: processors)"),
    .json,
  ],
  details: """
    Microseconds are the median over repeats of one meta-gradient over all tasks; recording,
    differentiating and compiling are timed apart. In navigation the time includes what is drawn:
    trajectories before and after adaptation, and baselines. docs/benchmarks.md says how this compares.
    """,
  example: "autodiff-demo bench --workload sinusoid --method maml"
) { arguments in
  let prefix = arguments.value("--workload") ?? ""
  let method: Method? = try arguments.choice("--method")
  let seconds = try arguments.number("--seconds", in: 0.001...3600) ?? 0.5
  let processors = ProcessInfo.processInfo.activeProcessorCount
  let threads = try arguments.wholeNumber("--threads", in: 1...256) ?? processors

  let names = Workload.all.map(\.name) + [SampledWorkload.name]
  let chosen = names.filter { $0.hasPrefix(prefix) }.flatMap { name in
    let workload = Workload.all.first { $0.name == name }
    return (workload?.methods ?? SampledWorkload.methods).map { (name, workload, $0) }
  }.filter { method == nil || $0.2 == method }
  if chosen.isEmpty {
    throw UserError(
      "bench: no workload '\(prefix)' has that method; there are \(names.list)")
  }
  let progress = Progress(total: Double(chosen.count))
  let timings = try chosen.map { name, workload, method in
    defer { progress.advance(name) }
    let problem = try workload.map {
      try $0.problem().adapting(method.adaptation) as any BilevelProblem
    }
    return Timing(
      name, problem ?? SampledWorkload.problem(), method, by: workload?.route ?? .adjoint,
      seconds: seconds, threads: threads)
  }
  if arguments.has("--json") { return Answer(try json(timings)) }
  var table = TextTable(
    header: [
      "workload", "method", "time", "compile", "instructions", "multiply-adds", "GFLOP/s", "memory",
    ])
  table.leftAligned = [0, 1]
  table.rows = timings.map(\.row)
  return Answer(
    "Meta-gradients over all tasks, medians, on \("thread".counted(threads)), "
      + "with the \(KernelSet.chosen) kernels\n\n\(table.text)")
}

private struct Timing: Encodable {
  var workload: String
  var method: String
  var route: String
  var kernels: String
  var microseconds: Double
  var compileMicroseconds: Double
  var instructions: Int
  var multiplyAdds: Int
  var workspaceBytes: Int

  init(
    _ name: String, _ problem: any BilevelProblem, _ method: Method, by route: Route,
    seconds: Double, threads: Int
  ) {
    let clock = ContinuousClock()
    let compile = clock.measure {
      _ = problem.compiledPrograms(order: method.order, by: route)
    }
    let evaluator = MetaGradientEvaluator(
      problem, order: method.order, by: route, threads: threads)
    _ = evaluator.evaluate()

    var times: [Double] = []
    let end = clock.now + .seconds(seconds)
    while times.count < 3 || clock.now < end {
      times.append(clock.measure { _ = evaluator.evaluate() } / .microseconds(1))
    }
    workload = name
    self.method = method.rawValue
    self.route = route.name
    kernels = KernelSet.chosen.rawValue
    microseconds = times.sorted()[times.count / 2]
    compileMicroseconds = compile / .microseconds(1)
    instructions = evaluator.cost.instructions
    multiplyAdds = evaluator.cost.multiplyAdds
    workspaceBytes = evaluator.cost.peakBytes
  }

  var row: [String] {
    [
      workload, method, microseconds.duration, compileMicroseconds.duration, instructions.grouped,
      multiplyAdds.grouped, (2e-3 * Double(multiplyAdds) / microseconds).fixed(1),
      workspaceBytes.bytes,
    ]
  }
}
