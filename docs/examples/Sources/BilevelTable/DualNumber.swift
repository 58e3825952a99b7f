import Tape

/// A number and its derivative by one variable, carried forwards.
struct DualNumber {
  var value: Double
  var slope = 0.0

  static func + (a: Self, b: Self) -> Self {
    Self(value: a.value + b.value, slope: a.slope + b.slope)
  }
  static func - (a: Self, b: Self) -> Self {
    Self(value: a.value - b.value, slope: a.slope - b.slope)
  }
  static func * (a: Self, b: Self) -> Self {
    Self(value: a.value * b.value, slope: a.slope * b.value + a.value * b.slope)
  }
  static func / (a: Self, b: Self) -> Self {
    let quotient = a.value / b.value
    return Self(value: quotient, slope: (a.slope - quotient * b.slope) / b.value)
  }
  var squareRoot: Self {
    let root = value.squareRoot()
    return Self(value: root, slope: slope / (2 * root))
  }
}

extension DualNumber: ExpressibleByFloatLiteral {
  init(floatLiteral value: Double) { self.init(value: value) }
}

/// The update rules once more, in dual numbers, entry by entry.
enum PlainRule {
  case momentum, nesterov, rmsprop, adam

  /// One step of one entry.
  ///
  /// - Parameters:
  ///   - settings: The rule's settings by name.
  ///   - memory: What the rule remembers: velocity or mean, and mean square.
  ///   - number: The number of the step, from 1.
  func step(
    _ gradient: DualNumber, _ settings: [String: DualNumber], _ number: Int,
    _ memory: inout (mean: DualNumber, square: DualNumber)
  ) -> DualNumber {
    let decay = settings["decay"] ?? 0.0
    let squareDecay = settings["squareDecay"] ?? 0.0
    let epsilon = settings["epsilon"] ?? 0.0
    func corrected(_ mean: DualNumber, _ decay: DualNumber) -> DualNumber {
      mean / (1.0 - (0..<number).reduce(1.0) { power, _ in power * decay })
    }
    switch self {
    case .momentum:
      memory.mean = decay * memory.mean + gradient
      return memory.mean
    case .nesterov:
      memory.mean = decay * memory.mean + gradient
      return gradient + decay * memory.mean
    case .rmsprop:
      memory.square = squareDecay * memory.square + (1.0 - squareDecay) * gradient * gradient
      return gradient / (memory.square.squareRoot + epsilon)
    case .adam:
      memory.mean = decay * memory.mean + (1.0 - decay) * gradient
      memory.square = squareDecay * memory.square + (1.0 - squareDecay) * gradient * gradient
      return corrected(memory.mean, decay)
        / (corrected(memory.square, squareDecay).squareRoot + epsilon)
    }
  }
}

extension Quadratic {
  /// The derivative of the outer loss by a setting of a rule, carried forwards along the whole descent.
  func by(_ setting: String, of rule: PlainRule, _ settings: [String: Double]) -> Double {
    let duals = Dictionary(
      uniqueKeysWithValues: settings.map { name, value in
        (name, DualNumber(value: value, slope: name == setting ? 1 : 0))
      })
    var here = start.elements.map { DualNumber(value: $0) }
    var memory = here.map { _ in (mean: 0.0 as DualNumber, square: 0.0 as DualNumber) }
    for number in (0..<steps).map({ $0 + 1 }) {
      let gradient = here.indices.map { row in
        here.indices.reduce(DualNumber(value: -linear[row, 0])) {
          $0 + DualNumber(value: hessian[row, $1]) * here[$1]
        }
      }
      for entry in here.indices {
        let step = rule.step(gradient[entry], duals, number, &memory[entry])
        here[entry] = here[entry] - DualNumber(value: rate) * step
      }
    }
    let end = Matrix(start.shape) { row, _ in here[row].value }
    let slope = Matrix(start.shape) { row, _ in here[row].slope }
    return (outerHessian.matmul(end) - outerLinear).dot(slope)
  }
}
