import Nets
import Synchronization
public import Tape

/// A meta-gradient made ready to be evaluated again and again: compiled, its tasks laid out in memory.
///
/// Tasks run on several threads. The sum over tasks has one fixed order, so the number of threads does
/// not change a bit of the result. An evaluator belongs to one thread at a time.
public final class MetaGradientEvaluator {
  /// The method that is evaluated; where its order is between first order and exact, the exact one.
  public let method: Method
  /// What is differentiated.
  public let order: Order
  /// The route by which.
  public let route: Route
  /// What one evaluation takes: see ``MetaGradient/cost``.
  public let cost: Cost

  private let descriptions: [ParameterDescription]
  private let paths: [DerivativePath]
  private var tasks: [LoadedTask]
  private let programs: [TaskShapes: Int]
  private let workers: Workers
  private let pool: WorkerPool
  private let parameters: Storage
  private let parameterCount: Int

  /// Compiles the meta-gradient of a problem, with its parameters and rate as the first to evaluate at.
  ///
  /// - Parameters:
  ///   - problem: What the meta-gradient is of.
  ///   - method: What adapts, and what is differentiated.
  ///   - order: What is differentiated, if not what the method says.
  ///   - route: How it is computed.
  ///   - threads: How many tasks run at once, at least one.
  /// - Complexity: O(lines) for each size of task.
  public init(
    _ problem: MetaProblem, _ method: Method, order: Order? = nil, by route: Route = .unrolled,
    threads: Int = 1
  ) {
    if threads < 1 { stop("MetaGradientEvaluator: threads is at least 1, but is \(threads)") }
    self.method = method.bearing(order ?? method.order)
    self.route = route
    descriptions = problem.parameters.descriptions
    let loop = problem.innerLoop(method, order: order)
    self.order = loop.order
    paths = loop.paths(on: descriptions)
    parameterCount = descriptions.reduce(0) { $0 + $1.shape.count }
    let parameters = Storage(capacity: parameterCount + 1)

    var programs: [TaskShapes: Int] = [:]
    var gradients: [any TaskGradient] = []
    tasks = problem.tasks.map { task in
      let shapes = TaskShapes(task)
      let program = programs[shapes] ?? gradients.count
      if program == gradients.count {
        programs[shapes] = program
        gradients.append(problem.taskGradient(loop, route, shapes))
      }
      return LoadedTask(task, program: program)
    }
    self.programs = programs
    cost = tasks.reduce(into: Cost()) { cost, task in
      let part = gradients[task.program].cost
      cost.instructions += part.instructions
      cost.multiplyAdds += part.multiplyAdds
      cost.peakBytes = max(cost.peakBytes, part.peakBytes)
    }
    self.parameters = parameters
    pool = WorkerPool(count: min(threads, tasks.count))
    workers = Workers(
      (0..<pool.count).map { _ in gradients.map { $0.runner(parameters: parameters) } },
      sums: min(tasks.count, Self.sumCount(for: cost)), sumCount: parameterCount + 1)
    setParameters(problem.parameters.values, rate: problem.learningRate)
  }

  /// Tasks are summed in at most so many groups, whose sums are then added: more would keep more
  /// threads busy, but cost more to add.
  ///
  /// It follows from the work alone, so that the bits do too.
  private static func sumCount(for cost: Cost) -> Int {
    let work = cost.multiplyAdds / 500_000 + cost.instructions / 1500
    return [16, 8, 4].first { $0 <= work } ?? 2
  }

  /// Moves to other parameters and another learning rate.
  ///
  /// - Precondition: One matrix per parameter, of its shape; anything else stops with a message.
  public func setParameters(_ values: [Matrix], rate: Double) {
    if values.map(\.shape) != descriptions.map(\.shape) {
      stop("setParameters: \(values.map(\.shape)) for \(descriptions.map(\.shape))")
    }
    var offset = 0
    for value in values {
      parameters.write(value.elements, at: offset)
      offset += value.shape.count
    }
    parameters.write([rate], at: offset)
  }

  /// Moves to other tasks, as many as before and of sizes that were among the first.
  ///
  /// - Precondition: There are as many, and each size is known; anything else stops with a message.
  public func setTasks(_ tasks: [LearningTask]) {
    if tasks.count != self.tasks.count {
      stop("setTasks: \(tasks.count) tasks instead of \(self.tasks.count)")
    }
    self.tasks = tasks.map { task in
      guard let program = programs[TaskShapes(task)] else {
        stop("setTasks: no task had \(task.support.inputs.shape) and \(task.query.inputs.shape)")
      }
      return LoadedTask(task, program: program)
    }
  }

  /// Evaluates the meta-gradient at the present parameters, over all tasks.
  public func evaluate() -> MetaGradient {
    run()
    let share = 1 / Double(tasks.count)
    let sum = workers.sums[0]
    sum.scale(parameterCount + 1, by: share)
    return MetaGradient(
      method: method, order: order, route: route, loss: sum.read(0, 1)[0],
      gradient: Parameters(descriptions, sum.matrices(descriptions.map(\.shape), at: 1)),
      cost: cost, paths: paths)
  }

  /// The memory that the runners of one thread have reserved.
  var reservedBytes: Int { workers.runners[0].reduce(0) { max($0, $1.reservedBytes) } }

  /// Leaves loss and gradient, summed over tasks, in the first of the sums.
  package func run() {
    let (workers, tasks) = (workers, tasks)
    let groups = workers.sums.count
    workers.next.store(0, ordering: .relaxed)
    pool.run { worker in
      while true {
        let group = workers.next.add(1, ordering: .relaxed).oldValue
        if group >= groups { return }
        let sum = workers.sums[group]
        sum.clear(0..<workers.sumCount)
        // Which tasks belong to a group depends on their number and work alone.
        for index in (tasks.count * group / groups)..<(tasks.count * (group + 1) / groups) {
          let task = tasks[index]
          workers.runners[worker][task.program].run(task, addingTo: sum)
        }
      }
    }
    // Each thread adds a slice of all the groups, unless waking it takes longer than the sum.
    let slices = groups * workers.sumCount > 16_384 ? pool.count : 1
    @Sendable func addSlice(_ slice: Int) {
      let range = (workers.sumCount * slice / slices)..<(workers.sumCount * (slice + 1) / slices)
      for group in 1..<groups { workers.sums[0].add(workers.sums[group], range) }
    }
    if slices > 1 { pool.run(addSlice) } else { addSlice(0) }
  }
}

/// A task's matrices, one behind the other.
struct LoadedTask: @unchecked Sendable {
  /// Never written again once loaded (other tasks get other blocks), which is why threads may share it.
  let block: Storage
  /// Where the query set begins.
  let queryOffset: Int
  /// Which of the programs is for its size.
  let program: Int

  init(_ task: LearningTask, program: Int) {
    let support = task.support.all.flatMap(\.elements)
    let query = task.query.all.flatMap(\.elements)
    queryOffset = support.count
    block = Storage(capacity: support.count + query.count)
    block.write(support + query, at: 0)
    self.program = program
  }
}

/// What the threads of an evaluation work with.
///
/// Safe to share because each thread uses the runners of its own number, and each group's sum is
/// written by the one thread that drew the group; the pool waits for all before anyone reads.
private final class Workers: @unchecked Sendable {
  let runners: [[any TaskRunner]]
  let sums: [Storage]
  let sumCount: Int
  let next = Atomic<Int>(0)

  init(_ runners: [[any TaskRunner]], sums: Int, sumCount: Int) {
    self.runners = runners
    self.sums = (0..<sums).map { _ in Storage(capacity: sumCount) }
    self.sumCount = sumCount
  }
}
