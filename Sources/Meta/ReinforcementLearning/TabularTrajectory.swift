/// What may happen in a tabular process up to its horizon: a state and an action for each time.
public struct TabularTrajectory: Equatable, Sendable {
  /// The state at each time.
  public let states: [Int]
  /// The action at each time.
  public let actions: [Int]
  /// How probable the states are, the actions being given: the part of its probability that no policy changes.
  public let chance: Double
}

extension TabularMDP {
  /// All trajectories that have a positive probability under a softmax policy, in lexical order.
  ///
  /// - Parameter limit: The most that are listed.
  /// - Throws: ``MetaProblemError`` at `horizon` where there is none, or where it makes for more than `limit`.
  public func trajectories(
    atMost limit: Int = 100_000
  ) throws(MetaProblemError) -> [TabularTrajectory] {
    guard let horizon else {
      throw MetaProblemError("horizon", "is missing, and without one trajectories have no end")
    }
    var list = [TabularTrajectory(states: [], actions: [], chance: 1)]
    for time in 0..<horizon {
      var longer: [TabularTrajectory] = []
      for one in list {
        for state in 0..<states {
          let chance =
            if let last = one.states.last {
              transitions[one.actions[time - 1]][last, state]
            } else { start[0, state] }
          if chance == 0 { continue }
          for action in 0..<actions {
            longer.append(
              TabularTrajectory(
                states: one.states + [state], actions: one.actions + [action],
                chance: one.chance * chance))
          }
        }
        if longer.count > limit {
          throw MetaProblemError("horizon", "\(horizon) makes more than \(limit) trajectories")
        }
      }
      list = longer
    }
    return list
  }
}

/// Several trajectories drawn independently, whatever their order.
struct TrajectorySet {
  /// Which ones, as positions in a list that do not decrease.
  var members: [Int] = []
  /// In how many orders they could be drawn.
  var orders = 1.0

  /// All sets of `size` out of a list of `count`.
  static func all(_ size: Int, of count: Int) -> [TrajectorySet] {
    var sets = [(set: TrajectorySet(), repeats: 0)]
    for drawn in 1...size {
      sets = sets.flatMap { set, repeats in
        ((set.members.last ?? 0)..<count).map { next in
          // n! / Π (repeats!), a factor for each member.
          let again = next == set.members.last ? repeats + 1 : 1
          return (
            TrajectorySet(
              members: set.members + [next], orders: set.orders * Double(drawn) / Double(again)),
            again
          )
        }
      }
    }
    return sets.map(\.set)
  }

  /// How many those are.
  static func count(_ size: Int, of count: Int) -> Double {
    (0..<size).reduce(1.0) { $0 * Double(count + $1) / Double($1 + 1) }
  }
}
