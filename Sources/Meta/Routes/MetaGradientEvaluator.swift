public import Nets
import Synchronization
public import Tape

/// A meta-gradient made ready to be evaluated again and again: compiled, its tasks laid out in memory.
///
/// Tasks run on several threads. The sum over tasks has one fixed order, so the number of threads does
/// not change a bit of the result. An evaluator belongs to one thread at a time.
public final class MetaGradientEvaluator {
  /// What one evaluation takes, at most if it is not known before: see ``MetaGradient/cost``.
  public private(set) var cost: Cost

  /// What results say of themselves, but for their numbers.
  private let label: (name: String, order: Order, route: Route)
  private let paths: [DerivativePath]
  /// See ``MetaGradient/notSeen``.
  let notSeen: [String]
  private let descriptions: [ParameterDescription]
  private let learned: [Int]
  /// What the gradient is by, and the shapes of its parts.
  private let gradient: [ParameterDescription]
  private let shapes: [Shape]
  private var tasks: [LoadedTask]
  private let taskNames: [String]
  private let programs: [[Shape]: Int]
  private let gradients: [any TaskGradient]
  private let workers: Workers
  private let pool: WorkerPool
  private let outer: Storage
  /// Where each outer variable lies, and where the last one ends.
  private let offsets: [Int]

  /// Compiles the meta-gradient of a problem, with its outer variables as the first to evaluate at.
  ///
  /// - Parameters:
  ///   - problem: What the meta-gradient is of.
  ///   - order: What is differentiated.
  ///   - route: How it is computed.
  ///   - threads: How many tasks run at once, at least one.
  /// - Precondition: The parts of the problem fit each other; anything else stops with a message.
  /// - Complexity: O(lines) for each size of task.
  public init(
    _ problem: some BilevelProblem, order: Order = .exact, by route: Route = .unrolled,
    threads: Int = 1
  ) {
    if threads < 1 { stop("MetaGradientEvaluator: threads is at least 1, but is \(threads)") }
    problem.check()
    let differentiation = Differentiation(problem, order)
    label = (differentiation.label, order, route)
    paths = differentiation.paths
    let values = problem.outer
    descriptions = values.descriptions
    learned = problem.learnedPositions
    gradient = learned.map { [descriptions] in descriptions[$0] }
    shapes = gradient.map(\.shape)
    offsets = values.shapes.offsets()
    let outer = Storage(capacity: offsets[descriptions.count])

    let taskData = problem.taskData
    taskNames = taskData[0].names
    var programs: [[Shape]: Int] = [:]
    var gradients: [any TaskGradient] = []
    tasks = taskData.enumerated().map { index, task in
      let program = programs[task.shapes] ?? gradients.count
      if program == gradients.count {
        programs[task.shapes] = program
        gradients.append(differentiation.taskGradient(route, task))
      }
      return LoadedTask(task, program: program, index: index)
    }
    (self.programs, self.gradients) = (programs, gradients)
    notSeen = differentiation.notSeen(by: route, gradients, taskData[0])
    // First order that knows of nothing says so in its result; it is what the package is about.
    if !route.followsSteps, let refusal = differentiation.refusal(of: route, notSeen: notSeen) {
      stop("\(problem.name): \(route) does not apply: \(refusal)")
    }
    cost = tasks.cost { gradients[$0.program].cost(after: nil) }
    self.outer = outer
    pool = WorkerPool(count: min(threads, tasks.count))
    workers = Workers(
      (0..<pool.count).map { _ in gradients.map { $0.runner(outer: outer) } },
      sums: min(
        tasks.count, Self.sumCount(for: tasks.cost { gradients[$0.program].groupingCost })),
      sumCount: 1 + shapes.reduce(0) { $0 + $1.count })
    setOuter(values)
  }

  /// Tasks are summed in at most so many groups, whose sums are then added: more would keep more
  /// threads busy, but cost more to add.
  ///
  /// It follows from the work alone, so that the bits do too.
  private static func sumCount(for cost: Cost) -> Int {
    let work = cost.multiplyAdds / 500_000 + cost.instructions / 1500
    return [16, 8, 4].first { $0 <= work } ?? 2
  }

  /// Moves to other outer variables, learned ones and others.
  ///
  /// - Precondition: They have the names and shapes of the problem's; anything else stops with a message.
  public func setOuter(_ values: Parameters<Matrix>) {
    if values.descriptions != descriptions {
      stop("setOuter: \(values.names) \(values.shapes) for \(descriptions.map(\.name))")
    }
    outer.write(values.flattened, at: 0)
  }

  /// Moves to other values of what is learned, one behind the other in the order of the gradient.
  ///
  /// - Precondition: One matrix for each learned variable, of its shape; anything else stops with a message.
  public func setLearned(_ values: [Matrix]) {
    if values.map(\.shape) != shapes {
      stop("setLearned: \(values.map(\.shape)) for \(shapes)")
    }
    for (position, value) in zip(learned, values) {
      outer.write(value.elements, at: offsets[position])
    }
  }

  /// Moves to another value of one outer variable.
  ///
  /// - Precondition: There is one of this name and shape; anything else stops with a message.
  public func set(_ name: String, to value: Matrix) {
    guard let position = descriptions.firstIndex(where: { $0.name == name }),
      descriptions[position].shape == value.shape
    else { stop("set: no outer variable '\(name)' is \(value.shape)") }
    outer.write(value.elements, at: offsets[position])
  }

  /// Moves to other tasks, as many as one likes, of sizes that were among the first.
  ///
  /// - Precondition: There is one, they have the names of before, and each size is known; anything else stops with
  ///   a message.
  public func setTasks(_ tasks: [Parameters<Matrix>]) {
    if tasks.isEmpty { stop("setTasks: there is no task") }
    self.tasks = tasks.enumerated().map { index, task in
      if task.names != taskNames { stop("setTasks: \(task.names) instead of \(taskNames)") }
      guard let program = programs[task.shapes] else {
        stop("setTasks: no task had matrices of \(task.shapes)")
      }
      let former = index < self.tasks.count ? self.tasks[index] : nil
      return LoadedTask(task, program: program, index: index, after: former)
    }
    cost = self.tasks.cost { gradients[$0.program].cost(after: nil) }
  }

  /// Evaluates the meta-gradient at the present outer variables, over all tasks.
  public func evaluate() -> MetaGradient { evaluate(beside: nil) }

  /// The same, with some other work done on one of the threads.
  func evaluate(beside work: (@Sendable () -> Void)?) -> MetaGradient {
    run(beside: work)
    let share = 1 / Double(tasks.count)
    let sum = workers.sums[0]
    sum.scale(workers.sumCount, by: share)
    return MetaGradient(
      method: label.name, order: label.order, route: label.route, loss: sum.read(0, 1)[0],
      gradient: Parameters(gradient, sum.matrices(shapes, at: 1)),
      cost: label.route.followsSteps
        ? cost : tasks.cost { gradients[$0.program].cost(after: $0.evidence) },
      paths: paths, notSeen: notSeen,
      evidence: label.route.bearsEvidence ? tasks.map(\.evidence) : [])
  }

  /// By task and step, and last for the outer loss, the data that the last evaluation has drawn; empty where they
  /// are fixed.
  func drawnData() -> [[[Matrix]]] {
    tasks.map { task in
      task.drawn.map { $0.matrices(programs.first { $1 == task.program }?.key ?? [], at: 0) }
    }
  }

  /// The memory that the runners of one thread have reserved.
  var reservedBytes: Int { workers.runners[0].reduce(0) { $0 + $1.reservedBytes } }

  /// Leaves loss and gradient, summed over tasks, in the first of the sums.
  package func run(beside work: (@Sendable () -> Void)? = nil) {
    let (workers, tasks) = (workers, tasks)
    let groups = workers.sums.count
    // Other work comes first: groups, which are many, then even out the threads.
    let first = work == nil ? 0 : 1
    workers.next.store(0, ordering: .relaxed)
    pool.run { worker in
      while true {
        let group = workers.next.add(1, ordering: .relaxed).oldValue - first
        if group >= groups { return }
        if group < 0 {
          work?()
          continue
        }
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

extension [LoadedTask] {
  /// What evaluations of all take, one after another, where `cost` says it of one.
  fileprivate func cost(_ cost: (LoadedTask) -> Cost) -> Cost {
    reduce(into: Cost()) { total, task in
      let part = cost(task)
      total.instructions += part.instructions
      total.multiplyAdds += part.multiplyAdds
      total.peakBytes = Swift.max(total.peakBytes, part.peakBytes)
    }
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
