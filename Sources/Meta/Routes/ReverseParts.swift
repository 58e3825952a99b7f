import Nets
import Tape

/// What every way back from the end of a loop starts and ends with: the parts of the loop, what is carried, and
/// the outer loss with its gradient.
struct ReverseParts {
  let parts: LoopParts
  /// The positions of the learned variables among the outer ones, and these themselves.
  let positions: [Int]
  let learned: [Variable]
  /// A gradient by learned and inner variables and by state, as inputs.
  let carried: Carried
  /// The variables that routines read, by block: the block `carried` holds the outer loss, then ``carried``.
  let blocks: [Routine.Block: [Variable]]
  /// Where each part of ``carried`` begins in its block, and where the last one ends.
  let offsets: [Int]
  /// From the outer variables to the start; nil where nothing moves.
  let start: Routine?
  /// From the end to the block `carried`.
  let outerLoss: Routine
  /// By learned variable, whether the outer loss itself reads it.
  let isRead: [Bool]

  private let loss: Variable

  init(_ problem: any BilevelProblem, _ task: Parameters<Matrix>) {
    parts = LoopParts(problem, task)
    let (on, point) = (parts.on, parts.point)
    positions = problem.learnedPositions
    learned = positions.map { on.outer[$0] }
    loss = on.blank(.scalar)
    carried = Carried(
      outer: learned.map { on.blank($0.shape) },
      inner: point.inner.values.map { on.blank($0.shape) },
      state: point.state.joined().map { on.blank($0.shape) })
    offsets = carried.all.compactMap(\.self).map(\.shape).offsets(from: 1)
    blocks = parts.blocks.merging([.carried: [loss] + carried.all.compactMap(\.self)]) { $1 }
    let judged = parts.outerLoss()
    let direct = reachedPullback(
      of: [judged], at: [on.tape.constant(1)], wrt: learned + point.inner.values)
    isRead = direct[..<learned.count].map { $0 != nil }
    outerLoss = Routine(
      blocks,
      [(0, judged)]
        + zip(offsets, direct).compactMap { offset, slope in slope.map { (offset, $0) } })
    start = parts.startRoutine()
  }

  var carriedCount: Int { offsets.last ?? 1 }

  /// Where the gradient by inner variables lies in the block `carried`.
  var innerRange: Range<Int> {
    offsets[learned.count]..<offsets[learned.count + carried.inner.count]
  }

  /// The outputs that differ from what is carried, each with its place in the block.
  func changed(_ after: Carried) -> [(Int, Variable)] {
    zip(offsets, zip(carried.all, after.all)).compactMap { offset, pair in
      pair.0?.index == pair.1?.index ? nil : pair.1.map { (offset, $0) }
    }
  }

  /// By learned variable, whether something is added on the way to `after`.
  func isReached(by after: Carried) -> [Bool] {
    zip(carried.outer, after.outer).map { $0?.index != $1?.index }
  }

  /// The answer from what is carried: the outer loss and the gradient by what is learned.
  ///
  /// - Parameters:
  ///   - isTouched: By learned variable, whether the block holds something for it.
  ///   - added: By learned variable, what is added to that; nil for nothing.
  func finish(_ isTouched: [Bool], adding added: [Variable?]) -> Routine {
    var whole = carried
    whole.outer = zip(carried.outer, isTouched).map { $1 ? $0 : nil }
    whole.add(toOuter: added)
    return Routine(
      blocks, ([loss] + zip(learned, whole.outer).map { $1 ?? $0.zeros }).map { (0, $0) })
  }

  /// The routines by which the loop is run forward.
  ///
  /// - Parameter step: The step; nil where there is none.
  func routines(_ step: InnerStep?, steps: Int) -> LoopRoutines {
    LoopRoutines(
      start: start, step: step.map(parts.stepRoutine), outerLoss: outerLoss, steps: steps,
      drawing: parts.problem as? any DrawsData,
      innerCount: innerRange.count, pointCount: parts.pointOffsets.last ?? 0,
      carriedCount: carriedCount)
  }

  /// By learned variable, what a gradient by the start adds to its own.
  func throughStart(_ byStart: [Variable]) -> [Variable?] {
    reachedPullback(of: parts.begin.inner.values, at: byStart, wrt: learned)
  }
}
