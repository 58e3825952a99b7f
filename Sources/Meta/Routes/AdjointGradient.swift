import Nets
import Tape

/// The route `adjoint`: forward over the steps, then backward over one recorded step at a time.
///
/// With gradient descent, θₜ₊₁ = θₜ − α ∂g(θₜ, φ), the gradient v of the outer loss at the last θ is carried
/// back by v ← v − α H(θₜ) v, with H the Hessian of the inner loss, and what the inner gradient reads of φ
/// receives −α (∂²g/∂θ∂φ)ᵀ v on the way. First order carries v back unchanged. With another rule, what it
/// remembers is carried along.
struct AdjointGradient: TaskGradient {
  private let steps: Int
  private let weights: [Double]
  private let layout: Layout
  /// The start, and a step forward; nil where nothing moves.
  private let start: Routine?
  private let step: Routine?
  private let outerLoss: Routine
  /// By the weight of the second-order path, a step back; none where it changes nothing.
  private let backs: [Double: Routine]
  /// From the start to the outer variables; its outputs are the loss and the whole gradient.
  private let finish: Routine
  let isReached: [Bool]

  /// Where things lie in a point and in what is carried back.
  private struct Layout {
    let inner: [Shape]
    let state: [Shape]
    let learned: [Shape]

    var innerCount: Int { Self.count(inner) }
    var pointCount: Int { innerCount + Self.count(state) }
    var learnedCount: Int { Self.count(learned) }
    /// Of what is carried: loss, gradient by learned variables, by the point.
    var carriedCount: Int { 1 + learnedCount + pointCount }
    /// Where the gradient by each learned variable begins, then that by each part of the point.
    var carriedOffsets: [Int] { Self.offsets(learned + inner + state, from: 1) }
    var pointOffsets: [Int] { Self.offsets(inner + state, from: 0) }

    private static func count(_ shapes: [Shape]) -> Int { shapes.reduce(0) { $0 + $1.count } }
    private static func offsets(_ shapes: [Shape], from first: Int) -> [Int] {
      shapes.reduce(into: [first]) { $0.append($0[$0.count - 1] + $1.count) }.dropLast()
    }
  }

  init(_ differentiation: Differentiation, _ shapes: [Shape]) {
    let problem = differentiation.problem
    (steps, weights) = (differentiation.steps, differentiation.weights)
    let on = TaskTape(problem, blank: shapes)
    func blank(_ shape: Shape) -> Variable { on.tape.input(Matrix(shape, repeating: 0)) }
    let learned = problem.learnedPositions
    let begin = on.start(of: problem, on.outer)
    let layout = Layout(
      inner: begin.inner.shapes, state: begin.state.joined().map(\.shape),
      learned: learned.map { on.outer[$0].shape })
    self.layout = layout
    // A point and what is carried back to it, each an input.
    let point = begin.map { blank($0.shape) }
    let loss = blank(.scalar)
    let carried = Carried(
      outer: layout.learned.map(blank), inner: layout.inner.map(blank),
      state: layout.state.map(blank))
    let carriedBlock = [loss] + carried.outer.compactMap(\.self) + carried.inner + carried.state
    let number = blank(.scalar)
    let blocks: [Routine.Block: [Variable]] = [
      .outer: on.outer.values, .task: on.task.values, .number: [number], .point: point.all,
      .carried: carriedBlock,
    ]

    let judged = on.outerLoss(of: problem, point.inner, on.outer)
    let direct = reachedPullback(
      of: [judged], at: [on.tape.constant(1)],
      wrt: learned.map { on.outer[$0] } + point.inner.values)
    var isTouched = direct[..<learned.count].map { $0 != nil }
    outerLoss = Routine(
      blocks,
      [(0, judged)]
        + zip(layout.carriedOffsets, direct).compactMap { offset, variable in
          variable.map { (offset, $0) }
        })

    var backs: [Double: Routine] = [:]
    if steps > 0 {
      let one = InnerStep(
        on.functions(of: problem), from: point, outer: on.outer, number: StepNumber(number),
        weight: nil)
      step = Routine(blocks, Array(zip(layout.pointOffsets, one.end.all)))
      for weight in Set(weights) {
        let back = one.carriedBack(carried, weight: weight, learned)
        let changed = zip(layout.carriedOffsets, zip(carried.all, back.all)).compactMap {
          offset, pair in
          pair.1.flatMap { $0.index == pair.0?.index ? nil : (offset, $0) }
        }
        for position in learned.indices
        where back.outer[position]?.index != carried.outer[position]?.index {
          isTouched[position] = true
        }
        if !changed.isEmpty { backs[weight] = Routine(blocks, changed) }
      }
    } else {
      step = nil
    }
    start =
      layout.inner.isEmpty
      ? nil : Routine(blocks, Array(zip(layout.pointOffsets, begin.inner.values)))
    self.backs = backs

    let byStart = reachedPullback(
      of: begin.inner.values, at: carried.inner, wrt: learned.map { on.outer[$0] })
    isReached = zip(isTouched, byStart).map { $0 || $1 != nil }
    let whole = learned.indices.map { position -> Variable in
      var sum = Carried(
        outer: [isTouched[position] ? carried.outer[position] : nil], inner: [], state: [])
      sum.add(toOuter: [byStart[position]])
      return sum.outer[0] ?? on.outer[learned[position]].zeros
    }
    finish = Routine(blocks, ([loss] + whole).map { (0, $0) })
  }

  /// The points of the path that are kept: all for the way back, the last two without one.
  private var keptPoints: Int { backs.isEmpty ? 2 : steps + 1 }

  private var readsNumber: Bool {
    runs.contains { $0.routine.reads(.number) }
  }

  /// Each routine, with how often it runs.
  private var runs: [(routine: Routine, times: Int)] {
    [(start, 1), (step, steps), (outerLoss, 1), (finish, 1)].compactMap { routine, times in
      routine.map { ($0, times) }
    } + backs.map { weight, back in (back, weights.count { $0 == weight }) }
  }

  var cost: Cost {
    let kept = keptPoints * layout.pointCount + layout.carriedCount + (readsNumber ? steps : 0)
    return runs.reduce(into: Cost(peakBytes: kept * MemoryLayout<Double>.stride)) { total, run in
      let part = run.routine.program.cost
      total.instructions += run.times * part.instructions
      total.multiplyAdds += run.times * part.multiplyAdds
      total.peakBytes += part.peakBytes
    }
  }

  var lines: Int { runs.reduce(0) { $0 + $1.routine.program.recording.instructions.count } }

  func runner(outer: Storage) -> any TaskRunner { Runner(self, outer) }
}

extension AdjointGradient {
  private final class Runner: TaskRunner {
    /// A routine and its memory.
    private struct Bound {
      let routine: Routine
      let workspace: Workspace

      init(_ routine: Routine, _ outer: Storage) {
        self.routine = routine
        workspace = Workspace(for: routine.program)
        routine.bind(workspace, .outer, to: outer)
      }

      func run() { workspace.run() }
    }

    private let source: AdjointGradient
    private let start: Bound?
    private let step: Bound?
    private let outerLoss: Bound
    private let finish: Bound
    /// The way back over each step; steps of equal weight share their memory.
    private let back: [Bound?]
    /// Each once.
    private let all: [Bound]
    /// The points of the path, one behind the other.
    private let path: Storage
    /// The outer loss, then its gradient by outer variables and point as it is carried back.
    private let carried: Storage
    /// 1, 2, 3 and so on, where a step reads its number.
    private let numbers: Storage

    init(_ source: AdjointGradient, _ outer: Storage) {
      self.source = source
      let layout = source.layout
      start = source.start.map { Bound($0, outer) }
      step = source.step.map { Bound($0, outer) }
      outerLoss = Bound(source.outerLoss, outer)
      finish = Bound(source.finish, outer)
      let shared = source.backs.mapValues { Bound($0, outer) }
      back = source.weights.map { shared[$0] }
      all = [start, step, outerLoss, finish].compactMap(\.self) + shared.values
      path = Storage(capacity: source.keptPoints * layout.pointCount)
      carried = Storage(capacity: layout.carriedCount)
      let steps = source.readsNumber ? source.steps : 0
      numbers = Storage(capacity: steps)
      numbers.write((0..<steps).map { Double($0 + 1) }, at: 0)
      for bound in [finish] + shared.values {
        bound.routine.bind(bound.workspace, .carried, to: carried)
      }
    }

    var reservedBytes: Int {
      all.reduce(0) { $0 + $1.workspace.reservedBytes }
        + (path.reservedCount + carried.reservedCount + numbers.reservedCount)
        * MemoryLayout<Double>.stride
    }

    func run(_ task: Storage, addingTo sum: Storage) {
      let layout = source.layout
      let (steps, kept, count) = (source.steps, source.keptPoints, layout.pointCount)
      func point(_ step: Int) -> Int { step % kept * count }
      func go(_ bound: Bound, _ index: Int) {
        bound.routine.bind(bound.workspace, .point, to: path, at: point(index))
        bound.routine.bind(bound.workspace, .number, to: numbers, at: index)
        bound.run()
      }
      for bound in all { bound.routine.bind(bound.workspace, .task, to: task) }

      if let start {
        start.run()
        start.routine.copyOutputs(start.workspace, to: path)
      }
      path.clear(layout.innerCount..<count)
      for index in 0..<steps {
        guard let step else { break }
        go(step, index)
        step.routine.copyOutputs(step.workspace, to: path, at: point(index + 1))
      }
      carried.clear(0..<layout.carriedCount)
      go(outerLoss, steps)
      outerLoss.routine.copyOutputs(outerLoss.workspace, to: carried)
      for index in (0..<steps).reversed() {
        guard let back = back[index] else { continue }
        go(back, index)
        back.routine.copyOutputs(back.workspace, to: carried)
      }
      finish.run()
      finish.workspace.addOutputs(to: sum)
    }
  }
}
