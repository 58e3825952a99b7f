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
  /// The count of inner variables, of a point, and of all that is carried: loss, gradient by what is learned and
  /// by the point.
  private let innerCount: Int
  private let pointCount: Int
  private let carriedCount: Int
  /// The start, and a step forward; nil where nothing moves.
  private let start: Routine?
  private let step: Routine?
  private let outerLoss: Routine
  /// By the weight of the second-order path, a step back; none where it changes nothing.
  private let backs: [Double: Routine]
  /// From the start to the outer variables; its outputs are the loss and the whole gradient.
  private let finish: Routine
  let isReached: [Bool]

  init(_ differentiation: Differentiation, _ task: Parameters<Matrix>) {
    let parts = LoopParts(differentiation.problem, task)
    (steps, weights) = (differentiation.steps, differentiation.weights)
    let (on, point) = (parts.on, parts.point)
    let positions = differentiation.problem.learnedPositions
    let learned = positions.map { on.outer[$0] }
    let loss = on.blank(.scalar)
    let carried = Carried(
      outer: learned.map { on.blank($0.shape) },
      inner: point.inner.values.map { on.blank($0.shape) },
      state: point.state.joined().map { on.blank($0.shape) })
    let carriedInputs = carried.all.compactMap(\.self)
    let offsets = carriedInputs.map(\.shape).offsets(from: 1)
    innerCount = point.inner.shapes.offsets().last ?? 0
    pointCount = parts.pointOffsets.last ?? 0
    carriedCount = offsets.last ?? 1
    var blocks = parts.blocks
    blocks[.carried] = [loss] + carriedInputs

    let judged = parts.outerLoss()
    let direct = reachedPullback(
      of: [judged], at: [on.tape.constant(1)], wrt: learned + point.inner.values)
    var isTouched = direct[..<learned.count].map { $0 != nil }
    outerLoss = Routine(
      blocks,
      [(0, judged)]
        + zip(offsets, direct).compactMap { offset, slope in slope.map { (offset, $0) } })

    var backs: [Double: Routine] = [:]
    if steps > 0 {
      let one = parts.step()
      step = parts.stepRoutine(one)
      for weight in Set(weights) {
        let back = one.carriedBack(carried, weight: weight, positions).all
        let isChanged = zip(carriedInputs, back).map { $0.index != $1?.index }
        let changed = zip(offsets, zip(back, isChanged)).compactMap { offset, pair in
          pair.1 ? pair.0.map { (offset, $0) } : nil
        }
        isTouched = zip(isTouched, isChanged).map { $0 || $1 }
        if !changed.isEmpty { backs[weight] = Routine(blocks, changed, over: .carried) }
      }
    } else {
      step = nil
    }
    start = parts.startRoutine()
    self.backs = backs

    let byStart = reachedPullback(of: parts.begin.inner.values, at: carried.inner, wrt: learned)
    isReached = zip(isTouched, byStart).map { $0 || $1 != nil }
    var whole = carried
    whole.outer = zip(carried.outer, isTouched).map { $1 ? $0 : nil }
    whole.add(toOuter: byStart)
    finish = Routine(
      blocks, ([loss] + zip(learned, whole.outer).map { $1 ?? $0.zeros }).map { (0, $0) })
  }

  /// The points of the path that are kept: all for the way back, the last two without one.
  private var keptPoints: Int { backs.isEmpty ? 2 : steps + 1 }

  private var readsNumber: Bool { runs.contains { $0.routine.reads(.number) } }

  /// Each routine, with how often it runs.
  private var runs: [(routine: Routine, times: Int)] {
    [(start, 1), (step, steps), (outerLoss, 1), (finish, 1)].compactMap { routine, times in
      routine.map { ($0, times) }
    } + backs.map { weight, back in (back, weights.count { $0 == weight }) }
  }

  var cost: Cost {
    let kept = keptPoints * pointCount + carriedCount + (readsNumber ? steps : 0)
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
    private let source: AdjointGradient
    private let start: BoundRoutine?
    private let step: BoundRoutine?
    private let outerLoss: BoundRoutine
    private let finish: BoundRoutine
    /// The way back over each step; steps of equal weight share their memory.
    private let back: [BoundRoutine?]
    /// Each once.
    private let all: [BoundRoutine]
    /// The points of the path, one behind the other.
    private let path: Storage
    /// The outer loss, then its gradient by what is learned and by the point as it is carried back.
    private let carried: Storage
    /// 1, 2, 3 and so on, where a step reads its number.
    private let numbers: Storage

    init(_ source: AdjointGradient, _ outer: Storage) {
      self.source = source
      start = source.start.map { BoundRoutine($0, outer: outer) }
      step = source.step.map { BoundRoutine($0, outer: outer) }
      outerLoss = BoundRoutine(source.outerLoss, outer: outer)
      finish = BoundRoutine(source.finish, outer: outer)
      let shared = source.backs.mapValues { BoundRoutine($0, outer: outer) }
      back = source.weights.map { shared[$0] }
      all = [start, step, outerLoss, finish].compactMap(\.self) + shared.values
      path = Storage(capacity: source.keptPoints * source.pointCount)
      carried = Storage(capacity: source.carriedCount)
      let steps = source.readsNumber ? source.steps : 0
      numbers = Storage(capacity: steps)
      numbers.write((0..<steps).map { Double($0 + 1) }, at: 0)
      for bound in [finish] + shared.values { bound.bind(.carried, to: carried) }
    }

    var reservedBytes: Int {
      all.reduce(0) { $0 + $1.workspace.reservedBytes }
        + (path.reservedCount + carried.reservedCount + numbers.reservedCount)
        * MemoryLayout<Double>.stride
    }

    func run(_ task: Storage, addingTo sum: Storage) {
      let (steps, kept, count) = (source.steps, source.keptPoints, source.pointCount)
      func place(_ bound: BoundRoutine, _ index: Int) {
        bound.bind(.point, to: path, at: index % kept * count)
        bound.bind(.number, to: numbers, at: index)
      }
      for bound in all { bound.bind(.task, to: task) }

      start?.run(into: path)
      path.clear(source.innerCount..<count)
      if let step {
        for index in 0..<steps {
          place(step, index)
          step.run(into: path, at: (index + 1) % kept * count)
        }
      }
      carried.clear(0..<source.carriedCount)
      place(outerLoss, steps)
      outerLoss.run(into: carried)
      for index in (0..<steps).reversed() {
        guard let back = back[index] else { continue }
        place(back, index)
        back.run(into: carried)
      }
      finish.workspace.run()
      finish.workspace.addOutputs(to: sum)
    }
  }
}
